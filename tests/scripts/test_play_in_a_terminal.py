"""Chess and shogi by keyboard in a real terminal; foreign programs read their records."""

import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal_window import MEIJIN, Terminal

PAWN = "4k3/P6p/8/8/8/8/8/4K3 w - - 0 1"
DROP = "4k4/9/9/7p1/9/9/7P1/9/4K4 b Pp 1"


def save(terminal: Terminal, path: Path) -> None:
    """Into a file of one's choice."""
    terminal.type("W")
    terminal.wait_for("Save the game to")
    for key in ("C-a", "C-k"):  # each is done before the next one comes
        terminal.type(key)
        time.sleep(0.3)
    terminal.wait_for(r"▊ {60}")
    terminal.type(str(path))
    terminal.wait_for(path.suffix)
    terminal.type("Enter")
    terminal.wait_for("Saved to")


def start(terminal: Terminal, *arguments: str) -> None:
    """With the weakest level, at a position."""
    command = shlex.join([*MEIJIN, "play", *arguments, "--opponent", "mcts", "--level", "1"])
    terminal.type(f"{command}; echo code $?", "Enter")
    terminal.wait_for("Quit")


def test_chess_with_a_promotion_a_hint_and_a_move_taken_back(
    open_terminal: Callable[..., Terminal],
    tmp_path: Path,
) -> None:
    chess = pytest.importorskip("chess.pgn", reason="python-chess is not installed")
    terminal = open_terminal(columns=120, lines=40)
    start(terminal, "chess", "--position", PAWN)
    terminal.type("H")
    terminal.wait_for("Hint: ")
    terminal.type(*"a8=Q")
    terminal.wait_for("Black played K")
    terminal.type("T")
    terminal.wait_for(r"Your move: White\s")
    terminal.wait_until_gone("Black played")
    terminal.type(*"a8=R")
    terminal.wait_for("Black played K")
    save(terminal, tmp_path / "game.pgn")
    terminal.type("Z")
    assert "code 0" in terminal.wait_for(r"code \d")
    with (tmp_path / "game.pgn").open() as file:
        game = chess.read_game(file)
    moves = [move.uci() for move in game.mainline_moves()]
    assert not game.errors
    assert moves[0] == "a7a8r" and len(moves) == 2
    assert game.headers["FEN"] == PAWN


def test_shogi_with_a_drop_and_a_promotion(
    open_terminal: Callable[..., Terminal],
    tmp_path: Path,
) -> None:
    cshogi = pytest.importorskip("cshogi", reason="cshogi is not installed")
    kif = pytest.importorskip("cshogi.KIF")
    terminal = open_terminal(columns=120, lines=40)
    start(terminal, "shogi", "--position", DROP)
    terminal.type(*"P*3d")
    first = terminal.wait_for(r"White played \S+")
    terminal.type(*"3d3c+")
    terminal.wait_until_gone(re.search(r"White played \S+", first)[0])
    terminal.wait_for(r"White played \S+")
    save(terminal, tmp_path / "game.kifu")
    terminal.type("Z")
    assert "code 0" in terminal.wait_for(r"code \d")
    record = kif.Parser.parse_file(str(tmp_path / "game.kifu"))
    moves = [cshogi.move_to_usi(move) for move in record.moves]
    assert moves[0] == "P*3d" and moves[2] == "3d3c+" and len(moves) == 4
