"""What `meijin train` says when it has ended."""

from engine.config import RunConfig
from engine.orchestration.run_directory import RunDirectory
from scripts.train import _last_words


def test_a_run_without_a_network_is_not_offered_to_be_played(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(RunConfig(game="tic_tac_toe"))
    (line,) = _last_words(run, 2.0, is_done=True)
    assert "too short for a first network" in line and line.endswith("--minutes 5")
    run.weights_file(1).write_bytes(b"")
    assert "meijin play" in _last_words(run, 2.0, is_done=True)[1]


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path):
    run = RunDirectory(tmp_path / "run")
    (line,) = _last_words(run, 2.0, is_done=False)
    assert line == f"Saved. Go on with: meijin train --run {run.path}"
