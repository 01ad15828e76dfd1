"""The commands that make shipped files, in their short forms."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.torch import load_file

from agents.alphago.expert_games import lessons_of, load_expert_games
from agents.museum.exhibits import FOLDER
from engine.learning.checkpoint import load_weights
from engine.vision.yolo import Yolo
from games import make
from scripts import build_expert_games, build_museum, build_yolo


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_expert_games_of_connect_four(tmp_path):
    for name in ("a", "b"):
        said = run(
            build_expert_games.command,
            "connect_four",
            "--games",
            6,
            "--out",
            tmp_path / f"{name}.npz",
        )
        assert "6 games" in said
    first, again = (load_expert_games(tmp_path / f"{name}.npz") for name in ("a", "b"))
    assert (first.moves == again.moves).all()
    assert len(lessons_of(make("connect_four"), first).states) > 60


@pytest.mark.skipif(not shutil.which("gnugo", path="/usr/games:/usr/bin"), reason="no GNU Go")
def test_expert_games_of_go(tmp_path):
    program = shutil.which("gnugo", path="/usr/games:/usr/bin")
    out = tmp_path / "go.npz"
    run(build_expert_games.command, "go9", "--games", 2, "--program", program, "--out", out)
    games = load_expert_games(out)
    lessons = lessons_of(make("go9"), games)
    assert 0.8 < len(lessons.states) / (games.moves >= 0).sum() <= 1
    assert set(np.abs(games.results).ravel()) == {1.0}  # komi of 7.5: no draws


@pytest.mark.slow
def test_the_museums_networks(tmp_path):
    run(build_museum.command, "--quick", "--out", tmp_path)
    game = make("connect_four")
    for path in FOLDER.glob("*.safetensors"):
        made = load_weights(tmp_path / path.name, game)
        shipped = load_weights(path, game)
        shapes = [
            {name: value.shape for name, value in each.build().state_dict().items()}
            for each in (made, shipped)
        ]
        assert shapes[0] == shapes[1]


def test_the_network_that_reads_boards(tmp_path):
    out = tmp_path / "yolo.safetensors"
    assert "mean average precision" in run(build_yolo.command, "--quick", "--out", out)
    Yolo().load_state_dict(load_file(str(out)))


@pytest.mark.parametrize("script", [build_museum, build_yolo])
def test_short_trainings_do_not_go_into_the_package(script):
    result = CliRunner().invoke(script.command, ["--quick"])
    assert result.exit_code == 2 and "name --out" in result.output
