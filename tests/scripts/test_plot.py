"""`meijin plot` on metrics as a run writes them."""

from click.testing import CliRunner

from engine.config import RunConfig
from engine.orchestration.run_directory import RunDirectory
from scripts.plot import command


def written_run(path, *, minutes, game="tic_tac_toe"):
    run = RunDirectory(path)
    run.create(RunConfig(game=game, minutes=minutes))
    for minute in range(minutes + 1):
        run.append_metrics(
            {
                "elapsed_seconds": 60.0 * minute,
                "moves_per_second": 100.0,
                "evaluations_per_second": 900.0,
                "losses": {"policy": 2.0 - minute / 10},
            }
        )
        judged = {"vs random": minute / minutes, "truth network begin": 0.5}
        run.append_metrics({"elapsed_seconds": 60.0 * minute, "judged": judged})
    return str(path)


def test_one_run_is_drawn_into_its_folder(tmp_path):
    run = written_run(tmp_path / "a", minutes=3)
    result = CliRunner().invoke(command, [run])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a" / "course.png").stat().st_size > 10_000


def test_several_runs_share_a_picture(tmp_path):
    games = ("tic_tac_toe", "hex(size=3)", "hex(size=4)", "hex(size=5)", "connect_four")
    runs = [
        written_run(tmp_path / name, minutes=3, game=game)
        for name, game in zip("abcde", games, strict=True)
    ]
    picture = tmp_path / "all.svg"
    result = CliRunner().invoke(command, [*runs, "--output", str(picture)])
    assert result.exit_code == 0, result.output
    assert picture.read_text().count("<path") > 50


def test_runs_of_one_game_are_laid_over_each_other(tmp_path):
    runs = [written_run(tmp_path / name, minutes=3) for name in "ab"]
    picture = tmp_path / "both.svg"
    result = CliRunner().invoke(command, [*runs, "--output", str(picture)])
    assert result.exit_code == 0, result.output
    # One axis, for "vs random": "truth network begin" is the same in both from first to last.
    assert [picture.read_text().count(f'id="axes_{number}"') for number in (1, 2)] == [1, 0]


def test_a_run_without_a_course_is_named(tmp_path):
    run = written_run(tmp_path / "a", minutes=3)
    RunDirectory(tmp_path / "b").create(RunConfig(game="tic_tac_toe"))
    result = CliRunner().invoke(command, [run, str(tmp_path / "b")])
    assert result.exit_code == 1 and "b has no course to draw yet" in result.output
