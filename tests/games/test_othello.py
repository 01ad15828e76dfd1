"""Othello against published counts, solved small boards, OpenSpiel and a naive grid of our own."""

import itertools
import re
import sys

import numpy as np
import pytest
from numba import njit

import games
from games.bits import count_bits
from games.game import (
    UNPROVEN,
    GameError,
    IllegalMoveError,
    InvalidMoveError,
    InvalidPositionError,
)

# Leaves after 1, 2, ... plies on 8 x 8 where a pass is a ply and a game that ends before is a leaf:
# Aart Bik, "Perft for Reversi" (aartbik.blogspot.com, 2009).
PERFT = (4, 12, 56, 244, 1396, 8200, 55092, 390216, 3005288, 24571284, 212258800, 1939886636)

BLACK, WHITE = 0, 1


def expand(game: games.Game, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All children of ``states``, parent by parent, and how many each has."""
    actions = np.empty((len(states), game.max_legal), np.int32)
    counts = np.empty(len(states), np.int32)
    game.rules.legal_actions(states, actions, counts)
    children = np.repeat(states, counts)
    game.rules.step(children, np.ascontiguousarray(actions[actions >= 0]))
    return children, counts


def leaves(game: games.Game, state: np.void, plies: int) -> int:
    """Leaves below ``state`` where a pass is a ply; equal positions are counted together."""
    states, ways, used = np.array([state]), np.ones(1, np.int64), np.zeros(1, np.int64)
    total = 0
    while len(states):
        children, counts = expand(game, states)
        parents = np.repeat(np.arange(len(states)), counts)
        ways_down = ways[parents]
        # The same player again: the other has passed in between. A child that is finished may
        # have taken any number of plies, it is a leaf.
        again = ~children["finished"] & (children["to_play"] == states["to_play"][parents])
        used_down = used[parents] + 1 + again
        is_leaf = children["finished"] | (used_down >= plies)
        total += int(ways_down[is_leaf].sum())
        children, used_down, ways_down = (
            part[~is_leaf] for part in (children, used_down, ways_down)
        )
        label = children["key"] + used_down.astype(np.uint64)
        _, first, same = np.unique(label, return_index=True, return_inverse=True)
        states, used = children[first], used_down[first]
        ways = np.bincount(same, ways_down, len(first)).astype(np.int64)
    return total


def test_leaves_are_as_many_as_published_with_passes_as_plies():
    game = games.make("othello")
    start = game.rules.initial(1)[0]
    assert [leaves(game, start, plies) for plies in range(1, 7)] == list(PERFT[:6])
    # The four first moves are turns and mirrors of each other, and passes begin at ply 9.
    after_one = game.after([game.legal(start)[0]])
    for plies in range(7, 11):
        assert 4 * leaves(game, after_one, plies - 1) == PERFT[plies - 1]


@pytest.mark.slow
@pytest.mark.parametrize("plies", [11, 12])
def test_deep_leaves_are_as_many_as_published(plies):
    game = games.make("othello")
    states = np.array([game.after([game.legal(game.after([]))[0]])])
    for _ in range(2):
        states, _ = expand(game, states)
    assert 4 * sum(leaves(game, state, plies - 3) for state in states) == PERFT[plies - 1]


def black_leads(game: games.Game, states: np.ndarray) -> np.ndarray:
    """Black's discs less White's at the end of perfect play from each of ``states``."""
    stones = np.bitwise_count(states["stones"]).astype(np.int64)
    leads = stones[:, BLACK] - stones[:, WHITE]
    is_open = np.flatnonzero(~states["finished"])
    if not len(is_open):
        return leads
    children, counts = expand(game, states[is_open])
    _, first, same = np.unique(children["key"], return_index=True, return_inverse=True)
    below = black_leads(game, children[first])[same]
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    leads[is_open] = np.where(
        states["to_play"][is_open] == BLACK,
        np.maximum.reduceat(below, begins),
        np.minimum.reduceat(below, begins),
    )
    return leads


def test_the_second_player_wins_4_x_4_by_eight():
    game = games.make("othello(size=4)")
    assert black_leads(game, game.rules.initial(1)).tolist() == [-8]


def test_4_x_4_has_as_many_games_as_published():
    # 15,015 after the first move, of which there are four: reversi-nxn.blogspot.com, 2008.
    game = games.make("othello(size=4)")
    states, ways, total = game.rules.initial(1), np.ones(1, np.int64), 0
    while len(states):
        total += int(ways[states["finished"]].sum())
        children, counts = expand(game, states)
        _, first, same = np.unique(children["key"], return_index=True, return_inverse=True)
        ways = np.bincount(same, np.repeat(ways, counts), len(first)).astype(np.int64)
        states = children[first]
    assert total == 4 * 15_015


# Perfect play on 6 x 6 (Joel Feinstein 1993): the number of the move on each cell. The board is
# drawn as the middle of an 8 x 8 one in the source, so that its columns are b to g there.
PERFECT_6_X_6 = """
28  9  8  7 31 32
22 14  1  4 17 16
27 13  .  .  6 15
19  2  .  .  5 12
24 23  3 10 26 29
21 18 20 11 25 30
"""


@pytest.mark.parametrize("empty", [10, pytest.param(14, marks=pytest.mark.slow)])
def test_perfect_play_on_6_x_6_keeps_a_win_by_four_of_the_second_player(empty):
    game = games.make("othello(size=6)")
    number_of_cell = PERFECT_6_X_6.split()
    moves = [number_of_cell.index(str(number)) for number in range(1, 33)]
    state = game.after([])
    for ply, move in enumerate(moves):
        assert move in game.legal(state)
        state = game.after(moves[: ply + 1])
        if 32 - empty <= ply + 1:
            assert black_leads(game, np.array([state])).tolist() == [-4]
    assert state["finished"] and state["returns"].tolist() == [-1, 1]
    assert np.bitwise_count(state["stones"]).tolist() == [16, 20]


def play(game: games.Game, transcript: str) -> list[np.void]:
    """All positions of a game written as cells without passes."""
    states, actions = [game.after([])], []
    for text in re.findall("[a-hA-H][1-8]", transcript):
        actions.append(game.text_to_action(states[-1], text))
        states.append(game.after(actions))
    return states


def test_a_game_with_23_passes_runs_without_writing_them():
    # Warren D. Smith on math-fun: White, in lower-case letters, takes all 64 discs.
    transcript = (
        "F5d6C4g5D7c7H5d8B8b7B6a7b5A6a5b4B3c6E8f8C8a8e7a4b2A2c2D2d1e2F2c5c3a1a3e6d3f6F7f1g2H2e3F4"
        "b1g1c1e1g8g7f3h1h3h4h6"
    )
    game = games.make("othello")
    states = play(game, transcript)
    letters = re.findall("[A-Ha-h](?=[1-8])", transcript)
    movers = [WHITE if letter.islower() else BLACK for letter in letters]
    assert [int(state["to_play"]) for state in states[:-1]] == movers
    passes = sum(mover == following for mover, following in itertools.pairwise(movers))
    assert passes == 23
    assert states[-1]["finished"] and states[-1]["returns"].tolist() == [-1, 1]
    assert np.bitwise_count(states[-1]["stones"]).tolist() == [0, 4 + len(movers)]


def test_a_game_ends_where_neither_can_move_with_cells_left():
    # The same source: the shortest game that leaves both colours on the board.
    states = play(games.make("othello"), "f5 f4 c3 e6 f7 g6 g4 e8 g8 g5 h5")
    assert not any(state["finished"] for state in states[:-1])
    assert states[-1]["finished"] and states[-1]["returns"].tolist() == [1, -1]
    assert np.bitwise_count(states[-1]["stones"]).tolist() == [14, 1]
    assert states[-1]["moves"] == 0 and states[-1]["to_play"] == 0


def naive_turned(rows: list[list[int]], row: int, column: int, player: int) -> list:
    """Cells that a disc would turn over, looked for cell by cell."""
    size, found = len(rows), []
    if rows[row][column] != -1:
        return found
    for down, right in itertools.product((-1, 0, 1), repeat=2):
        line = []
        r, c = row + down, column + right
        while (down or right) and 0 <= r < size and 0 <= c < size and rows[r][c] == 1 - player:
            line.append((r, c))
            r, c = r + down, c + right
        if line and 0 <= r < size and 0 <= c < size and rows[r][c] == player:
            found += line
    return found


@pytest.mark.parametrize("size", [4, 6, 8])
def test_boards_of_every_size_play_like_a_naive_grid(size):
    game = games.make(f"othello(size={size})")
    rng = np.random.default_rng(size)
    cells = list(itertools.product(range(size), repeat=2))
    for _ in range({4: 100, 6: 25, 8: 10}[size]):
        states = game.rules.initial(1)
        rows = [[-1] * size for _ in range(size)]
        half = size // 2
        rows[half - 1][half - 1] = rows[half][half] = WHITE
        rows[half - 1][half] = rows[half][half - 1] = BLACK
        player, plies = BLACK, 0
        while True:
            legal = [[cell for cell in cells if naive_turned(rows, *cell, p)] for p in (0, 1)]
            if not legal[player]:
                player = 1 - player
            assert game.board_view(states[0]).owners == tuple(map(tuple, rows))
            assert states["ply"][0] == plies
            assert game.legal(states[0]) == [row * size + c for row, c in legal[player]]
            if not legal[player]:
                lead = sum(row.count(BLACK) - row.count(WHITE) for row in rows)
                assert states["finished"][0]
                assert states["returns"][0].tolist() == [np.sign(lead), -np.sign(lead)]
                break
            assert states["to_play"][0] == player
            row, column = legal[player][rng.integers(len(legal[player]))]
            for r, c in [(row, column), *naive_turned(rows, row, column, player)]:
                rows[r][c] = player
            game.rules.step(states, np.array([row * size + column], np.int32))
            player, plies = 1 - player, plies + 1


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_games_run_move_by_move_as_in_openspiel(count):
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make("othello")
    rng = np.random.default_rng(count)
    theirs = [pyspiel.load_game("othello").new_initial_state() for _ in range(count)]
    ours = game.rules.initial(count)
    passes = 0
    while len(ours):
        actions = np.empty((len(ours), game.max_legal), np.int32)
        counts = np.empty(len(ours), np.int32)
        game.rules.legal_actions(ours, actions, counts)
        chosen = np.zeros(len(ours), np.int32)
        going_on = []
        for row, state in enumerate(theirs):
            legal = state.legal_actions()
            if legal == [64]:  # they play a pass; with us the same player moves again
                state.apply_action(64)
                passes += 1
                legal = state.legal_actions()
            assert state.is_terminal() == bool(ours["finished"][row])
            assert actions[row, : counts[row]].tolist() == legal
            if state.is_terminal():
                assert ours["returns"][row].tolist() == state.returns()
                discs = "".join(re.findall("^[1-8] (.*) [1-8]$", str(state), re.MULTILINE))
                owners = itertools.chain(*game.board_view(ours[row]).owners)
                assert discs.replace(" ", "") == "".join("-xo"[owner + 1] for owner in owners)
                continue
            assert ours["to_play"][row] == state.current_player()
            chosen[row] = legal[int(rng.integers(len(legal)))]
            state.apply_action(int(chosen[row]))
            going_on.append(row)
        theirs = [theirs[row] for row in going_on]
        ours = ours[going_on]
        game.rules.step(ours, np.ascontiguousarray(chosen[going_on]))
    assert passes > count / 4


def test_no_arrangement_on_4_x_4_has_more_moves_than_max_legal():
    game = games.make("othello(size=4)")
    legal_cells = sys.modules[game.rules._step.py_func.__module__].legal_cells

    @njit
    def most_moves():
        most = 0
        for taken in range(1 << 16):
            own = taken if taken & 0x0660 == 0x0660 else 0  # the four in the middle
            while own:
                most = max(most, count_bits(legal_cells(np.uint64(own), np.uint64(taken ^ own))))
                own = (own - 1) & taken
        return most

    assert most_moves() == game.max_legal == 8


def test_max_legal_holds_with_room_in_random_play():
    for size, most in ((6, 20), (8, 34)):
        game = games.make(f"othello(size={size})")
        assert game.max_legal == most
        states, seen = game.rules.initial(2000), 0
        rng = np.random.default_rng(size)
        while len(states):
            actions = np.empty((len(states), game.max_legal), np.int32)
            counts = np.empty(len(states), np.int32)
            game.rules.legal_actions(states, actions, counts)
            seen = max(seen, int(counts.max()))
            picks = (rng.random(len(states)) * counts).astype(np.int64)
            chosen = actions[np.arange(len(states)), picks][counts > 0]
            states = states[counts > 0]
            game.rules.step(states, np.ascontiguousarray(chosen))
        assert most / 2 < seen <= most


@pytest.mark.slow
def test_no_arrangement_on_6_x_6_has_more_moves_than_max_legal():
    optimize = pytest.importorskip("scipy.optimize", reason="scipy is not installed")
    size, cells = 6, range(36)
    rays = []  # (cell, discs to be turned, disc at the end): ways in which a cell can be legal
    for cell in cells:
        for down, right in itertools.product((-1, 0, 1), repeat=2):
            line = [
                (cell // size + i * down) * size + cell % size + i * right
                for i in range(1, size)
                if (down or right)
                and 0 <= cell // size + i * down < size
                and 0 <= cell % size + i * right < size
            ]
            rays += [(cell, line[:length], line[length]) for length in range(1, len(line))]
    # Unknowns: own disc, other's disc, legal for each cell; then each ray in use.
    rows: list[dict[int, int]] = [{c: 1, 36 + c: 1, 72 + c: 1} for c in cells]
    limits = [1] * 36
    for cell in cells:
        uses = {108 + i: -1 for i, ray in enumerate(rays) if ray[0] == cell}
        rows.append({72 + cell: 1, **uses})
    for i, (_, middle, end) in enumerate(rays):
        rows += [{108 + i: 1, 36 + between: -1} for between in middle]
        rows.append({108 + i: 1, end: -1})
    limits += [0] * (len(rows) - 36)
    for cell in (14, 15, 20, 21):  # the four in the middle
        rows.append({cell: -1, 36 + cell: -1})
        limits.append(-1)
    matrix = np.zeros((len(rows), 108 + len(rays)))
    for number, row in enumerate(rows):
        matrix[number, list(row)] = list(row.values())
    goal = np.zeros(matrix.shape[1])
    goal[72:108] = -1
    found = optimize.milp(
        goal,
        constraints=optimize.LinearConstraint(matrix, -np.inf, limits),
        integrality=np.arange(matrix.shape[1]) < 72,
        bounds=optimize.Bounds(0, 1),
    )
    assert found.success and round(-found.mip_dual_bound) == games.make("othello(size=6)").max_legal


def test_four_symmetries_keep_the_start_position():
    game = games.make("othello")
    board = np.arange(64).reshape(8, 8)
    expected = {board.tobytes(), np.rot90(board, 2).tobytes()}
    expected |= {board.T.tobytes(), np.rot90(board, 2).T.tobytes()}
    cells = game.symmetries.cells.astype(board.dtype)
    assert {row.tobytes() for row in cells} == expected


def test_planes_show_mover_opponent_empty_and_legal_cells():
    game = games.make("othello")
    planes = np.empty((1, 4, 8, 8), np.uint8)
    game.rules.observe(np.array([play(game, "d3")[-1]]), planes)
    mine, theirs, empty, legal = planes[0]
    assert np.argwhere(mine).tolist() == [[4, 4]]  # White moves and has e5 left
    assert np.argwhere(theirs).tolist() == [[2, 3], [3, 3], [3, 4], [4, 3]]
    assert (empty == 1 - mine - theirs).all()
    assert np.argwhere(legal).tolist() == [[2, 2], [2, 4], [4, 2]]  # c3, e3, c5


def test_a_position_is_drawn_with_row_1_at_the_top():
    game = games.make("othello(size=4)")
    assert game.state_to_text(game.after([1])) == (
        "1 . X . .\n2 . X X .\n3 . X O .\n4 . . . .\n  a b c d\nWhite to move"
    )
    assert game.action_to_text(game.after([]), 1) == "b1"
    assert "".join(game.board_view(game.after([])).pieces[1]) == "○●"


@pytest.mark.parametrize(
    "text",
    [
        ".X..\n.XX.\n.XO.\n....\nWhite to move",
        "- * - -\n- * * -\n- * O -\n- - - -\no to move",  # GGF
        "1 - x - -\n2 - x x -\n3 - x o -\n4 - - - -\n  a b c d\nwhite to move",  # OpenSpiel
        "·●··\n·●●·\n·●○·\n····\nWhite to move".replace("·", "."),
    ],
)
def test_positions_may_be_typed_in_several_hands(text):
    game = games.make("othello(size=4)")
    assert game.text_to_state(text) == game.after([1])


def test_the_line_that_says_who_moves_may_be_missing_where_only_one_can():
    game = games.make("othello(size=4)")
    only_black = game.text_to_state("XO..\nOOO.\nOOO.\n....")
    assert only_black["to_play"] == BLACK and not only_black["finished"]
    only_white = game.text_to_state("OX..\nXXX.\nXXX.\n....")
    assert only_white["to_play"] == WHITE and game.legal(only_white) == [2, 12, 15]
    over = game.text_to_state("....\n.XX.\n.XX.\n....")
    assert over["finished"] and over["returns"].tolist() == [1, -1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("....\n.X..\n.XO.\n....\nBlack to move", "four cells in the middle"),
        ("X...\n.OX.\n.XO.\n...X\nBlack to move", None),
        ("....\n.OX.\n.XO.\n....", "both players could move"),
        ("XO..\nOOO.\nOOO.\n....\nWhite to move", "White has no move here, so Black is to move"),
        ("....\n.OX.\n.XO.\n...", "4, 4, 4, 3"),
    ],
)
def test_positions_that_cannot_be_are_refused(text, complaint):
    game = games.make("othello(size=4)")
    if complaint is None:
        assert game.text_to_state(text)["ply"] == 2
    else:
        with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
            game.text_to_state(text)


def test_a_disc_apart_from_the_others_is_refused():
    rows = ["......", "......", "..OX..", "..XO..", "......", ".....X", "Black to move"]
    with pytest.raises(InvalidPositionError, match="the disc on f6 touches no other"):
        games.make("othello(size=6)").text_to_state("\n".join(rows))


def test_moves_are_read_in_either_case_and_passes_are_explained():
    game = games.make("othello")
    start = game.after([])
    assert [game.text_to_action(start, text) for text in ("f5", " F5\n")] == [37, 37]
    assert game.text_to_action(start, "d3") == 19
    with pytest.raises(InvalidMoveError, match="passes are not written"):
        game.text_to_action(start, "pass")
    with pytest.raises(InvalidMoveError, match="'i9' is no cell; cells are a1 to h8"):
        game.text_to_action(start, "i9")
    with pytest.raises(IllegalMoveError, match=r"'a1' cannot be played .* legal: d3 c4 f5 e6"):
        game.text_to_action(start, "a1")


@pytest.mark.parametrize("size", [5, 7])
def test_boards_of_odd_size_are_refused(size):
    with pytest.raises(GameError, match=f"even size, 4, 6 or 8, not {size}"):
        games.make(f"othello(size={size})")


def test_endings_are_settled_exactly_or_left_open():
    game = games.make("othello(size=6)")
    states = game.rules.initial(300)
    rng = np.random.default_rng(3)
    while states["ply"].min() < game.max_plies - 7:
        actions = np.empty((len(states), game.max_legal), np.int32)
        counts = np.empty(len(states), np.int32)
        game.rules.legal_actions(states, actions, counts)
        states, actions, counts = states[counts > 0], actions[counts > 0], counts[counts > 0]
        picks = (rng.random(len(states)) * counts).astype(np.int64)
        game.rules.step(states, np.ascontiguousarray(actions[np.arange(len(states)), picks]))
    states = states[~states["finished"]]
    quick, exact = np.empty((2, len(states)), np.int8)
    tables, rows = np.zeros((1, 1 << 12), np.uint64), np.zeros(len(states), np.int32)
    distances = np.empty(len(states), np.int32)
    game.rules.look_ahead(states, 2, 2_000, 9, tables, rows, quick, distances)
    game.rules.prove(states, 7, exact)
    leads = black_leads(game, states) * (1 - 2 * states["to_play"])
    assert (exact == np.sign(leads)).all()
    assert (quick != UNPROVEN).mean() > 0.9
    assert (quick == exact)[quick != UNPROVEN].all()
