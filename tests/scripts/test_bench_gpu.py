"""`meijin bench --gpu` on the processor: the script itself works, and refuses what it must."""

import contextlib
import json
import threading
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from engine.selfplay import probe
from scripts import bench, bench_gpu


def run(*arguments):
    return CliRunner().invoke(bench.command, arguments)


def test_the_whole_table_is_measured_in_its_short_form(monkeypatch):
    monkeypatch.setattr(bench_gpu, "REDUCED", (bench_gpu.Size("tic_tac_toe", 1, 8),))
    monkeypatch.setattr(bench_gpu, "_compile", len)  # here it is compiled already
    threads = torch.get_num_threads()
    result = run("--gpu", "--device", "cpu", "--minutes", "0.1", "--json")
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    found = {(row["name"], row["unit"]): row for row in rows}
    for unit in ("moves/s", "simulations/s", "evaluations/s"):
        assert found["self-play", unit]["value"] > 0
    ceiling = found["network alone, best", "evaluations/s"]["value"]
    share = found["self-play over the network alone", "share"]["value"]
    assert share == pytest.approx(found["self-play", "evaluations/s"]["value"] / ceiling)
    assert found["policy divergence from the processor", "nats"]["value"] < 0.01
    assert "measure nothing" in result.stderr and "In a probe of" in result.stderr
    assert {size.game for size in bench_gpu.TABLE} == {
        "connect_four", "go9", "chess", "go(size=19)",
    }  # fmt: skip


def test_the_table_of_a_gpu_is_measured_on_a_made_up_one(monkeypatch, cuda):
    monkeypatch.setattr(bench_gpu, "TABLE", (bench_gpu.Size("tic_tac_toe", 1, 8),))
    monkeypatch.setattr(bench_gpu, "ProcessPoolExecutor", compiled)
    monkeypatch.setattr(probe, "largest_batch", lambda network: 64)
    threads = torch.get_num_threads()
    result = run("--gpu", "--device", "cuda:0", "--minutes", "0.1", "--json")
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    found = {(row["name"], row["unit"]): row for row in json.loads(result.stdout)}
    assert found["self-play", "moves/s"]["value"] > 0
    assert found["self-play", "moves/s"]["settings"]["backend"] == "cuda:0 bf16, graphs"
    assert found["policy divergence from the processor", "nats"]["value"] < 0.01
    assert cuda.replays > 100 and "In a probe of" in result.stderr


@contextlib.contextmanager
def compiled(*_arguments, **_options):
    """In place of processes that compile: here it is done already."""
    yield SimpleNamespace(map=lambda work, games: ())


def test_a_line_that_fails_leaves_the_others(monkeypatch):
    sizes = (bench_gpu.Size("tic_tac_toe", 1, 8), bench_gpu.Size("tic_tac_toe", 2, 8))
    monkeypatch.setattr(bench_gpu, "REDUCED", sizes)
    monkeypatch.setattr(bench_gpu, "_compile", len)

    def one_line(size, device, **options):
        if size.blocks == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield bench_gpu.Row("self-play", 1.0, "moves/s", size.facts)

    monkeypatch.setattr(bench_gpu, "_line", one_line)
    result = run("--gpu", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "tic_tac_toe 1x8 failed: CUDA out of memory" in result.output
    assert "game tic_tac_toe, network 2x8" in result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_gpu_it_says_what_was_seen():
    result = run("--gpu")
    assert result.exit_code == 1
    assert result.output.startswith("Error: --device cuda: PyTorch")


def test_a_device_kept_waiting_is_measured_as_such(monkeypatch):
    from games import make

    monkeypatch.setattr(bench_gpu, "SIMULATIONS", 4)
    monkeypatch.setattr(bench_gpu, "LANE_GAMES", 16)
    monkeypatch.setattr(bench_gpu, "RATIOS", (20.0,))
    rows = list(bench_gpu.lane_rows(make("tic_tac_toe"), 0.2))
    shares = [row.value for row in rows if row.unit == "share"]
    assert len(shares) == 3 and min(shares) > 0
    assert [row.settings["lanes"] for row in rows[1:]] == [1, 2, 3]


def test_no_lane_plays_on_after_an_interrupt(monkeypatch):
    """A thread inside of PyTorch at the end of the process aborted it, after Ctrl-C."""
    from games import make

    def interrupted(lanes, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(bench_gpu, "LANE_GAMES", 4)
    monkeypatch.setattr(bench_gpu, "_play", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(bench_gpu.lane_rows(make("tic_tac_toe"), 0.2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane")]


def test_other_sections_are_refused_beside_the_table_of_a_gpu():
    result = run("--gpu", "--device", "cpu", "--section", "lanes")
    assert result.exit_code == 2 and "--gpu measures its own table" in result.output
