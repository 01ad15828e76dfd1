"""Games written in every format that can hold them and read again."""

from pathlib import Path

import numpy as np
import pytest

from agents.records import GameRecord, RecordError, read_game, save_game, suffixes_of
from agents.records.record import position_text, read_position, result_of, states_of
from games import make
from games.game import Game

GAMES = ("connect_four", "go(size=5)", "othello", "gomoku", "hex(size=5)", "chess", "minichess")
GAMES += ("shogi", "minishogi", "breakthrough")


def random_game(
    game: Game, seed: int, *, plies: int = 400, start: np.void | None = None
) -> tuple[int, ...]:
    """Actions of a game by random moves."""
    rng = np.random.default_rng(seed)
    states, actions = game.rules.initial(1), []
    if start is not None:
        states[0] = start
    while not states[0]["finished"] and len(actions) < plies:
        actions.append(int(rng.choice(game.legal(states[0]))))
        game.rules.step(states, np.array(actions[-1:], np.int32))
    return tuple(actions)


def facts(game: Game, state: np.void) -> list[object]:
    """What a position is, without what came before it."""
    names = [name for name in state.dtype.names if name not in game.history_fields]
    return [np.array(state[name]).tolist() for name in names]


def suffixes(game: Game) -> tuple[str, ...]:
    """Every ending that the game can be saved under."""
    return (*suffixes_of(game), *((".kifu",) if game.name == "shogi" else ()))


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("plies", [0, 7, 400])
def test_every_format_gives_the_same_game_back(name: str, plies: int, tmp_path: Path) -> None:
    game = make(name)
    for seed, suffix in enumerate(suffixes(game)):
        actions = random_game(game, seed, plies=plies)
        record = GameRecord(
            game=game,
            actions=actions,
            players=('Ann "A", B.', "7\\8 ]: x"),
            date="2026-05-17 20:15:09",
            result=result_of(states_of(game, actions)[-1]),
        )
        path = tmp_path / f"game{suffix}"
        save_game(path, record)
        back = read_game(path, game=game)
        assert back.actions == actions, suffix
        assert back.start is None
        assert back.result == record.result, suffix
        assert not back.remarks
        if suffix != ".usi":
            assert back.players[0].replace(",", "").replace(" ", "") == 'Ann"A"B.', suffix
            assert back.date.startswith(("2026-05-17", "2026/05/17"))
        assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("name", GAMES)
def test_a_game_that_begins_elsewhere_keeps_its_start(name: str, tmp_path: Path) -> None:
    game = make(name)
    for seed, suffix in enumerate(suffixes(game)):
        reached = states_of(game, random_game(game, seed, plies=9))[-1]
        if game.name == "hex":  # one stone less than usual would be read as a swapped game
            reached = states_of(game, (0, 7, 3, 9))[-1]
        start = read_position(game, position_text(game, reached))
        actions = random_game(game, seed, plies=30, start=start)
        save_game(tmp_path / f"game{suffix}", GameRecord(game=game, actions=actions, start=start))
        back = read_game(tmp_path / f"game{suffix}")
        assert back.game.id == game.id
        assert back.actions == actions, suffix
        assert back.start is not None
        ignored = {"ply", "key"}
        names = [n for n in start.dtype.names if n not in (*game.history_fields, *ignored)]
        for field in names:
            assert np.array_equal(back.start[field], start[field]), (suffix, field)


@pytest.mark.parametrize("name", GAMES)
def test_a_position_is_one_line_that_can_be_read(name: str) -> None:
    game = make(name)
    for plies in (0, 5, 400):
        state = states_of(game, random_game(game, plies, plies=plies))[-1]
        text = position_text(game, state)
        assert "\n" not in text
        assert facts(game, read_position(game, text)) == facts(game, state)


@pytest.mark.parametrize(
    ("name", "suffix", "fitting"),
    [
        ("connect_four", ".sgf", ".txt"),
        ("chess", ".sgf", ".pgn or .txt"),
        ("minishogi", ".kif", ".usi or .txt"),
        ("go(size=5)", ".pgn", ".sgf or .txt"),
    ],
)
def test_a_format_that_cannot_hold_the_game_is_refused(
    name: str, suffix: str, fitting: str, tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match=f"ends in {fitting}$"):
        save_game(tmp_path / f"game{suffix}", GameRecord(game=make(name), actions=()))
    assert not list(tmp_path.iterdir())


def test_a_record_of_another_game_is_refused_in_one_line(tmp_path: Path) -> None:
    save_game(tmp_path / "a.sgf", GameRecord(game=make("hex(size=5)"), actions=(3, 4)))
    with pytest.raises(RecordError, match=r"it is a game of hex\(size=5\), not of chess"):
        read_game(tmp_path / "a.sgf", game=make("chess"))
    save_game(tmp_path / "a.pgn", GameRecord(game=make("chess"), actions=()))
    with pytest.raises(RecordError, match="a game of chess, not of minichess"):
        read_game(tmp_path / "a.pgn", game=make("minichess"))


@pytest.mark.parametrize("suffix", [".sgf", ".pgn", ".kif", ".kifu", ".csa", ".usi", ".txt"])
def test_files_cut_anywhere_give_a_game_or_one_line(suffix: str, tmp_path: Path) -> None:
    names = {".sgf": "go(size=5)", ".pgn": "chess", ".txt": "connect_four"}
    game = make(names.get(suffix, "shogi"))
    actions = random_game(game, 1, plies=60)
    path = tmp_path / f"game{suffix}"
    save_game(path, GameRecord(game=game, actions=actions, players=("Ann (A)", "ボブ")))
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    refused = 0
    for cut in rng.integers(0, len(whole), 60).tolist():
        path.write_bytes(whole[:cut])
        try:
            record = read_game(path)
        except RecordError as error:
            refused += 1
            assert "\n" not in str(error) and str(path) in str(error)
        else:
            # A last move may have lost its end: 7g7f of 7g7f+.
            assert record.actions[:-1] == actions[: len(record.actions)][:-1]
        assert path.read_bytes() == whole[:cut]
    assert refused
    for _ in range(60):
        torn = bytearray(whole)
        for at in rng.integers(0, len(torn), 3).tolist():
            torn[at] = int(rng.integers(256))
        path.write_bytes(bytes(torn))
        try:
            read_game(path, game=game)
        except RecordError as error:
            assert "\n" not in str(error)


def test_missing_empty_and_foreign_files_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sgf", tmp_path, Path("\0.pgn")):
        with pytest.raises(RecordError, match="cannot read"):
            read_game(path)
    (tmp_path / "a.pgn").write_text(" \n")
    with pytest.raises(RecordError, match="is empty"):
        read_game(tmp_path / "a.pgn")
    (tmp_path / "a.sgf").write_text("(;GM[3]SZ[8])")
    with pytest.raises(RecordError, match=r"another game, GM\[3\]; 1 is go"):
        read_game(tmp_path / "a.sgf")
    with pytest.raises(RecordError, match="cannot save the game to"):
        save_game(tmp_path / "no" / "a.txt", GameRecord(game=make("tic_tac_toe"), actions=()))
