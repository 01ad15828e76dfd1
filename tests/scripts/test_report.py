"""`meijin report` on a run as training leaves it, whole and damaged."""

import html.parser
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import games
from engine.config import RunConfig
from engine.learning.store import EpisodeStore
from engine.orchestration.run_directory import RunDirectory
from scripts.cli import main
from scripts.report import command

HELPER = Path(__file__).parent.parent / "engine" / "learning" / "learning_episodes.py"


def random_episodes(*arguments, **settings):
    spec = importlib.util.spec_from_file_location("learning_episodes", HELPER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.random_episodes(*arguments, **settings)


def metrics(minute, game):
    """A row as ``engine.orchestration.loop`` writes it."""
    return {
        "elapsed_seconds": 60.0 * minute, "start": 1, "time": f"2026-01-01T12:{minute:02}:00",
        "episodes": 100 * minute, "rows_stored": 4000 * minute, "rows_trained": 9000 * minute,
        "rows_in_window": 3000 * minute, "steps": 80 * minute, "version": minute,
        "games_per_second": 1.5, "moves_per_second": 100.0 + minute, "simulations_per_second": 9000,
        "evaluations_per_second": 5000 + minute, "cache_share": 0.2, "network_share": 0.9,
        "mean_plies": 7.5, "memory_bytes": 2**30,
        "losses": {"policy": 2 - minute / 9, "value": 0.7, "total": 3.0} if minute else {},
    }  # fmt: skip


def judgement(minute):
    shares = {"vs random": minute / 8, "truth search 100 begin": 0.9, "truth network begin": 0.7}
    return {"elapsed_seconds": 60.0 * minute, "start": 1, "version": minute, "judged": shares}


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "my <run>")
    run.create(RunConfig(game="tic_tac_toe", minutes=8, publish_seconds=15))
    for minute in range(9):
        run.append_metrics(metrics(minute, "tic_tac_toe"))
        if minute in (2, 5, 8):
            run.append_metrics(judgement(minute))
    game = games.make("tic_tac_toe")
    store = EpisodeStore(run.episodes, game)
    for shard in range(4):
        store.append(random_episodes(game, 3, seed=shard, prefix=f"w{shard}"))
    (run.path / "evaluation.json").write_text(json.dumps(EVALUATION))
    return run


TRUTH = {"positions": 50, "errors": 5, "error": 0.1, "error_95": [0.04, 0.21]}
EVALUATION = {
    "agent": "my run", "game": "tic_tac_toe", "seed": 0, "time": "2026-01-01T13:00:00",
    "truth": {"network alone": {"begin": TRUTH}},
    "ladder": [{"a": "my run@100", "b": "random", "score": 0.9, "score_95": [0.85, 0.94],
                "total": {"wins": 85, "draws": 10, "losses": 5}}],
    "elo": {"anchor": "random", "players": {
        "my run@100": {"elo": 380.4, "elo_95": [300.2, 460.1]},
        "random": {"elo": 0.0, "elo_95": [0.0, 0.0]}}},
}  # fmt: skip


def written(run):
    result = CliRunner().invoke(command, [str(run.path)])
    assert result.exit_code == 0, result.output
    return (run.path / "report.html").read_text(encoding="utf-8")


class Loads(html.parser.HTMLParser):
    """What a page would fetch, and the pictures in it."""

    def __init__(self, text):
        super().__init__()
        self.found, self.pictures = [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.pictures += tag == "svg"
        self.found += [
            value
            for key, value in attrs
            if key in ("src", "href", "xlink:href") and not value.startswith("#")
        ]


def test_the_page_is_whole_and_fetches_nothing(run):
    page = written(run)
    loads = Loads(page)
    assert loads.found == [] and loads.pictures == 8  # six curves, the board, the course of a game
    assert "<link" not in page and "@import" not in page and "my <run>" not in page
    for told in ("8 min", "800", "32,000", "380 (300 to 460)", "85.0% to 94.0%"):
        assert told in page
    assert "10.0% (4.0 to 21.0)" in page
    assert "publish_seconds" in page and "Moves that keep the result" in page
    data = json.loads(re.search(r"const data = (\{.*\});", page)[1])
    assert [each["name"] for each in data["games"]] == [
        f"{stage} {number}" for stage in ("early", "middle", "late") for number in (1, 2)
    ]
    for each in data["games"]:
        assert len(each["boards"]) == len(each["moves"]) + 1 == len(each["scores"])
        assert len(each["boards"][-1]["pieces"]) == len(each["moves"])


def test_names_inside_pictures_differ_from_picture_to_picture(run):
    """Pictures of one page share its names: a clip path of one must not cut another."""
    page = written(run)
    pictures = re.findall(r"<figure>(.*?)</figure>", page, re.DOTALL)
    clips = [set(re.findall(r'<clipPath id="([^"]+)"', picture)) for picture in pictures]
    assert len(pictures) == 6 and all(clips)
    assert sum(map(len, clips)) == len(set.union(*clips))


def test_what_is_missing_or_damaged_is_left_out(run):
    (run.path / "evaluation.json").write_text("{")
    for shard in run.episodes.glob("*.safetensors"):
        shard.write_bytes(shard.read_bytes()[:-7])
    page = written(run)
    assert "Not evaluated yet" in page and 'id="board"' not in page


def test_a_run_without_a_course_is_refused(tmp_path, capsys):
    RunDirectory(tmp_path / "b").create(RunConfig(game="tic_tac_toe"))
    for path, told in ((tmp_path / "b", "no course to report"), (tmp_path / "c", "run directory")):
        with pytest.raises(SystemExit) as ended:
            main(["report", str(path)])
        complaint = capsys.readouterr().err
        assert ended.value.code == 2 and told in complaint and complaint.count("\n") == 1


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to show the page in")
def test_a_browser_shows_a_game(run, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(written(run) + "<script>document.title = 'all ran'</script>", encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-background-networking", f"--user-data-dir={tmp_path}/profile",
            "--virtual-time-budget=2000", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert "<title>all ran" in done.stdout, done.stderr[-500:]
    assert re.search(r'<h2 id="heading">Game late 2', done.stdout)
    board = re.search(r'<svg class="board".*?</svg>', done.stdout, re.DOTALL)[0]
    assert board.count("<circle") >= 5
