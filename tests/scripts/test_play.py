"""`meijin play` as a real process: through pipes, and in a real terminal by way of tmux."""

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from terminal_window import MEIJIN, Terminal

from agents.records import read_game
from engine.learning.checkpoint import save_weights
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from games import make
from scripts import play

PLAIN_CONNECT_FOUR = ["play", "connect_four", "--opponent", "one_ply"]


def meijin(
    *arguments: str, lines: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess:
    """Run the command with ``lines`` as its standard input, through pipes."""
    return subprocess.run(
        [*MEIJIN, *arguments], input=lines, capture_output=True, text=True, timeout=300, cwd=cwd
    )


def error_line(*arguments: str) -> str:
    """The single line that a refused command writes."""
    done = meijin(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def write_run(folder: Path, *, versions: int) -> None:
    """A run of connect_four with small untrained networks."""
    game = make("connect_four")
    config = NetworkConfig(blocks=1, channels=8)
    network = build_network(
        config, observation_shape=game.observation_shape, num_actions=game.num_actions
    )
    planes = np.random.default_rng(0).integers(0, 2, (64, *game.observation_shape), np.uint8)
    for version in range(1, versions + 1):
        save_weights(
            folder / "weights" / f"v{version:06d}.safetensors",
            game=game,
            network_config=config,
            state_dict={name: value.numpy() for name, value in network.state_dict().items()},
            version=version,
            sample_planes=planes,
        )
    (folder / "run.toml").write_text(f'game = "{game.id}"\n')


# --- Line by line ---------------------------------------------------------------------------------


def test_moves_through_a_pipe_are_played_and_answered() -> None:
    done = meijin(*PLAIN_CONNECT_FOUR, lines="4\n4\n")
    assert done.returncode == 0 and done.stderr == ""
    assert len(re.findall("^The engine plays [1-7]", done.stdout, re.MULTILINE)) == 2
    assert "End of input; the game stays unfinished after: 4 " in done.stdout
    assert "\x1b" not in done.stdout


def test_every_command_answers_and_nonsense_gets_the_legal_moves() -> None:
    commands = (
        "help\nhint\n4\nanalyse\nback\nback\nside\nstrength 3\nhnit\n9\n\nnew\nboard\nquit\n7\n"
    )
    done = meijin(*PLAIN_CONNECT_FOUR, lines=commands)
    assert done.returncode == 0 and done.stderr == ""
    for expected in (
        "leave; so does the end of input",
        "The engine would play ",
        "best line: ",
        "Took back 2 moves.",
        "there is no move of yours to take back",
        "X is one_ply, O is you",
        "one_ply plays at one strength only",
        "legal: 1 2 3 4 5 6 7; did you mean 'hint'?",
        "'9' is no column",
    ):
        assert expected in done.stdout
    assert done.stdout.endswith("> quit\n")  # what follows is not read


def test_positions_reviews_and_levels_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pgn"
    lines = f"setup 4k3/8/8 w\nsetup f3 e5 g4\nQh4#\nshow 2\nreview\nlevel\nsave {path}\n"
    done = meijin("play", "chess", "--opponent", "human", lines=lines)
    assert done.returncode == 0 and done.stderr == ""
    for expected in ("no position and no moves", "Black wins.", "g4 was played.", "lost"):
        assert expected in done.stdout
    assert read_game(path).move_texts() == ["f3", "e5", "g4", "Qh4#"]
    again = meijin("play", str(path), "--review", "--opponent", "human")
    assert "Reviewed 4 moves; mistakes: " in again.stdout


def test_two_agents_are_watched_line_by_line() -> None:
    done = meijin("play", "tic_tac_toe", "--watch", "solver", "random", "--position", "b2 a1")
    assert done.returncode == 0 and done.stderr == ""
    assert "X is solver, O is random" in done.stdout
    assert "X plays " in done.stdout and "O plays " in done.stdout
    assert re.search("^(X wins|The game is a draw)", done.stdout, re.M)


def test_a_whole_game_goes_through_a_pipe_and_ends_with_its_result() -> None:
    done = meijin(
        "play", "tic_tac_toe", "--opponent", "random", lines="a1\nb1\nc1\na2\nb2\nc2\na3\nb3\nc3\n"
    )
    assert done.returncode == 0
    assert re.search(r"^(You win!|The engine wins\.|The game is a draw\.) 'new'", done.stdout, re.M)


@pytest.mark.parametrize("side", ["second", "random"])
def test_the_engine_begins_where_the_person_sits_second(side: str) -> None:
    settings = ["--side", side, "--seed", "3"]
    transcripts = [meijin(*PLAIN_CONNECT_FOUR, *settings, lines="4\n").stdout for _ in range(2)]
    assert transcripts[0] == transcripts[1]
    if side == "second":
        assert "X is one_ply, O is you" in transcripts[0]
        assert transcripts[0].index("The engine plays") < transcripts[0].index("> 4")


def test_a_saved_game_is_taken_up_again_with_the_same_seats(tmp_path: Path) -> None:
    path = tmp_path / "my game.txt"
    settings = ["--opponent", "one_ply", "--side", "second"]
    done = meijin("play", "connect_four", *settings, lines=f"4\nsave {path}\n")
    assert f"Saved to {path}." in done.stdout
    record = read_game(path)
    assert record.players == ("one_ply", "human") and len(record.actions) == 3
    again = meijin("play", str(path), "--opponent", "one_ply", lines="analyse\n")
    assert "X is one_ply, O is you" in again.stdout
    moves = " ".join(str(action + 1) for action in record.actions)
    assert f"unfinished after: {moves}" in again.stdout


def test_a_save_that_fails_is_one_line_and_the_game_goes_on(tmp_path: Path) -> None:
    bad = tmp_path / "none" / "game.txt"
    done = meijin(*PLAIN_CONNECT_FOUR, lines=f"4\nsave {bad}\nsave\n4\n")
    assert done.returncode == 0
    assert f"cannot save the game to {bad}: No such file or directory" in done.stdout
    assert "save needs the name of a file" in done.stdout
    assert done.stdout.count("The engine plays") == 2


def test_two_people_can_share_the_board() -> None:
    done = meijin("play", "tic_tac_toe", "--opponent", "human", lines="a1\nb2\na2\nb1\na3\n")
    assert done.returncode == 0
    assert "X is human, O is human" in done.stdout and "X wins. 'new'" in done.stdout


def test_a_run_plays_with_its_newest_whole_network_at_any_strength(tmp_path: Path) -> None:
    run = tmp_path / "mine"
    write_run(run, versions=2)
    newest = run / "weights" / "v000002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    done = meijin("play", str(run), lines="4\nstrength 1\n4\nanalyse\n")
    assert done.returncode == 0, done.stderr
    assert "X is you, O is mine, level 8" in done.stdout
    assert "v000002.safetensors" in done.stdout and "using 'v000001.safetensors'" in done.stdout
    assert "Level 1: network alone, 75% of the moves at random." in done.stdout
    assert done.stdout.count("The engine plays") == 2
    assert "  move  share  visits  win chance" in done.stdout


def test_a_run_without_a_whole_network_is_refused_in_one_line(tmp_path: Path) -> None:
    write_run(tmp_path, versions=1)
    weights = tmp_path / "weights" / "v000001.safetensors"
    content = bytearray(weights.read_bytes())
    content[-200] ^= 1
    weights.write_bytes(content)
    done = meijin("play", str(tmp_path), lines="4\n")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "v000001.safetensors" in done.stderr


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["conect_four"], "connect_four"),
        (["connect_four(widht=5)"], "width"),
        (["connect_four", "--opponent", "solvr"], "'solver'"),
        (["connect_four", "--opponent", "runs/none"], "runs/none"),
        (["connect_four", "--side", "third"], "first"),
        (["connect_four", "--strength", "11"], "1<=x<=10"),
        (["connect_four", "--simulations", "0"], "x>=1"),
        (["connect_four", "--simulations", "10", "--strength", "1"], "exclude each other"),
        (["connect_four", "--opponent", "one_ply", "--strength", "2"], "one way only"),
        (["connect_four", "--opponent", "human", "--strength", "2"], "two people"),
        (["connect_four", "--review"], "needs the file of a game"),
        (["connect_four", "--watch", "random", "solver", "--side", "first"], "names both players"),
        (["tic_tac_toe", "--elo", "500"], "are not measured"),
        (["connect_four", "--position", "hello"], "no position and no moves"),
        (["connect_four", "--seed", "-1"], "x>=0"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_one_line(arguments: list[str], expected: str) -> None:
    assert expected in error_line("play", *arguments)


def test_a_folder_that_is_no_run_and_a_run_without_networks_are_refused(tmp_path: Path) -> None:
    assert "run" in error_line("play", str(tmp_path))
    (tmp_path / "run.toml").write_text('game = "tic_tac_toe"\n')
    assert "no network yet" in error_line("play", str(tmp_path))


def test_a_run_of_another_game_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('game = "tic_tac_toe"\n')
    line = error_line("play", "connect_four", "--opponent", str(tmp_path))
    assert "tic_tac_toe" in line and "connect_four" in line


def test_a_broken_saved_game_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "game.txt"
    path.write_text("meijin game 1\ngame: connect_four\n\n4 4\n4 zz\n")
    assert "line 5: move 4 (zz): 'zz'" in error_line("play", str(path))


# --- In a terminal --------------------------------------------------------------------------------


def test_a_game_in_a_real_terminal_is_played_to_the_end(
    open_terminal: Callable[..., Terminal],
) -> None:
    terminal = open_terminal(columns=80, lines=24)
    terminal.type(" ".join([*MEIJIN, *PLAIN_CONNECT_FOUR, "; echo code $?"]), "Enter")
    terminal.wait_for("Your move: X")
    over = r"You win!|engine wins|is a draw"
    columns = itertools.cycle("4455443366227711")
    while not re.search(over, screen := terminal.wait_for(rf"Your move|legal:|{over}")):
        before = terminal.coloured_screen()
        legal = re.search(r"legal: (\d)", screen)  # where a full column was typed
        terminal.type(legal[1] if legal else next(columns))
        terminal.wait_for_change(before)
    terminal.type("q")
    last = terminal.wait_for(r"code \d")
    assert "code 0" in last and "Moves: 4 " in last


def test_a_terminal_that_is_too_small_is_refused_before_anything_is_drawn(
    open_terminal: Callable[..., Terminal],
) -> None:
    terminal = open_terminal(columns=60, lines=20)
    terminal.type(" ".join([*MEIJIN, *PLAIN_CONNECT_FOUR, "; echo code $?"]), "Enter")
    last = terminal.wait_for(r"code \d").replace("\n", "")
    assert "code 2" in last and "67 x 24" in last and "--plain" in last


def test_plain_mode_in_a_terminal_has_colours(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal(columns=80, lines=40)
    terminal.type(" ".join([*MEIJIN, *PLAIN_CONNECT_FOUR, "--plain"]), "Enter")
    terminal.wait_for(r"> $|>\s*$")
    terminal.type("4", "Enter")
    terminal.wait_for("The engine plays")
    terminal.wait_for(r"X to move.\s+>")
    assert re.search(r"\x1b\[[0-9;]*31mX", terminal.coloured_screen())
    terminal.type("C-d")
    terminal.wait_for("End of input")


def test_a_picture_that_is_no_board_is_refused_in_one_line(tmp_path):
    (tmp_path / "board.png").write_text("no picture")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.cli", "play", "connect_four", "--plain"),
            *("--from-image", str(tmp_path / "board.png"), "--opponent", "random"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        input="",
    )
    assert done.returncode != 0
    assert "no picture that can be read" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value", "is_drawn"),
    [("TERM", "xterm", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False)],
)
def test_without_colours_it_is_played_line_by_line(monkeypatch, variable, value, is_drawn):
    """On the screen only colours tell the sides: in greys black stones could not be seen."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(variable, value)
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(play.sys, stream, SimpleNamespace(isatty=lambda: True))
    assert play._is_terminal() == is_drawn


def test_a_file_that_is_not_there_is_called_a_file():
    for name in ("nosuch.sgf", "runs/nosuch"):
        done = meijin("play", name)
        assert done.returncode == 2
        assert done.stderr == f"meijin: there is no file or run {name}\n"
