"""Whole games between `meijin uci`, `usi`, `gtp` and programs that nobody here wrote.

The clients are foreign as well where there is one: python-chess for UCI, cshogi's match runner for
USI. They referee by their own rules and clocks.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

MEIJIN = [sys.executable, "-m", "scripts.cli"]
START_SECONDS = 500


@dataclass
class Report:
    """What became of some games, from our view."""

    wins: int = 0
    draws: int = 0
    losses: int = 0
    plies: int = 0
    time_losses: int = 0
    least_left: float = float("inf")  # seconds on our clock, at its lowest

    @property
    def games(self) -> int:
        """How many were finished."""
        return self.wins + self.draws + self.losses

    def __str__(self) -> str:
        left = "" if self.least_left == float("inf") else f", least left {self.least_left:.2f} s"
        return (
            f"{self.games} games, {self.plies} plies, {self.wins} won, {self.draws} drawn, "
            f"{self.losses} lost, {self.time_losses} of them on time{left}"
        )


def program(name: str) -> str:
    """Where a program is; the test is skipped where it is not installed."""
    path = shutil.which(name) or f"/usr/games/{name}"
    if not Path(path).exists():
        pytest.skip(f"{name} is not installed")
    return path


def play_chess(
    ours: list[str],
    theirs: list[str],
    *,
    games: int,
    clock: tuple[float, float] | None = None,
    limits: dict[str, int] | None = None,
    their_options: dict[str, str | int] | None = None,
    ponder: bool = False,
) -> Report:
    """Games of chess refereed by python-chess; every second one begins with the other side.

    Args:
        ours: command of our engine.
        theirs: of the other.
        games: how many.
        clock: seconds at the start and increment, kept here.
        limits: of a move of either, without a clock; 20 nodes unless told.
        their_options: for the other engine.
        ponder: whether we think in the other's time.

    Raises:
        chess.engine.EngineError: a move that is not legal, or a breach of the protocol.
        chess.engine.EngineTerminatedError: an engine ended.
    """
    chess = pytest.importorskip("chess", reason="python-chess is not installed")
    engine = pytest.importorskip("chess.engine")
    report = Report()
    with (
        engine.SimpleEngine.popen_uci(ours, timeout=START_SECONDS) as we,
        engine.SimpleEngine.popen_uci(theirs, timeout=START_SECONDS) as they,
    ):
        we.ping()
        they.configure(their_options or {})
        for number in range(games):
            board = chess.Board()
            we_are = chess.WHITE if number % 2 == 0 else chess.BLACK
            left = {chess.WHITE: clock[0], chess.BLACK: clock[0]} if clock else {}
            lost_on_time = None
            while not board.is_game_over(claim_draw=True):
                side = board.turn
                limit = engine.Limit(**(limits or {"nodes": 20}))
                if clock:
                    limit = engine.Limit(
                        white_clock=left[chess.WHITE],
                        black_clock=left[chess.BLACK],
                        white_inc=clock[1],
                        black_inc=clock[1],
                    )
                player = we if side == we_are else they
                begun = time.perf_counter()
                result = player.play(board, limit, game=number, ponder=ponder and side == we_are)
                if clock:
                    left[side] -= time.perf_counter() - begun
                    if side == we_are:
                        report.least_left = min(report.least_left, left[side])
                    if left[side] < 0:
                        lost_on_time = side
                        break
                    left[side] += clock[1]
                assert result.move is not None, board.fen()
                board.push(result.move)
            report.plies += len(board.move_stack)
            winner = board.outcome(claim_draw=True).winner if lost_on_time is None else None
            if lost_on_time is not None:
                winner = not lost_on_time
                report.time_losses += lost_on_time == we_are
            report.wins += winner == we_are
            report.losses += winner is not None and winner != we_are
            report.draws += winner is None
    return report


def play_shogi(ours: str, theirs: str, folder: Path, *, games: int, **limits: object) -> Report:
    """Games of shogi by cshogi's match runner, which referees by rules and clocks of its own.

    Args:
        ours: command of our engine.
        theirs: of the other.
        folder: for the two files that start them.
        games: how many, with sides exchanged.
        limits: ``byoyomi``, or ``time`` and ``inc``, in milliseconds; of two each, ours first.
    """
    runner = pytest.importorskip("cshogi.cli", reason="cshogi is not installed")
    paths = []
    for name, command in (("ours", ours), ("theirs", theirs)):
        path = folder / f"{name}.sh"
        path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(Path.cwd()))}\nexec {command}\n")
        path.chmod(0o755)
        paths.append(str(path))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = runner.main(
            *paths, games=games, names=["ours", "theirs"], keep_process=True, **limits
        )
    text = said.getvalue()
    print(text[-400:])
    assert "反則" not in text, text[-2000:]  # a foul of either side
    report = Report(time_losses=text.count("切れ負け"))
    report.plies = sum(int(each) for each in re.findall(r"まで(\d+)手で", text))
    report.wins, report.losses = found["engine1_won"], found["engine2_won"]
    report.draws = found["draw"]
    return report


def as_agent(spec: str) -> str:
    """A command of ours as the text of an outside agent."""
    return shlex.join([*MEIJIN, *shlex.split(spec)])
