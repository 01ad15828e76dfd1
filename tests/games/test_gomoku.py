"""Gomoku against OpenSpiel, a naive grid of our own, and drawn positions."""

import re

import numpy as np
import pytest

import games
from games.game import DRAW, LOSS, UNPROVEN, WIN, InvalidMoveError, InvalidPositionError


def board(game: games.Game, *rows: str) -> np.void:
    """A position from the top rows of its drawing; the rest of the board is empty."""
    size = game.parameters["size"]
    drawn = [row.ljust(size, ".") for row in rows]
    return game.text_to_state("\n".join(drawn + ["." * size] * (size - len(rows))))


def proven(game: games.Game, state: np.void, plies: int) -> int:
    outcomes = np.empty(1, np.int8)
    game.rules.prove(np.array([state]), plies, outcomes)
    return int(outcomes[0])


def naive_lengths(owners: np.ndarray, row: int, column: int) -> list[int]:
    """Lengths of the four lines of one owner through a cell, walked stone by stone."""
    lengths = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        length = 1
        for way in (1, -1):
            r, c = row + way * down, column + way * right
            while 0 <= r < len(owners) and 0 <= c < len(owners):
                if owners[r, c] != owners[row, column]:
                    break
                length += 1
                r, c = r + way * down, c + way * right
        lengths.append(length)
    return lengths


@pytest.mark.parametrize(("size", "exact_five"), [(5, 0), (6, 1), (9, 0), (9, 1), (15, 0), (19, 1)])
def test_boards_of_any_size_play_like_a_naive_grid(size, exact_five):
    game = games.make(f"gomoku(size={size},exact_five={exact_five})")
    rng = np.random.default_rng(size)
    overlines = 0
    for _ in range(40):
        states = game.rules.initial(1)
        owners = np.full((size, size), -1)
        while True:
            free = np.flatnonzero(owners.ravel() == -1)
            assert game.legal(states[0]) == free.tolist()
            # The first rows fill up first, so that lines of six and more come about.
            action = int(free[int(len(free) * rng.random() ** 3)])
            player = int(states["to_play"][0])
            row, column = divmod(action, size)
            owners[row, column] = player
            game.rules.step(states, np.array([action], np.int32))
            lengths = naive_lengths(owners, row, column)
            overlines += max(lengths) > 5
            won = 5 in lengths if exact_five else max(lengths) >= 5
            view = game.board_view(states[0])
            assert view.owners == tuple(tuple(line) for line in owners.tolist())
            assert bool(view.deciding) == won and (not won or (row, column) in view.deciding)
            assert bool(states["finished"][0]) == (won or len(free) == 1)
            if states["finished"][0]:
                expected = [1 - 2 * player, 2 * player - 1] if won else [0, 0]
                assert states["returns"][0].tolist() == expected
                break
    assert overlines or size == 5


def compare_with_openspiel(count: int, size: int) -> None:
    """Random games in lockstep: legal actions, whose turn, the end and the result."""
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make(f"gomoku(size={size})")
    theirs = pyspiel.load_game("gomoku", {"size": size})
    rng = np.random.default_rng(size)
    ours, others = game.rules.initial(count), [theirs.new_initial_state() for _ in range(count)]
    while len(ours):
        actions = np.empty((len(ours), game.max_legal), np.int32)
        counts = np.empty(len(ours), np.int32)
        game.rules.legal_actions(ours, actions, counts)
        for state, legal, other in zip(ours, actions, others, strict=True):
            assert legal[legal >= 0].tolist() == other.legal_actions()
            assert bool(state["finished"]) == other.is_terminal()
            if other.is_terminal():
                assert state["returns"].tolist() == other.returns()
            else:
                assert state["to_play"] == other.current_player()
        going = counts > 0
        others = [other for other, goes in zip(others, going, strict=True) if goes]
        ours, actions, counts = ours[going], actions[going], counts[going]
        picked = (rng.random(len(ours)) * counts).astype(np.int32)
        chosen = np.ascontiguousarray(actions[np.arange(len(ours)), picked])
        game.rules.step(ours, chosen)
        for other, action in zip(others, chosen.tolist(), strict=True):
            other.apply_action(action)


@pytest.mark.parametrize(("count", "size"), [(1000, 9), (1000, 15)])
def test_games_run_move_by_move_as_in_openspiel(count, size):
    compare_with_openspiel(count, size)


@pytest.mark.slow
def test_ten_thousand_games_run_move_by_move_as_in_openspiel():
    compare_with_openspiel(10_000, 15)


def test_positions_by_ply_are_all_ways_to_place_the_stones():
    game = games.make("gomoku(size=5)")
    level = game.rules.initial(1)
    sizes = []
    for _ in range(5):
        sizes.append(len(level))
        actions = np.empty((len(level), game.max_legal), np.int32)
        counts = np.empty(len(level), np.int32)
        game.rules.legal_actions(level, actions, counts)
        children = np.repeat(level, counts)
        game.rules.step(children, np.ascontiguousarray(actions[actions >= 0]))
        level = children[np.unique(children["key"], return_index=True)[1]]
    # 25 over the stones of X, times the rest over the stones of O
    assert sizes == [1, 25, 25 * 24, 300 * 23, 300 * 253]


@pytest.mark.parametrize(
    ("rows", "free", "exact"),
    [
        (("XXXX.O", "OOO"), True, True),  # from the left edge
        (("...XXXX.", "OOO.O"), True, True),  # in the middle
        (("XXX.XX", "OOOO.O"), True, False),  # six in a row
        (("XX.XXX", "OOOO.O"), True, False),
        (("XXXX.XXXX", "O.O.O.O.O", "O.O.O"), True, False),  # nine
        (("X", ".X", "..X", "...X", ".....O", "OOO"), True, True),  # a diagonal
        ((".", ".......XO", "......XO", ".....XO", "....XO"), True, True),  # into a corner
    ],
)
def test_five_in_a_line_win_and_more_only_where_the_rules_say_so(rows, free, exact):
    for exact_five, wins in ((0, free), (1, exact)):
        game = games.make(f"gomoku(size=9,exact_five={exact_five})")
        state = board(game, *rows)
        assert proven(game, state, 1) == (WIN if wins else UNPROVEN)
        assert proven(game, state, 2) == (WIN if wins else UNPROVEN)


@pytest.mark.parametrize(
    ("rows", "action"),
    [
        ((".......XX", "XX", "...OOOO"), "c8"),  # the end of one row and the start of the next
        (("XXXX", ".", ".", ".", ".", ".", ".", ".", "OOOO"), "i9"),  # one row, both its ends
        ((".......X", "........X", "X", ".X", "OOOO"), "c6"),  # a diagonal around the edge
        ((".X", "X", "........X", ".......X", "OOOO"), "g5"),
    ],
)
def test_lines_do_not_run_around_the_edge(rows, action):
    game = games.make("gomoku(size=9)")
    states = np.array([board(game, *rows)])
    game.rules.step(states, np.array([game.text_to_action(states[0], action)], np.int32))
    assert not states["finished"][0]


def test_a_full_board_without_a_line_is_a_draw():
    game = games.make("gomoku(size=5)")
    state = board(game, "XXOXO", "OOXOX", "XXOXO", "OOXOX", "XXO.O")
    assert state["to_play"] == 0 and state["ply"] == 24
    assert proven(game, state, 1) == proven(game, state, 2) == DRAW
    states = np.array([state])
    game.rules.step(states, np.array([23], np.int32))
    assert states["finished"][0] and (states["returns"] == 0).all()
    assert game.state_to_text(states[0]).endswith("draw")
    assert game.text_to_state("XXOXO\nOOXOX\nXXOXO\nOOXOX\nXXOXO")["finished"]


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ((".XXXX", "OOO"), LOSS),  # open at both ends
        (("OXXXX", "OO"), UNPROVEN),  # at one: it can be stopped
        ((".XXXX", "OOOO", "X"), WIN),  # who moves comes first
        (("OXXXX", ".X.O.O.O", ".X", ".X..O.O"), LOSS),  # two lines, one stone to stop them
        (("X.XXX.X", "..OO", "O.O"), LOSS),  # b9 and f9
    ],
)
def test_threats_are_settled_within_two_plies(rows, outcome):
    game = games.make("gomoku(size=9)")
    assert proven(game, board(game, *rows), 2) == outcome


def test_a_place_for_a_sixth_stone_is_no_threat_where_only_five_win():
    rows = ("X.XXX.X", "..OO", "O.O")  # b9 makes five; so does f9
    longer = ("XX.XXX.XX", "..OO", "O.O.O.O")  # c9 and g9 make six
    game = games.make("gomoku(size=9,exact_five=1)")
    assert proven(game, board(game, *rows), 2) == LOSS
    assert proven(game, board(game, *longer), 2) == UNPROVEN


def test_crowded_positions_are_settled_as_exhaustive_search_settles_them():
    for exact_five in (0, 1):
        game = games.make(f"gomoku(size=9,exact_five={exact_five})")
        rng = np.random.default_rng(4)
        states = game.rules.initial(300)
        for _ in range(36):  # moves that would end the game are not played: threats pile up
            for row in range(len(states)):
                child = states[row : row + 1].copy()
                game.rules.step(child, np.array([rng.choice(game.legal(states[row]))], np.int32))
                if not child[0]["finished"]:
                    states[row] = child[0]
        quick = np.empty(len(states), np.int8)
        game.rules.prove(states, 2, quick)
        assert set(quick.tolist()) == {WIN, LOSS, UNPROVEN}
        for state, outcome in zip(states, quick, strict=True):
            assert outcome == exhaustive_in_two(game, state)


def exhaustive_in_two(game: games.Game, state: np.void) -> int:
    """Two plies by the definition: a win, or a loss against every move, or neither."""
    legal = game.legal(state)
    children = np.repeat(np.array([state]), len(legal))
    game.rules.step(children, np.array(legal, np.int32))
    if children["finished"].any():
        return WIN
    replies = np.empty(len(children), np.int8)
    game.rules.prove(children, 1, replies)
    return LOSS if (replies == WIN).all() else UNPROVEN


def test_planes_show_mover_opponent_and_empty_cells_from_the_top():
    game = games.make("gomoku(size=5)")
    planes = np.empty((1, 3, 5, 5), np.uint8)
    game.rules.observe(np.array([board(game, "X...O", ".....", "..X..")]), planes)
    assert np.argwhere(planes[0, 0]).tolist() == [[0, 4]]  # O moves
    assert np.argwhere(planes[0, 1]).tolist() == [[0, 0], [2, 2]]
    assert (planes.sum(axis=1) == 1).all()


def test_cells_are_named_from_the_bottom_with_all_letters():
    game = games.make("gomoku")
    start = game.rules.initial(1)[0]
    named = {"a15": 0, "o15": 14, "h8": 112, "i8": 113, "a1": 210, " O1\n": 224}
    assert {text: game.text_to_action(start, text) for text in named} == named
    assert game.action_to_text(start, 113) == "i8"
    for text in ("p1", "a16", "a0", "a01", "8h", "h", "8"):
        with pytest.raises(InvalidMoveError, match=f"'{text}' is no cell; cells are a1 to o15"):
            game.text_to_action(start, text)


def test_a_position_is_drawn_with_its_labels_and_the_side_to_move():
    game = games.make("gomoku(size=5)")
    assert game.state_to_text(game.after([12, 0, 24])) == (
        "5 O . . . .\n4 . . . . .\n3 . . X . .\n2 . . . . .\n1 . . . . X\n  a b c d e\nO to move"
    )


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (("XX", "."), "2 X and 0 O"),
        (("XXXXX", "OOOOO"), "X has a line but did not move last"),
        (("XXXXX", ".", "XXXXX", "OOOO", ".", "OOOO", ".O"), "X has two lines, and no last"),
        (("XXXXX..XX", "OOOO", "...O..O"), None),
        (("XXXXX", "X", "X.OO", "X..OO", "X...OO", "OO"), None),  # both through the corner
    ],
)
def test_positions_that_cannot_be_are_refused(rows, complaint):
    game = games.make("gomoku(size=9)")
    if complaint is None:
        assert board(game, *rows)["finished"]
    else:
        with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
            board(game, *rows)


def test_a_long_line_is_an_open_position_where_only_five_win():
    game = games.make("gomoku(size=9,exact_five=1)")
    state = board(game, "XXXXXX", "OOOO", "OO")
    assert not state["finished"] and not game.board_view(state).deciding
