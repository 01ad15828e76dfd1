"""Connect Four against published counts, other implementations and a naive one of our own."""

import re

import numpy as np
import pytest

import games
from agents.solvers.connect_four import ConnectFourSolver
from games.game import UNPROVEN, IllegalMoveError, InvalidMoveError, InvalidPositionError

# Positions after 0, 1, 2, ... plies on 7 x 6: OEIS A212693 (John Tromp; Edelkamp and Kissmann).
POSITIONS_BY_PLY = (1, 7, 49, 238, 1120, 4263, 16422, 54859, 184275, 558186)

# All positions of small boards by (width, height): John Tromp's table of connect four positions.
ALL_POSITIONS = {(4, 4): 161029}


def position_counts(game: games.Game, plies: int) -> list[int]:
    """Number of different positions by ply, breadth first; finished ones count and end there."""
    level = game.rules.initial(1)
    sizes = [1]
    for _ in range(plies):
        actions = np.empty((len(level), game.max_legal), np.int32)
        counts = np.empty(len(level), np.int32)
        game.rules.legal_actions(level, actions, counts)
        children = np.repeat(level, counts)
        game.rules.step(children, np.ascontiguousarray(actions[actions >= 0]))
        _, first = np.unique(children["key"], return_index=True)
        level = children[first]
        sizes.append(len(level))
    return sizes


def test_positions_by_ply_are_the_published_ones():
    game = games.make("connect_four")
    assert tuple(position_counts(game, len(POSITIONS_BY_PLY) - 1)) == POSITIONS_BY_PLY


@pytest.mark.parametrize(("size", "published"), ALL_POSITIONS.items())
def test_all_positions_of_a_small_board_are_as_many_as_published(size, published):
    game = games.make(f"connect_four(width={size[0]},height={size[1]})")
    assert sum(position_counts(game, game.max_plies)) == published


def naive_result(rows: list[list[int]], length: int) -> int | None:
    """Owner of a line on a grid of rows, looked for cell by cell."""
    height, width = len(rows), len(rows[0])
    for row in range(height):
        for column in range(width):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                ends = row + (length - 1) * down, column + (length - 1) * right
                if ends[0] < height and 0 <= ends[1] < width:
                    line = {rows[row + i * down][column + i * right] for i in range(length)}
                    if len(line) == 1 and -1 not in line:
                        return line.pop()
    return None


@pytest.mark.parametrize(
    ("width", "height", "length"),
    [(7, 6, 4), (3, 3, 3), (4, 4, 4), (4, 12, 5), (12, 4, 6), (8, 7, 4)],
)
def test_boards_of_any_size_play_like_a_naive_grid(width, height, length):
    game = games.make(f"connect_four(width={width},height={height},length={length})")
    rng = np.random.default_rng(width * 100 + height)
    for _ in range(60):
        states = game.rules.initial(1)
        rows = [[-1] * width for _ in range(height)]  # row 0 at the bottom
        player, plies = 0, 0
        while True:
            free = [c for c in range(width) if rows[height - 1][c] == -1]
            winner = naive_result(rows, length)
            over = winner is not None or not free
            assert bool(states["finished"][0]) == over
            assert game.legal(states[0]) == ([] if over else free)
            view = game.board_view(states[0])
            assert view.owners == tuple(tuple(row) for row in reversed(rows))
            if over:
                expected = [0, 0] if winner is None else [1 - 2 * winner, 2 * winner - 1]
                assert states["returns"][0].tolist() == expected
                assert (winner is not None) == bool(view.deciding)
                break
            assert states["to_play"][0] == player and states["ply"][0] == plies
            column = int(rng.choice(free))
            landing = next(r for r in range(height) if rows[r][column] == -1)
            rows[landing][column] = player
            game.rules.step(states, np.array([column], np.int32))
            player, plies = 1 - player, plies + 1


def test_games_run_move_by_move_as_in_openspiel():
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make("connect_four")
    rng = np.random.default_rng(11)
    for _ in range(300):
        theirs = pyspiel.load_game("connect_four").new_initial_state()
        states = game.rules.initial(1)
        while not theirs.is_terminal():
            assert not states["finished"][0]
            assert states["to_play"][0] == theirs.current_player()
            assert game.legal(states[0]) == theirs.legal_actions()
            # Their picture is lower and upper case: o, x, dots; ours X and O.
            drawn = [line for line in str(theirs).splitlines() if line]
            ours = game.board_view(states[0]).owners
            assert drawn == ["".join(".xo"[owner + 1] for owner in row) for row in ours]
            action = int(rng.choice(theirs.legal_actions()))
            theirs.apply_action(action)
            game.rules.step(states, np.array([action], np.int32))
        assert states["finished"][0]
        assert states["returns"][0].tolist() == theirs.returns()


def test_games_run_move_by_move_as_in_pettingzoo():
    classic = pytest.importorskip(
        "pettingzoo.classic.connect_four_v3", reason="pettingzoo's classic games are not installed"
    )
    game = games.make("connect_four")
    rng = np.random.default_rng(12)
    for _ in range(40):
        env = classic.env()
        env.reset()
        states = game.rules.initial(1)
        planes = np.empty((1, *game.observation_shape), np.uint8)
        while True:
            observation, _, terminated, _, _ = env.last()
            assert bool(terminated) == bool(states["finished"][0])
            if terminated:
                break
            assert env.agents.index(env.agent_selection) == states["to_play"][0]
            assert np.flatnonzero(observation["action_mask"]).tolist() == game.legal(states[0])
            game.rules.observe(states, planes)
            assert (observation["observation"].transpose(2, 0, 1) == planes[0, :2]).all()
            action = int(rng.choice(game.legal(states[0])))
            env.step(action)
            game.rules.step(states, np.array([action], np.int32))
        assert [env.rewards[agent] for agent in env.possible_agents] == states["returns"][
            0
        ].tolist()
        env.close()


def test_the_bitboard_has_a_free_bit_above_every_column():
    state = games.make("connect_four").after([0, 0, 6])
    assert state["stones"].tolist() == [1 << 0 | 1 << 42, 1 << 1]


def test_planes_show_mover_opponent_and_landing_cells_from_the_top():
    game = games.make("connect_four")
    planes = np.empty((1, 3, 6, 7), np.uint8)
    game.rules.observe(np.array([game.after([3, 3, 3, 3, 3, 3, 0])]), planes)
    mine, theirs, landing = planes[0]
    assert np.argwhere(mine).tolist() == [[0, 3], [2, 3], [4, 3]]  # O moves and has these
    assert np.argwhere(theirs).tolist() == [[1, 3], [3, 3], [5, 0], [5, 3]]
    assert np.argwhere(landing).tolist() == [[4, 0], [5, 1], [5, 2], [5, 4], [5, 5], [5, 6]]


def test_a_position_is_drawn_with_its_columns_and_the_side_to_move():
    game = games.make("connect_four(width=4,height=4)")
    assert game.state_to_text(game.after([1, 1, 2])) == (
        ". . . .\n. . . .\n. O . .\n. X X .\n1 2 3 4\nO to move"
    )


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        ([0, 1, 0, 1, 0, 1, 0], "X won"),
        ([0, 1, 0, 1, 0, 1, 2, 1], "O won"),
        ([0, 1, 2, 3, 0, 1, 2, 3, 1, 0, 3, 2, 1, 0, 3, 2], "draw"),
    ],
)
def test_the_status_says_who_won(moves, status):
    game = games.make("connect_four(width=4,height=4)")
    assert game.state_to_text(game.after(moves)).splitlines()[-1] == status


def test_positions_may_be_typed_without_labels_or_spaces():
    game = games.make("connect_four(width=4,height=4)")
    assert game.text_to_state("....\n....\n.O..\n.XX.\n") == game.after([1, 1, 2])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("....\n.X..\n....\n....", "hangs in the air"),
        ("....\n....\n....\n.XX.", "2 X and 0 O"),
        ("....\n....\nO...\nO...", "0 X and 2 O"),
        ("....\n....\nOOO.\nXXXX", None),
        ("....\nO...\nOOO.\nXXXX", "X has a line but did not move last"),
        ("....\n....\n....", "found 3 rows"),
        ("....\n....\n....\n...", "4, 4, 4, 3"),
    ],
)
def test_positions_that_cannot_be_are_refused(text, complaint):
    game = games.make("connect_four(width=4,height=4)")
    if complaint is None:
        assert game.text_to_state(text)["finished"]
    else:
        with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
            game.text_to_state(text)


def test_moves_are_read_as_numbers_and_as_letters():
    game = games.make("connect_four")
    start = game.rules.initial(1)[0]
    assert [game.text_to_action(start, text) for text in ("4", " 4\n", "d", "D")] == [3, 3, 3, 3]
    with pytest.raises(InvalidMoveError, match="'8' is no column; columns are 1 to 7"):
        game.text_to_action(start, "8")
    with pytest.raises(IllegalMoveError, match=r"'4' cannot be played .* legal: 1 2 3 5 6 7"):
        game.text_to_action(game.after([3] * 6), "4")
    with pytest.raises(IllegalMoveError, match="the game is over"):
        game.text_to_action(game.after([0, 1, 0, 1, 0, 1, 0]), "4")


@pytest.mark.parametrize(
    ("moves", "plies", "outcome"),
    [
        ("121212", 1, 1),  # X completes a column
        ("1212123", 1, 1),  # X did something else, and O completes hers
        ("12121", 2, UNPROVEN),  # O must and can stop X
        ("34353", 2, UNPROVEN),
        ("4433", 3, 1),  # X gets three in the bottom row, open at both ends
        ("44332", 2, -1),  # O sees the same: two threats, one move
    ],
)
def test_tactics_are_proven(moves, plies, outcome):
    game = games.make("connect_four")
    state = game.after([int(move) - 1 for move in moves])
    outcomes = np.empty(1, np.int8)
    game.rules.prove(np.array([state]), plies, outcomes)
    assert outcomes[0] == outcome


def test_endings_are_settled_exactly_or_left_open():
    game = games.make("connect_four")
    rng = np.random.default_rng(3)
    states = game.rules.initial(1500)
    for row in range(len(states)):
        one = game.rules.initial(1)
        for _ in range(int(rng.integers(24, 38))):
            before = one.copy()
            game.rules.step(one, np.array([rng.choice(game.legal(one[0]))], np.int32))
            if one[0]["finished"]:
                one = before
                break
        states[row] = one[0]
    left = game.max_plies - states["ply"]
    quick = np.empty(len(states), np.int8)
    distances = np.empty(len(states), np.int32)
    tables, rows = np.zeros((1, 1 << 12), np.uint64), np.zeros(len(states), np.int32)
    game.rules.look_ahead(states, 2, 2000, 22, tables, rows, quick, distances)
    assert ((distances == 2) | (distances == left)).all()
    near = left <= 12
    exact = np.empty(len(states), np.int8)
    for plies in np.unique(left[near]):
        rows = near & (left == plies)
        outcomes = np.empty(int(rows.sum()), np.int8)
        game.rules.prove(states[rows], int(plies), outcomes)
        exact[rows] = outcomes
    assert near.sum() > 50
    settled = near & (quick != UNPROVEN)
    assert settled.sum() > 0.9 * near.sum()
    assert (quick[settled] == exact[settled]).all()


def test_moves_of_a_root_are_settled_as_the_solver_says_until_one_wins():
    game = games.make("connect_four")
    solver = ConnectFourSolver(opening_table=False, table_bits=18)
    rng = np.random.default_rng(5)
    roots = []
    while len(roots) < 60:
        state = game.rules.initial(1)
        line = []
        for _ in range(int(rng.integers(18, 34))):
            action = int(rng.choice(game.legal(state[0])))
            game.rules.step(state, np.array([action], np.int32))
            line.append(action)
            if state[0]["finished"]:
                break
        if not state[0]["finished"]:
            roots.append((state[0].copy(), line))
    movers, rows, states, exact = [], [], [], []
    for row, (root, line) in enumerate(roots):
        outcomes = solver.move_outcomes(line)
        for action in game.legal(root):
            child = np.array([root])
            game.rules.step(child, np.array([action], np.int32))
            states.append(child[0])
            movers.append(root["to_play"])
            rows.append(row)
            exact.append(outcomes[action])
    states = np.array(states)
    same = states["to_play"] == movers
    expected = np.where(same, exact, -np.array(exact))
    found = np.empty(len(states), np.int8)
    table = np.ones(1 << 12, np.uint64)  # what stands there does not matter
    arguments = states, np.array(movers, np.int8), 500_000, 24, table, np.array(rows, np.int32)
    game.rules.settle_moves(*arguments, found)
    known = found != UNPROVEN
    assert (found[known] == expected[known]).all()
    for row in range(len(roots)):
        mine = np.array(rows) == row
        won = known & mine & (np.where(same, found, -found) == 1)
        assert won.sum() <= 1 and (won.any() or known[mine].all())
    game.rules.settle_moves(*arguments[:3], 0, *arguments[4:], found)
    assert (found == UNPROVEN).all()


def test_a_larger_budget_reaches_further_back():
    rules = games.make("connect_four").rules
    assert [rules.ending_reach(nodes) for nodes in (0, 200, 2_000, 200_000)] == [0, 19, 22, 28]
    assert games.make("tic_tac_toe").rules.ending_reach(10**6) == 0
