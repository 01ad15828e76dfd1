"""Hex against OpenSpiel, a naive flood of our own, known theory, counted paths and drawn boards."""

import itertools
import re

import numpy as np
import pytest

import games
from games.game import (
    LOSS,
    UNPROVEN,
    WIN,
    IllegalMoveError,
    InvalidMoveError,
    InvalidPositionError,
)


def proven(game: games.Game, state: np.void, plies: int) -> int:
    outcomes = np.empty(1, np.int8)
    game.rules.prove(np.array([state]), plies, outcomes)
    return int(outcomes[0])


def cells(game: games.Game, text: str) -> list[int]:
    start = game.rules.initial(1)[0]
    return [game.text_to_action(start, word) for word in text.split() if word != "swap"]


def played(game: games.Game, text: str) -> np.void:
    """Position after moves given as text."""
    states = game.rules.initial(1)
    for word in text.split():
        game.rules.step(states, np.array([game.text_to_action(states[0], word)], np.int32))
    return states[0]


def compare_with_openspiel(count: int, size: int, swap: int) -> None:
    """Random games in lockstep: legal actions, whose turn, the end and the result, the board."""
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make(f"hex(size={size},swap={swap})")
    theirs = pyspiel.load_game("hex", {"board_size": size, "swap": bool(swap)})
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
                drawn = [line.split() for line in str(other).lower().splitlines()]
                pieces = game.board_view(state).pieces
                assert drawn == [[piece.lower() or "." for piece in row] for row in pieces]
            else:
                assert state["to_play"] == other.current_player()
        going = counts > 0
        others = [other for other, goes in zip(others, going, strict=True) if goes]
        ours, actions, counts = ours[going], actions[going], counts[going]
        picked = (rng.random(len(ours)) * counts).astype(np.int32)
        if swap and len(ours) and ours["ply"][0] == 1:
            picked[::2] = counts[::2] - 1  # the swap, in half of the games
        chosen = np.ascontiguousarray(actions[np.arange(len(ours)), picked])
        game.rules.step(ours, chosen)
        for other, action in zip(others, chosen.tolist(), strict=True):
            other.apply_action(action)


@pytest.mark.parametrize(
    ("count", "size", "swap"), [(1000, 11, 1), (1000, 4, 0), (1000, 3, 1), (50, 19, 1)]
)
def test_games_run_move_by_move_as_in_openspiel(count, size, swap):
    compare_with_openspiel(count, size, swap)


@pytest.mark.slow
def test_ten_thousand_games_run_move_by_move_as_in_openspiel():
    compare_with_openspiel(10_000, 11, 1)


def naive_winner(owners: np.ndarray) -> int | None:
    """Who has joined the edges: stones next to each other are put together until nothing changes.

    On paper a cell and those to its right, below, and below to the left are neighbours.
    """
    size = len(owners)
    for player in (0, 1):
        group = {tuple(cell): {tuple(cell)} for cell in np.argwhere(owners == player).tolist()}
        for row, column in sorted(group):
            for other in ((row, column + 1), (row + 1, column), (row + 1, column - 1)):
                if other in group and group[other] is not group[row, column]:
                    merged = group[other] | group[row, column]
                    for cell in merged:
                        group[cell] = merged
        for members in group.values():
            reached = {cell[player] for cell in members}
            if {0, size - 1} <= reached:
                return player
    return None


@pytest.mark.parametrize(("size", "swap"), [(3, 1), (4, 0), (11, 1), (19, 1)])
def test_boards_of_any_size_end_like_a_naive_one(size, swap):
    game = games.make(f"hex(size={size},swap={swap})")
    rng = np.random.default_rng(size)
    for _ in range(20):
        states = game.rules.initial(1)
        while not states["finished"][0]:
            before = np.array(game.board_view(states[0]).owners)
            late = len(game.legal(states[0])) < 0.6 * size * size
            assert not late or naive_winner(before) is None
            action = rng.choice(game.legal(states[0]))
            game.rules.step(states, np.array([action], np.int32))
        view = game.board_view(states[0])
        winner = naive_winner(np.array(view.owners))
        assert states["returns"][0].tolist() == [1 - 2 * winner, 2 * winner - 1]
        assert {view.owners[row][column] for row, column in view.deciding} == {winner}
        only = np.full((size, size), -1)
        only[tuple(zip(*view.deciding, strict=True))] = winner
        assert naive_winner(only) == winner


@pytest.mark.parametrize(("size", "swap"), [(3, 0), (4, 0), (5, 0)])
def test_shortest_paths_across_are_as_many_as_published(size, swap):
    """David Bevan in OEIS A096367: (n + 1) * 2 ** (n - 2) of n cells across an n x n board."""
    game = games.make(f"hex(size={size},swap={swap})")
    chosen = np.array(list(itertools.combinations(range(size * size), size)), np.int32)
    free = np.ones((len(chosen), size * size), bool)
    np.put_along_axis(free, chosen, values=False, axis=1)
    others = np.argsort(~free, axis=1, kind="stable")[:, : size - 1].astype(np.int32)
    states = game.rules.initial(len(chosen))
    for ply in range(2 * size - 1):
        assert not states["finished"].any()
        column = (chosen if ply % 2 == 0 else others)[:, ply // 2]
        game.rules.step(states, np.ascontiguousarray(column))
    assert states["finished"].sum() == (size + 1) * 2 ** (size - 2)


def mover_wins(game: games.Game, state: np.void, memory: dict[int, bool]) -> bool:
    """Exact result by search to the end."""
    key = int(state["key"])
    if key not in memory:
        legal = game.legal(state)
        children = np.repeat(np.array([state]), len(legal))
        game.rules.step(children, np.array(legal, np.int32))
        outcomes = np.empty(len(children), np.int8)
        game.rules.prove(children, 2, outcomes)
        middle = (game.num_actions - 1) / 2
        unclear = np.flatnonzero(outcomes == UNPROVEN).tolist()
        unclear.sort(key=lambda k: abs(legal[k] - middle))
        memory[key] = bool((outcomes == LOSS).any()) or any(
            not mover_wins(game, children[k], memory) for k in unclear
        )
    return memory[key]


@pytest.mark.parametrize(
    ("size", "openings"),
    [(3, "c1 a2 b2 c2 a3"), (4, "d1 c2 b3 a4")],
)
def test_small_boards_are_won_by_the_known_openings(size, openings):
    """The short diagonal wins; a1 and b1 lose on every board of at least 3 x 3 (Beck)."""
    game = games.make(f"hex(size={size},swap=0)")
    memory: dict[int, bool] = {}
    assert mover_wins(game, game.rules.initial(1)[0], memory)
    winning = [a for a in range(size * size) if not mover_wins(game, game.after([a]), memory)]
    assert winning == sorted(cells(game, openings))


def test_with_the_swap_the_second_player_wins():
    game = games.make("hex(size=3)")
    memory: dict[int, bool] = {}
    assert not mover_wins(game, game.rules.initial(1)[0], memory)
    without = games.make("hex(size=3,swap=0)")
    for action in range(9):  # swapping is right exactly where the opening is
        swapped = game.after([action, 9])
        wins = not mover_wins(without, without.after([action]), {})
        assert (not mover_wins(game, swapped, memory)) == wins


def test_a_swap_mirrors_the_stone_across_the_long_diagonal():
    game = games.make("hex")
    state = played(game, "d2 swap")
    assert state["ply"] == 2 and state["to_play"] == 0
    stones = np.argwhere(np.array(game.board_view(state).owners) >= 0).tolist()
    assert stones == [[3, 1]] and game.board_view(state).owners[3][1] == 1  # O on b4
    assert len(game.legal(state)) == 120 and "swap" not in [
        game.action_to_text(state, action) for action in game.legal(state)
    ]
    assert played(game, "f6 swap")["key"] != played(game, "f6")["key"]


def test_a_swapped_stone_counts_for_its_new_owner():
    game = games.make("hex(size=3)")
    # The stone of a1 stays on a1, now at the left edge, and is linked to it.
    state = played(game, "a1 swap b3 b1 c3 c1")
    assert state["finished"] and state["returns"].tolist() == [-1, 1]
    assert game.board_view(state).deciding == ((0, 0), (0, 1), (0, 2))


@pytest.mark.parametrize("moves", ["", "b2 a1", "b2 swap", "b2 swap c1"])
def test_only_the_second_ply_may_be_a_swap(moves):
    game = games.make("hex(size=3)")
    assert game.legal(played(game, "b2"))[-1] == game.num_actions - 1
    with pytest.raises(IllegalMoveError, match="'swap' cannot be played"):
        game.text_to_action(played(game, moves), "swap")


def test_without_the_rule_there_is_no_swap():
    game = games.make("hex(size=3,swap=0)")
    assert game.num_actions == 9
    with pytest.raises(InvalidMoveError, match="'swap' is no cell; cells are a1 to c3"):
        game.text_to_action(game.after([4]), "swap")


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ((".X.", "...", "X.O"), LOSS),  # a bridge: two cells, of which O can take one
        ((".X.", "..O", "X.O"), WIN),  # the same, and X moves
        ((".X.", "O..", "X.O"), WIN),
        ((".XX", "O..", "X.O"), UNPROVEN),  # one cell is left, and O takes it
        (("...", ".O.", "..."), None),
        (("..X", ".O.", "..."), UNPROVEN),
    ],
)
def test_threats_are_settled_within_two_plies(rows, outcome):
    game = games.make("hex(size=3,swap=0)")
    if outcome is None:
        with pytest.raises(InvalidPositionError, match="X moves first, but there are 0 X and 1 O"):
            game.text_to_state("\n".join(rows))
    else:
        state = game.text_to_state("\n".join(rows))
        assert proven(game, state, 2) == exhaustive_in_two(game, state) == outcome


def test_crowded_positions_are_settled_as_exhaustive_search_settles_them():
    game = games.make("hex(size=5)")
    rng = np.random.default_rng(4)
    states = game.rules.initial(300)
    outcomes = np.empty(len(states), np.int8)
    seen = set()
    for _ in range(22):  # moves that would end the game are not played: threats pile up
        for row in range(len(states)):
            child = states[row : row + 1].copy()
            game.rules.step(child, np.array([rng.choice(game.legal(states[row]))], np.int32))
            if not child[0]["finished"]:
                states[row] = child[0]
        game.rules.prove(states, 2, outcomes)
        seen |= set(outcomes.tolist())
        for state, outcome in zip(states[::10], outcomes[::10], strict=True):
            assert outcome == exhaustive_in_two(game, state)
    assert seen == {WIN, LOSS, UNPROVEN}


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


def test_planes_show_stones_and_the_edges_that_each_side_joins():
    game = games.make("hex(size=3)")
    planes = np.empty((1, 4, 3, 3), np.uint8)
    rows, columns = [[1, 1, 1], [0, 0, 0], [1, 1, 1]], [[1, 0, 1]] * 3
    game.rules.observe(np.array([played(game, "a1 c2")]), planes)  # X moves
    assert [np.argwhere(plane).tolist() for plane in planes[0, :2]] == [[[0, 0]], [[1, 2]]]
    assert planes[0, 2:].tolist() == [rows, columns]
    game.rules.observe(np.array([played(game, "a1 c2 b2")]), planes)  # O moves
    assert np.argwhere(planes[0, 0]).tolist() == [[1, 2]]
    assert np.argwhere(planes[0, 1]).tolist() == [[0, 0], [1, 1]]
    assert planes[0, 2:].tolist() == [columns, rows]


def test_cells_are_named_from_the_top():
    game = games.make("hex")
    start = game.rules.initial(1)[0]
    named = {"a1": 0, "k1": 10, "a2": 11, "f6": 60, " K11\n": 120}
    assert {text: game.text_to_action(start, text) for text in named} == named
    assert game.cell_of_action(11) == (1, 0) and game.cell_of_action(121) is None
    for text in ("l1", "a12", "a0", "a01", "1a", "a", "sw"):
        with pytest.raises(InvalidMoveError, match=f"'{text}' is no cell; cells are a1 to k11"):
            game.text_to_action(start, text)


def test_a_position_is_drawn_as_a_slanted_board():
    game = games.make("hex(size=3)")
    state = played(game, "b2 a3 c1")
    text = "  a b c\n1 . . X\n 2 . X .\n  3 O . .\nO to move"
    assert game.state_to_text(state) == text
    assert game.text_to_state(text) == state
    assert game.text_to_state("..X\n.X.\nO..") == state


@pytest.mark.parametrize("moves", ["b1", "b1 swap", "b1 c3", "b1 swap c3", "b1 swap c3 b2"])
def test_the_side_to_move_tells_whether_the_stone_was_taken_over(moves):
    game = games.make("hex(size=3)")
    state = played(game, moves)
    assert game.text_to_state(game.state_to_text(state)) == state
    if moves == "b1 swap c3":  # as many stones of each
        without = game.text_to_state("...\nO..\n..X")
        assert without["to_play"] == 0 and without["ply"] == 2 and without["key"] != state["key"]
        with pytest.raises(InvalidPositionError, match="1 X and 1 O cannot be with O to move"):
            games.make("hex(size=3,swap=0)").text_to_state(game.state_to_text(state))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("XX.\n...\n...", "X moves first unless O swaps, but there are 2 X and 0 O"),
        ("OO.\n...\nX..\nX to move", None),  # after a swap
        ("OO.\n...\n...", "there are 0 X and 2 O"),
        ("...\n...\n...\nO to move", "0 X and 0 O cannot be with O to move"),
        ("X..\n...\n...\nX to move", "1 X and 0 O cannot be with X to move"),
        ("OO.\n...\nX..\nO to move", "1 X and 2 O cannot be with O to move"),
        ("X..\nX..\nX..", "3 X and 0 O"),
        ("XO.\nXO.\nXO.", None),  # won by X after a swap
        ("XO.\nXOO\nX.O", "3 X and 4 O cannot be with O to move"),
        ("XOX\nXOX\nXOX", "there are 6 X and 3 O"),
        ("XOX\nXOX\nXOO", None),
        (".X.XX\n.X.XX\n.X.XO\n.X.XO\nOXOXO\nO.O.O", "a board needs 3 rows"),
    ],
)
def test_positions_that_cannot_be_are_refused(text, complaint):
    game = games.make("hex(size=3)")
    if complaint is None:
        state = game.text_to_state(text)
        assert game.text_to_state(game.state_to_text(state)) == state
    else:
        with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
            game.text_to_state(text)


def test_two_separate_chains_cannot_be():
    game = games.make("hex(size=5)")
    text = "X...X\nXOO.X\nXOO.X\nXOO.X\nXOOOX"
    with pytest.raises(InvalidPositionError, match="X has joined the edges twice over"):
        game.text_to_state(text)
