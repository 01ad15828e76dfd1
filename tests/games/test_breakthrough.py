"""Breakthrough against OpenSpiel, Fairy-Stockfish and a naive grid of our own."""

import re

import numpy as np
import pytest

import games
from games.game import (
    LOSS,
    UNPROVEN,
    WIN,
    GameError,
    IllegalMoveError,
    InvalidMoveError,
    InvalidPositionError,
)

# Lines of exactly 1, 2, ... plies by size of the board, checked below with OpenSpiel, which has the
# same start on boards from 6 on, and for 5 with a naive grid.
PERFT = {
    5: (13, 156, 1924, 23084, 289828, 3538840),
    6: (16, 256, 4308, 71478, 1248290),
    7: (19, 361, 7220, 144251, 3042166),
    8: (22, 484, 11132, 256036, 6182818),
}


def perft(game: games.Game, plies: int) -> int:
    """Lines of exactly ``plies`` half-moves from the start, equal positions counted together."""
    states, ways = game.rules.initial(1), np.ones(1, np.int64)
    for _ in range(plies):
        actions = np.empty((len(states), game.max_legal), np.int32)
        counts = np.empty(len(states), np.int32)
        game.rules.legal_actions(states, actions, counts)
        children = np.repeat(states, counts)
        game.rules.step(children, np.ascontiguousarray(actions[actions >= 0]))
        _, first, same = np.unique(children["key"], return_index=True, return_inverse=True)
        ways = np.bincount(same, np.repeat(ways, counts), len(first)).astype(np.int64)
        states = children[first]
    return int(ways.sum())


@pytest.mark.parametrize("size", PERFT)
def test_lines_of_play_are_as_many_as_counted(size):
    game = games.make(f"breakthrough(size={size})")
    expected = PERFT[size][:4]
    assert tuple(perft(game, plies) for plies in range(1, 5)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("size", PERFT)
def test_deeper_lines_of_play_are_as_many_as_counted(size):
    game = games.make(f"breakthrough(size={size})")
    for plies in range(5, len(PERFT[size]) + 1):
        assert perft(game, plies) == PERFT[size][plies - 1]


@pytest.mark.parametrize("plies", [3, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [6, 7, 8])
def test_openspiel_counts_as_many_lines(size, plies):
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    start = pyspiel.load_game(f"breakthrough(rows={size},columns={size})").new_initial_state()

    def lines(state, left):
        if left == 1:
            return len(state.legal_actions())
        return sum(lines(state.child(action), left - 1) for action in state.legal_actions())

    assert lines(start, plies) == PERFT[size][plies - 1]


def naive_moves(rows: list[str], mover: int) -> list[tuple[str, list[str]]]:
    """All moves as text, and the rows after them; rows are strings of W, B and dots."""
    size, (own, other), up = len(rows), ("WB", "BW")[mover], (-1, 1)[mover]
    found = []
    for row in range(size):
        for column in range(size):
            to_row = row + up
            if rows[row][column] != own or not 0 <= to_row < size:
                continue
            for to_column in (column - 1, column, column + 1):
                if not 0 <= to_column < size:
                    continue
                there = rows[to_row][to_column]
                if there == "." or (there == other and to_column != column):
                    after = [list(line) for line in rows]
                    after[row][column], after[to_row][to_column] = ".", own
                    text = f"{'abcdefgh'[column]}{size - row}{'x' if there == other else ''}"
                    text += f"{'abcdefgh'[to_column]}{size - to_row}"
                    found.append((text, ["".join(line) for line in after]))
    return found


def naive_start(size: int) -> list[str]:
    return ["B" * size] * 2 + ["." * size] * (size - 4) + ["W" * size] * 2


def naive_winner(rows: list[str]) -> int | None:
    if "W" in rows[0] or not any("B" in row for row in rows):
        return 0
    return 1 if "B" in rows[-1] or not any("W" in row for row in rows) else None


def test_a_naive_grid_counts_as_many_lines_on_5_x_5():
    def lines(rows, mover, left):
        if left == 0:
            return 1
        if naive_winner(rows) is not None:
            return 0
        return sum(lines(after, 1 - mover, left - 1) for _, after in naive_moves(rows, mover))

    assert [lines(naive_start(5), 0, plies) for plies in range(1, 5)] == list(PERFT[5][:4])


@pytest.mark.parametrize(("size", "count"), [(5, 100), (6, 30), (7, 20), (8, 10)])
def test_games_run_move_by_move_as_on_a_naive_grid(size, count):
    game = games.make(f"breakthrough(size={size})")
    rng = np.random.default_rng(size)
    for _ in range(count):
        states, rows, plies = game.rules.initial(1), naive_start(size), 0
        while True:
            owners = tuple(tuple(".WB".index(cell) - 1 for cell in row) for row in rows)
            assert game.board_view(states[0]).owners == owners
            assert states["ply"][0] == plies
            winner = naive_winner(rows)
            if winner is not None:
                assert states["returns"][0].tolist() == [1 - 2 * winner, 2 * winner - 1]
                assert states["finished"][0] and not game.legal(states[0])
                break
            assert states["to_play"][0] == plies % 2
            moves = dict(naive_moves(rows, plies % 2))
            legal = game.legal(states[0])
            texts = [game.action_to_text(states[0], action) for action in legal]
            assert sorted(texts) == sorted(moves)
            pick = int(rng.integers(len(legal)))
            rows, plies = moves[texts[pick]], plies + 1
            game.rules.step(states, np.array(legal[pick : pick + 1], np.int32))


def action_in_openspiel(owners: tuple[tuple[int, ...], ...], mover: int, action: int) -> int:
    """Its player 0 begins at the top and goes down; its files are ours."""
    size = len(owners)
    (row, column), direction = divmod(action // 3, size), action % 3
    to_row = size - row if mover else row - 1  # on our drawn board
    captures = owners[to_row][column + direction - 1] == 1 - mover
    its_row = row if mover else size - 1 - row
    return ((its_row * size + column) * 6 + direction + 3 * mover) * 2 + captures


@pytest.mark.parametrize(
    ("size", "count"),
    [
        *((6, 500), (7, 300), (8, 200)),
        *(pytest.param(size, 3400, marks=pytest.mark.slow) for size in (6, 7, 8)),
    ],
)
def test_games_run_move_by_move_as_in_openspiel(size, count):
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make(f"breakthrough(size={size})")
    start = pyspiel.load_game(f"breakthrough(rows={size},columns={size})").new_initial_state()
    rng = np.random.default_rng(size * count)
    for number in range(count):
        theirs, ours = start.clone(), game.rules.initial(1)
        while True:
            assert bool(ours["finished"][0]) == theirs.is_terminal()
            owners = game.board_view(ours[0]).owners
            if number < 10 or theirs.is_terminal():
                drawn = "".join(re.findall(r"^\d([wb.]+)$", str(theirs), re.MULTILINE))
                # Ours begin at the bottom.
                assert drawn == "".join(".bw"[p + 1] for row in owners[::-1] for p in row)
            if theirs.is_terminal():
                assert ours["returns"][0].tolist() == theirs.returns()
                break
            mover = theirs.current_player()
            assert ours["to_play"][0] == mover
            legal = game.legal(ours[0])
            translated = [action_in_openspiel(owners, mover, action) for action in legal]
            assert sorted(translated) == theirs.legal_actions()
            pick = int(rng.integers(len(legal)))
            theirs.apply_action(translated[pick])
            game.rules.step(ours, np.array(legal[pick : pick + 1], np.int32))


def test_games_run_move_by_move_as_in_fairy_stockfish():
    pyffish = pytest.importorskip("pyffish", reason="pyffish is not installed")
    game = games.make("breakthrough")
    start = pyffish.start_fen("breakthrough")
    rng = np.random.default_rng(8)
    for _ in range(40):
        states, played = game.rules.initial(1), []
        while not states["finished"][0]:
            legal = game.legal(states[0])
            texts = [game.action_to_text(states[0], a).replace("x", "") for a in legal]
            assert sorted(texts) == sorted(pyffish.legal_moves("breakthrough", start, played))
            pick = int(rng.integers(len(legal)))
            played.append(texts[pick])
            game.rules.step(states, np.array(legal[pick : pick + 1], np.int32))
        over, result = pyffish.is_immediate_game_end("breakthrough", start, played)
        assert over and result < 0  # for the player who would move


MIDDLE_GAME = """
5 . B . B .
4 . . . . B
3 W . B . .
2 . W . W .
1 . . . . W
  a b c d e
"""


def both_views(game: games.Game) -> list[np.void]:
    """A position, and the same with colours and rows exchanged."""
    white = MIDDLE_GAME + "White to move after 12 plies"
    rows = [line[2:] for line in MIDDLE_GAME.strip().splitlines()[:5]]
    turned = "\n".join(rows[::-1]).translate(str.maketrans("WB", "BW"))
    return [game.text_to_state(white), game.text_to_state(turned + "\nBlack to move")]


def test_planes_and_actions_are_as_the_mover_sees_the_board():
    game = games.make("breakthrough(size=5)")
    white, black = both_views(game)
    planes = np.empty((2, 3, 5, 5), np.uint8)
    game.rules.observe(np.array([white, black]), planes)
    assert np.argwhere(planes[0, 0]).tolist() == [[2, 0], [3, 1], [3, 3], [4, 4]]
    assert np.argwhere(planes[0, 1]).tolist() == [[0, 1], [0, 3], [1, 4], [2, 2]]
    assert (planes[:, 2] == 1 - planes[:, 0] - planes[:, 1]).all()
    assert (planes[0] == planes[1]).all()
    # a3: straight on and right. b2: straight on, takes c3. d2: takes c3, and goes on. e1 likewise.
    expected = [31, 32, 49, 50, 54, 55, 56, 73]
    assert game.legal(white) == game.legal(black) == expected
    texts = [game.action_to_text(white, action) for action in expected]
    assert texts == ["a3a4", "a3b4", "b2b3", "b2xc3", "d2xc3", "d2d3", "d2e3", "e1e2"]
    texts = [game.action_to_text(black, action) for action in expected]
    assert texts == ["a3a2", "a3b2", "b4b3", "b4xc3", "d4xc3", "d4d3", "d4e3", "e5e4"]


def test_moves_are_read_as_others_write_them():
    game = games.make("breakthrough(size=5)")
    white, _ = both_views(game)
    for text in ("b2c3", "b2xc3", " B2xC3\n", "b2c3*", "b2-c3"):
        assert game.text_to_action(white, text) == 50
    with pytest.raises(InvalidMoveError, match="'f2f3' is no move; a move is two cells"):
        game.text_to_action(white, "f2f3")
    with pytest.raises(InvalidMoveError, match="no move of White, whose pawns go one row up"):
        game.text_to_action(white, "b2b1")
    with pytest.raises(IllegalMoveError, match="'c2c3' cannot be played"):
        game.text_to_action(white, "c2c3")


def test_a_position_is_drawn_with_the_plies_that_it_does_not_show():
    game = games.make("breakthrough(size=5)")
    text = game.state_to_text(game.after([game.text_to_action(game.after([]), "c2c3")]))
    assert text == (
        "5 B B B B B\n4 B B B B B\n3 . . W . .\n2 W W . W W\n1 W W W W W\n  a b c d e\n"
        "Black to move after 1 plies"
    )
    assert game.text_to_state(text)["ply"] == 1
    assert game.text_to_state(text.replace("W", "w").replace("B", "b").replace(".", "-")) == (
        game.text_to_state(text)
    ), "but for the line below, OpenSpiel's letters"


@pytest.mark.parametrize(
    ("position", "winner", "cells"),
    [
        ("..W.. B.... ..... ..... ....W", 0, ((0, 2),)),
        ("B.... ..... W.... ..... ...B.", 1, ((4, 3),)),
        ("..... ..... ..W.. ..... .....", 0, ()),
        ("..... ..... ..B.. ..... .....", 1, ()),
    ],
)
def test_the_far_row_or_the_last_capture_wins(position, winner, cells):
    game = games.make("breakthrough(size=5)")
    state = game.text_to_state("\n".join(position.split()))
    assert state["finished"] and state["returns"][winner] == 1 and state["returns"].sum() == 0
    assert game.board_view(state).deciding == cells
    assert f"{('White', 'Black')[winner]} won after" in game.state_to_text(state)


def test_without_a_number_of_plies_the_least_possible_one_is_taken():
    game = games.make("breakthrough(size=5)")
    white, black = both_views(game)
    assert white["ply"] == 12
    # Twelve pawns were taken, six by each side, and Black has begun second.
    assert black["ply"] == 13
    plain = MIDDLE_GAME + "White to move"
    assert game.text_to_state(plain)["ply"] == 12


@pytest.mark.parametrize(
    ("position", "line", "complaint"),
    [
        ("BBBBB BBBBB ..... WWWWW WWWWW", "", "add a line 'White to move' or 'Black to move'"),
        ("BBBBB BBBBB ..... WWWWW WWWWW", "White won", "nobody has won"),
        ("BBBBB BBBBB ..... WWWWW WWWWW", "Black to move", "come up in no game"),
        ("BBBBB BBBBB ..... WWWWW WWWWW", "White to move after 2 plies", "after 2 plies"),
        ("BBBBB BBBBB ..W.. WW.WW WWWWW", "Black to move after 2 plies", "after 2 plies"),
        ("BBBBB BBBBB B.... WWWWW WWWWW", "White to move", "come up in no game"),
        ("..W.. B.... ..... ..... ....W", "Black won", "White has won with these pawns"),
        ("..W.. B.... ..... ..... ....W", "White to move", "White has won with these pawns"),
        ("..W.. B.... ..... ..... ...B.", "", "more than one pawn is on its far row"),
        ("..... ..... ..... ..... .....", "", "there are no pawns"),
        (".B... B.... ..... ..... ....W", "White to move after 99 plies", "after 99 plies"),
        ("BBBBB BBBBB ..... WWWWW WWWW", "White to move", "5, 5, 5, 5, 4"),
    ],
)
def test_positions_that_cannot_be_are_refused(position, line, complaint):
    game = games.make("breakthrough(size=5)")
    with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
        game.text_to_state("\n".join([*position.split(), line]))


@pytest.mark.parametrize(
    ("position", "outcome"),
    [
        ("BB... W...B ..... ..... .WW..", WIN),  # one step
        ("..... ..B.. .W... .W... ....W", WIN),  # takes the last pawn
        (".B... ..... ..... B...B ..WW.", LOSS),  # two arrive, and neither can be taken
        (".B... ..... ..... B...B .W.W.", LOSS),  # either can be taken, not both
        (".B... ..... ..... B.... .W.W.", UNPROVEN),
        (".B... ..... ..... B.... ...W.", LOSS),
        ("..... .B.B. ..... ..W.. .....", UNPROVEN),  # straight on is attacked twice, b3 and d3 not
        (".BBB. ..B.. ..... ..W.. .....", UNPROVEN),
        ("..... .BBB. B...B ..W.. .....", LOSS),  # the last pawn is taken wherever it goes
        ("..... BBBBB ..... ..W.. .....", LOSS),
        ("..... ...B. .B... B.W.. .....", LOSS),  # cannot reach the one that arrives
    ],
)
def test_two_plies_are_proven(position, outcome):
    game = games.make("breakthrough(size=5)")
    # Not every one of these can come up: rules alone are tried here, for both sides.
    state = np.zeros(1, game.state_dtype)
    rows = position.split()
    for player, letter in enumerate("WB"):
        cells = [i for i, cell in enumerate("".join(rows)) if cell == letter]
        state["pawns"][0, player] = sum(1 << cell for cell in cells)
    outcomes = np.empty(1, np.int8)
    game.rules.prove(state, 2, outcomes)
    assert outcomes[0] == outcome
    turned = np.zeros(1, game.state_dtype)
    turned["to_play"] = turned["ply"] = 1
    for player, letter in enumerate("BW"):
        cells = [i for i, cell in enumerate("".join(rows[::-1])) if cell == letter]
        turned["pawns"][0, player] = sum(1 << cell for cell in cells)
    game.rules.prove(turned, 2, outcomes)
    assert outcomes[0] == outcome


@pytest.mark.parametrize("size", [4, 9])
def test_boards_of_other_sizes_are_refused(size):
    with pytest.raises(GameError, match=f"is 5 to 8, not {size}"):
        games.make(f"breakthrough(size={size})")
