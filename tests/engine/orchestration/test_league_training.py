"""`meijin train --league` as a real run: killed, gone on with, and what its games are."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from rich.console import Console
from tiny_runs import PATIENCE_SECONDS, TINY, start

from engine.learning.packed import join
from engine.learning.payoffs import payoffs_of
from engine.learning.store import EpisodeStore
from engine.orchestration.reports import Status
from engine.orchestration.run_directory import RunDirectory
from engine.records import ITSELF
from games import make
from scripts.progress import LiveScreen, PlainLines
from scripts.report_charts import charts_of
from scripts.train import command

SETTINGS = [*TINY, "league.opponents=3"]


LEAGUE = {"minutes": 60, "settings": SETTINGS}


def league_games(run: Path) -> int:
    rows = RunDirectory(run).read_metrics()
    return max((row.get("league_games", 0) for row in rows), default=0)


def wait_for(run: Path, process: subprocess.Popen, *, games: int, opponents: int) -> None:
    """Until so many games of the league are stored, against so many different versions."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    store = EpisodeStore(run / "episodes", make("tic_tac_toe"), read_only=True)
    payoffs = store.counters.payoffs
    while payoffs.games < games or len(payoffs.by_version) < opponents:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"there is only {payoffs}"
        time.sleep(0.2)
        store.refresh()
        payoffs = store.counters.payoffs


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run killed in the middle of its league, and gone on with to a stop by hand."""
    run = tmp_path_factory.mktemp("league") / "run"
    process = start(run, "--league", "--workers", "1", **LEAGUE)
    wait_for(run, process, games=20, opponents=1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert not alive
    stored = EpisodeStore(run / "episodes", make("tic_tac_toe"), report=lambda line: None)
    before = stored.counters.payoffs
    process = start(run, "--league", "--workers", "1", **LEAGUE)
    wait_for(run, process, games=before.games + 100, opponents=4)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    store = EpisodeStore(run / "episodes", make("tic_tac_toe"))
    packed = join([store.read_packed(number) for number in store.numbers])
    return run, before, store, packed, output


def test_counters_add_up_over_a_kill(trained):
    run, before, store, packed, _ = trained
    assert before.games > 0
    payoffs = store.counters.payoffs
    assert payoffs.games == int((packed.opponents != ITSELF).sum()) > before.games
    assert league_games(run) == payoffs.games
    counted = payoffs_of(packed)
    for version, payoff in payoffs.by_version.items():
        assert counted.of(version).games == payoff.games >= before.of(version).games
        assert counted.of(version).chance == pytest.approx(payoff.chance)


def test_a_share_of_the_games_has_an_older_version_on_one_side(trained):
    _, _, _, packed, _ = trained
    league = packed.opponents != ITSELF
    assert 0.05 < league[packed.versions >= 3].mean() < 0.45
    assert (packed.opponents[league] < packed.versions[league]).all()
    assert len(set(packed.opponents[league].tolist())) >= 4, "opponents change with the versions"
    assert set(packed.learners[league].tolist()) == {0, 1}
    assert len(set(packed.ids)) == len(packed)


def test_no_move_of_an_older_version_is_learned_from(trained):
    _, _, _, packed, _ = trained
    learners = np.repeat(packed.learners, packed.lengths)
    theirs = (learners != ITSELF) & (packed.states["to_play"] != learners)
    assert theirs.any()
    assert (packed.weights[theirs] == 0).all()
    assert (packed.weights[(learners != ITSELF) & ~theirs] > 0).any()


def test_the_league_is_shown_and_kept(trained):
    run, *_ = trained
    rows = [row for row in RunDirectory(run).read_metrics() if row.get("league")]
    assert all(0 <= share <= 1 for row in rows for share in row["league"].values())
    assert max(len(row["league"]) for row in rows) <= 3
    titles = [chart.title for chart in charts_of(rows, games=1, positions={})]
    assert any("league" in title for title in titles)


def test_the_league_is_on_the_screen(capsys):
    status = Status(elapsed_seconds=60, league_games=1200, league={4: 0.25, 8: 0.5})
    PlainLines().update(status)
    assert "league: 1,200 games, points against v4 25%, v8 50%" in capsys.readouterr().out
    live = LiveScreen()
    console = Console(width=140)
    with console.capture() as shown:
        console.print(live._draw(status))
    assert re.search(r"against version 4 +25%", shown.get())
    status = Status(elapsed_seconds=60)
    PlainLines().update(status)
    assert "league" not in capsys.readouterr().out


def test_kept_versions_are_those_that_may_be_met(trained):
    run, *_ = trained
    versions = RunDirectory(run).versions()
    newest = versions[-1]
    step = 1
    while (newest - 1) // step > 3:
        step *= 2
    assert set(range(step, newest, step)) <= set(versions)


def test_a_league_is_refused_where_it_cannot_be(tmp_path):
    arguments = ["tic_tac_toe", "--run", str(tmp_path / "run"), "--league"]
    result = CliRunner().invoke(command, [*arguments, "--set", "selfplay.games=1"])
    assert result.exit_code and "selfplay.games to 2" in str(result.exception or result.output)
    result = CliRunner().invoke(command, [*arguments, "--set", "league.shares=0.3"])
    assert result.exit_code and "did you mean 'league.share'" in str(
        result.exception or result.output
    )
    assert not os.path.exists(tmp_path / "run")
