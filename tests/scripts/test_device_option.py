"""`meijin train --device`: a GPU that is not there is an error, and nothing is written."""

import pytest
import torch
from click.testing import CliRunner

from scripts.train import command


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_missing_gpu_is_one_line_and_leaves_no_run(tmp_path, device):
    run = tmp_path / "run"
    result = CliRunner().invoke(command, ["tic_tac_toe", "--run", str(run), "--device", device])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: --device {device}: PyTorch ")
    assert "sees no GPU" in result.output and result.output.count("\n") == 1
    assert not run.exists()


def test_an_unknown_device_is_refused(tmp_path):
    run = tmp_path / "run"
    result = CliRunner().invoke(command, ["tic_tac_toe", "--run", str(run), "--device", "gpu"])
    assert result.exit_code != 0 and "no device 'gpu'; there are auto, cpu, cuda" in result.output
    assert "Traceback" not in result.output and not run.exists()
