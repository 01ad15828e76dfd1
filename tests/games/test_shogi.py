"""Shogi against published counts, cshogi, and positions drawn by hand."""

import re
import sys
from collections import Counter

import numpy as np
import pytest

import games
from games.game import IllegalMoveError, InvalidMoveError, InvalidPositionError

START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
# The position in which Black has more moves than in any other known.
MOST_MOVES = "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1"
# "Matsuri", a middle game full of drops, used by Apery's and YaneuraOu's benchmarks.
MATSURI = "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w RGgsn5p 1"

# Leaves of the tree of legal moves by depth, as published for other engines.
PERFT = {
    START: (30, 900, 25470, 719731, 19861490),
    MOST_MOVES: (593, 105677),
    MATSURI: (207, 28684, 4809015),
}

WINDOW = 192  # plies in which repetitions are looked for


@pytest.fixture(scope="module")
def game():
    return games.make("shogi")


@pytest.fixture(scope="module")
def cshogi():
    return pytest.importorskip("cshogi", reason="cshogi is not installed")


def compiled_rules(game: games.Game):
    """The module that a game was compiled to."""
    return sys.modules[game.action_to_text.__module__]


def moves(game: games.Game, state: np.void) -> set[str]:
    return {game.action_to_text(state, action) for action in game.legal(state)}


def play(game: games.Game, sfen: str, *texts: str) -> np.void:
    """The position after some moves."""
    states = np.array([game.text_to_state(sfen)])
    for text in texts:
        action = game.text_to_action(states[0], text)
        game.rules.step(states, np.array([action], np.int32))
    return states[0]


def sfen_of(game: games.Game, state: np.void) -> str:
    """The SFEN line of a position, without the word before it."""
    lines = game.state_to_text(state).splitlines()
    return next(line for line in lines if line.startswith("sfen ")).removeprefix("sfen ")


def result(state: np.void) -> str:
    """How a position stands, for people's eyes."""
    if not state["finished"]:
        return "open"
    return {1: "Black", -1: "White", 0: "draw"}[int(state["returns"][0])]


def leaves(game: games.Game, states: np.ndarray, depth: int) -> int:
    """Leaves of the trees of legal moves, a few thousand positions at a time."""
    total = 0
    for part in np.array_split(states, 1 + len(states) // 2000):
        actions = np.empty((len(part), game.max_legal), np.int32)
        counts = np.empty(len(part), np.int32)
        game.rules.legal_actions(part, actions, counts)
        if depth == 1:
            total += int(counts.sum())
        elif counts.sum():
            children = np.repeat(part, counts)
            game.rules.step(children, np.ascontiguousarray(actions[actions >= 0]))
            total += leaves(game, children, depth - 1)
    return total


@pytest.mark.parametrize(
    ("sfen", "depth"), [(START, 4), (MOST_MOVES, 2), (MATSURI, 2)], ids=("start", "most", "matsuri")
)
def test_leaves_are_as_many_as_published(game, sfen, depth):
    root = np.array([game.text_to_state(sfen)])
    for plies in range(1, depth + 1):
        assert leaves(game, root, plies) == PERFT[sfen][plies - 1]


@pytest.mark.slow
@pytest.mark.parametrize(("sfen", "depth"), [(START, 5), (MATSURI, 3)], ids=("start", "matsuri"))
def test_leaves_at_depth_are_as_many_as_published(game, sfen, depth):
    root = np.array([game.text_to_state(sfen)])
    assert leaves(game, root, depth) == PERFT[sfen][depth - 1]


def test_the_bulk_count_is_the_length_of_the_list(game):
    count_legal = compiled_rules(game).count_legal
    rng = np.random.default_rng(2)
    states = game.rules.initial(40)
    for _ in range(250):
        actions = np.empty((len(states), game.max_legal), np.int32)
        counts = np.empty(len(states), np.int32)
        game.rules.legal_actions(states, actions, counts)
        assert [count_legal(state) for state in states] == counts.tolist()
        picked = (rng.random(len(states)) * counts).astype(np.int32)
        game.rules.step(states, np.ascontiguousarray(actions[np.arange(len(states)), picked]))
        states = np.ascontiguousarray(states[~states["finished"]])


def test_a_record_is_at_most_one_kilobyte(game):
    assert game.state_dtype.itemsize <= 1000


# --- Random games against cshogi ---------------------------------------------------------------


class Referee:
    """Who won by repetition, from the whole record of the game: what a person would look up."""

    def __init__(self, position: str, check: bool) -> None:
        self.positions = [position]
        self.checks = [check]

    def add(self, position: str, check: bool) -> tuple[int, int | None]:
        """Occurrences before this one in the window, and the winner (-1: draw) at the fourth."""
        self.positions.append(position)
        self.checks.append(check)
        now = len(self.positions) - 1
        first = max(0, now - WINDOW)
        found = [i for i in range(first, now) if self.positions[i] == position]
        if len(found) < 3:
            return len(found), None
        mover = position.split()[1]
        since = found[-3]
        in_check = {"b": True, "w": True}
        for i in range(since, now + 1):
            side = self.positions[i].split()[1]
            in_check[side] = in_check[side] and self.checks[i]
        other = "w" if mover == "b" else "b"
        if in_check[mover] == in_check[other]:
            return 3, -1
        return 3, "bw".index(mover if in_check[mover] else other)


def without_number(sfen: str) -> str:
    return sfen.rsplit(" ", 1)[0]


def compare_game(game, cshogi, rng, *, shuffling: float, start: str = START) -> Counter:
    """One game move by move; with ``shuffling`` a move is often taken back, or gives check."""
    board = cshogi.Board()
    board.set_sfen(start)
    states = np.array([game.text_to_state(start)])
    referee = Referee(without_number(board.sfen()), board.is_check())
    seen = Counter(games=1)
    previous: list[str] = []
    while True:
        state = states[0]
        theirs = [cshogi.move_to_usi(move) for move in board.legal_moves]
        assert sfen_of(game, state) == board.sfen()
        assert bool(state["check"]) == board.is_check()
        if state["finished"]:
            break
        assert theirs and not board.is_nyugyoku()
        ours = moves(game, state)
        assert ours == set(theirs), board.sfen()
        seen["plies"] += 1
        wanted = []
        if rng.random() < shuffling:
            if len(previous) > 1:
                wanted = [move for move in theirs if takes_back(move, previous[-2])]
            # Who cannot go back, as after an answer to a check, gives check if he can.
            wanted = wanted or [move for move in theirs if gives_check(board, move)]
        move = str(rng.choice(wanted or theirs))
        previous.append(move)
        board.push_usi(move)
        game.rules.step(states, np.array([game.text_to_action(state, move)], np.int32))
        occurrences, winner = referee.add(without_number(board.sfen()), board.is_check())
        assert states[0]["repetitions"] == occurrences
        seen[f"repeated {occurrences} times"] += 1
        expected = "open"
        if not list(board.legal_moves):
            expected = "White" if board.turn == cshogi.BLACK else "Black"
            seen["mates"] += 1
        elif board.is_nyugyoku():
            expected = "Black" if board.turn == cshogi.BLACK else "White"
            seen["declarations"] += 1
        elif occurrences == 3:
            expected = {-1: "draw", 0: "Black", 1: "White"}[winner]
            seen["fourfold, perpetual check" if winner >= 0 else "fourfold"] += 1
        elif len(previous) == game.max_plies:
            expected = "draw"
            seen["limits"] += 1
        assert result(states[0]) == expected, board.sfen()
    return seen


def takes_back(move: str, before: str) -> bool:
    return "*" not in before and move[:4] == before[2:4] + before[:2]


def gives_check(board, move: str) -> bool:
    board.push_usi(move)
    check = board.is_check()
    board.pop()
    return check


def test_random_games_run_move_by_move_as_in_cshogi(game, cshogi):
    rng = np.random.default_rng(21)
    seen = sum((compare_game(game, cshogi, rng, shuffling=0.0) for _ in range(40)), Counter())
    assert seen["plies"] > 8000 and seen["mates"] > 10


def test_games_that_go_in_circles_end_as_the_record_says(game, cshogi):
    rng = np.random.default_rng(22)
    seen = sum((compare_game(game, cshogi, rng, shuffling=0.9) for _ in range(60)), Counter())
    assert seen["fourfold"] > 30


@pytest.mark.parametrize(
    "start",
    [
        "4k4/9/9/9/9/9/9/9/K4R3 b - 1",
        "k4r3/9/9/9/9/9/9/9/4K4 w - 1",
        "4k4/9/9/9/9/9/9/4+r4/K4+R3 b - 1",
    ],
)
def test_chases_of_a_king_end_as_the_record_says(game, cshogi, start):
    rng = np.random.default_rng(24)
    games_seen = (compare_game(game, cshogi, rng, shuffling=0.97, start=start) for _ in range(40))
    seen = sum(games_seen, Counter())
    assert seen["fourfold, perpetual check"] > 5


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shuffling", [0.0, 0.6, 0.9])
def test_a_thousand_random_games_run_as_in_cshogi(game, cshogi, shuffling):
    rng = np.random.default_rng(23)
    seen = sum(
        (compare_game(game, cshogi, rng, shuffling=shuffling) for _ in range(1000)), Counter()
    )
    print(shuffling, dict(seen))
    assert seen["games"] == 1000


def random_sfen(rng: np.random.Generator) -> str:
    """Pieces thrown on the board, most near the kings: full of pins, checks and drop mates."""
    sets = {"P": 18, "L": 4, "N": 4, "S": 4, "G": 4, "B": 2, "R": 2}
    board: dict[int, str] = {}
    kings = rng.choice(81, 2, replace=False)
    board[int(kings[0])], board[int(kings[1])] = "K", "k"
    hands = Counter()
    for letter, count in sets.items():
        for _ in range(count):
            piece = letter if rng.random() < 0.5 else letter.lower()
            if rng.random() < 0.4:
                hands[piece] += 1
                continue
            square = int(rng.integers(81))
            if rng.random() < 0.6:
                row, column = divmod(int(rng.choice(kings)), 9)
                row, column = row + int(rng.integers(-2, 3)), column + int(rng.integers(-2, 3))
                square = row * 9 + column if 0 <= row < 9 and 0 <= column < 9 else square
            ahead = square // 9 if piece.isupper() else 8 - square // 9
            dead = ahead < {"P": 1, "L": 1, "N": 2}.get(letter, 0)
            on_file = any(board.get(s) == piece for s in range(square % 9, 81, 9))
            nifu = letter == "P" and on_file
            if square in board:
                hands[piece] += 1
            elif letter != "G" and (dead or nifu or rng.random() < 0.25):
                board[square] = "+" + piece
            else:
                board[square] = piece
    rows = []
    for row in range(9):
        cells = "".join(board.get(row * 9 + column, ".") for column in range(9))
        rows.append(re.sub(r"\.+", lambda gap: str(len(gap[0])), cells))
    held = "".join(f"{count if count > 1 else ''}{piece}" for piece, count in hands.items())
    return f"{'/'.join(rows)} {rng.choice(['b', 'w'])} {held or '-'} 1"


def compare_random_positions(game, cshogi, rng, count: int) -> Counter:
    """Legal moves of thrown positions against cshogi's."""
    board = cshogi.Board()
    count_legal = compiled_rules(game).count_legal
    seen = Counter()
    while seen["positions"] < count:
        sfen = random_sfen(rng)
        try:
            state = game.text_to_state(sfen)
        except InvalidPositionError as error:
            assert "is in check, but" in str(error)
            continue
        seen["positions"] += 1
        board.set_sfen(sfen)
        theirs = {cshogi.move_to_usi(move) for move in board.legal_moves}
        if state["finished"]:
            assert not theirs or board.is_nyugyoku()
            seen["mates" if not theirs else "declarations"] += 1
            continue
        assert not board.is_nyugyoku()
        assert moves(game, state) == theirs, sfen
        assert count_legal(state) == len(theirs)
        seen["checks"] += bool(state["check"])
        front = f"P*{king_front(state)}"
        if state["hands"][state["to_play"]][1] and front not in theirs and not state["check"]:
            seen["no pawn before the king"] += 1
    return seen


def king_front(state: np.void) -> str:
    """The square before the king of the side that does not move."""
    other = 1 - int(state["to_play"])
    king = int(np.flatnonzero(state["board"] == (8 if other == 0 else -8))[0])
    row, column = divmod(king, 9)
    row += -1 if other == 0 else 1
    return f"{9 - column}{'abcdefghi'[row] if 0 <= row < 9 else '?'}"


def test_thrown_positions_have_the_moves_that_cshogi_lists(game, cshogi):
    seen = compare_random_positions(game, cshogi, np.random.default_rng(31), 3000)
    assert seen["checks"] > 300 and seen["mates"] > 10 and seen["no pawn before the king"] > 300


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_very_many_thrown_positions_have_the_moves_that_cshogi_lists(game, cshogi):
    seen = compare_random_positions(game, cshogi, np.random.default_rng(32), 100_000)
    print(dict(seen))
    assert seen["positions"] == 100_000


# --- Rules by name -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sfen", "legal"),
    [
        # Gold on 2c guards 1b, and knight, king and lance leave no other way out.
        ("7lk/9/7G1/9/9/9/9/9/K8 b P 1", False),
        # A silver takes the pawn.
        ("7sk/9/7G1/9/9/9/9/9/K8 b P 1", True),
        # It is pinned by the rook on the first rank.
        ("R6sk/9/7G1/9/9/9/9/9/K8 b P 1", False),
        # Nobody guards the pawn: the king takes it.
        ("7lk/9/9/9/9/9/9/9/K8 b P 1", True),
        # A knight guards it, but the king may step to 2b.
        ("7lk/9/9/7N1/9/9/9/9/K8 b P 1", True),
        # The same for White, half a turn round.
        ("8k/9/9/9/9/9/1g7/9/KL7 w p 1", False),
        ("8k/9/9/9/9/9/1g7/9/KS7 w p 1", True),
    ],
)
def test_a_pawn_may_be_dropped_for_check_but_not_for_mate(game, sfen, legal):
    state = game.text_to_state(sfen)
    drop = "P*1b" if state["to_play"] == 0 else "P*9h"
    assert (drop in moves(game, state)) == legal
    if not legal:
        with pytest.raises(IllegalMoveError):
            game.text_to_action(state, drop)


def test_a_pawn_on_the_board_may_mate_and_so_may_other_drops(game):
    assert result(play(game, "7lk/9/7GP/9/9/9/9/9/K8 b - 1", "1c1b")) == "Black"
    assert result(play(game, "7lk/9/7G1/9/9/9/9/9/K8 b L 1", "L*1b")) == "Black"


def test_no_side_has_two_pawns_on_a_file_but_promoted_ones_do_not_count(game):
    legal = moves(game, game.text_to_state("4k4/9/9/9/9/9/P8/1+P7/4K4 b P 1"))
    files = {move[2] for move in legal if move.startswith("P*")}
    assert files == set("12345678")


def test_pieces_are_not_dropped_where_they_could_never_move(game):
    legal = moves(game, game.text_to_state("4k4/9/9/9/9/9/9/9/4K4 b PLNS 1"))
    ranks = {kind: {move[3] for move in legal if move.startswith(f"{kind}*")} for kind in "PLNS"}
    assert ranks == {
        "P": set("bcdefghi"),
        "L": set("bcdefghi"),
        "N": set("cdefghi"),
        "S": set("abcdefghi"),
    }


@pytest.mark.parametrize(
    ("sfen", "origin", "expected"),
    [
        ("9/P8/9/9/4k4/9/9/9/4K4 b - 1", "9b", {"9b9a+"}),  # forced
        ("9/9/P8/9/4k4/9/9/9/4K4 b - 1", "9c", {"9c9b", "9c9b+"}),
        ("9/9/9/P8/4k4/9/9/9/4K4 b - 1", "9d", {"9d9c", "9d9c+"}),
        ("9/9/9/9/P3k4/9/9/9/4K4 b - 1", "9e", {"9e9d"}),
        ("9/9/L8/9/4k4/9/9/9/4K4 b - 1", "9c", {"9c9b", "9c9b+", "9c9a+"}),
        ("9/9/9/N8/4k4/9/9/9/4K4 b - 1", "9d", {"9d8b+"}),  # forced on the last two ranks
        ("9/9/9/9/N3k4/9/9/9/4K4 b - 1", "9e", {"9e8c", "9e8c+"}),
        # Out of the zone a piece may still promote; gold and promoted pieces never do.
        ("9/9/S8/9/4k4/9/9/9/4K4 b - 1", "9c", {"9c9b", "9c9b+", "9c8b", "9c8b+", "9c8d", "9c8d+"}),
        ("9/9/G8/9/4k4/9/9/9/4K4 b - 1", "9c", {"9c9b", "9c8b", "9c8c", "9c9d"}),
        ("4k4/9/9/9/4K4/p8/9/9/9 w - 1", "9f", {"9f9g", "9f9g+"}),
        ("4k4/9/9/9/4K4/9/9/p8/9 w - 1", "9h", {"9h9i+"}),
    ],
)
def test_pieces_promote_in_the_last_three_ranks_and_must_where_they_could_not_move(
    game, sfen, origin, expected
):
    legal = moves(game, game.text_to_state(sfen))
    assert {move for move in legal if move.startswith(origin)} == expected


def test_a_captured_piece_is_dropped_unpromoted_by_its_captor(game):
    state = play(game, "4k4/9/9/9/9/4+p4/4G4/9/4K4 b - 1", "5g5f", "5a5b")
    assert "P*5e" in moves(game, state)
    assert sfen_of(game, state) == "9/4k4/9/9/9/4G4/9/9/4K4 b P 3"


def test_a_pinned_piece_stays_on_its_line(game):
    legal = moves(game, game.text_to_state("4r3k/9/9/9/9/9/4G4/9/4K4 b - 1"))
    assert {move for move in legal if move.startswith("5g")} == {"5g5f", "5g5h"}
    legal = moves(game, game.text_to_state("8k/9/9/1b7/9/9/4N4/5K3/9 b - 1"))
    assert not {move for move in legal if move.startswith("5g")}


def test_a_check_is_answered_by_capture_flight_or_a_piece_in_between(game):
    assert not game.text_to_state("4r3k/9/9/9/9/9/9/4P4/4K4 b GP 1")["check"]
    legal = moves(game, game.text_to_state("4r3k/9/9/9/9/9/9/9/3GKG3 b GP 1"))
    drops = {f"{kind}*5{rank}" for kind in "GP" for rank in "bcdefgh"}
    assert legal == drops | {"5i6h", "5i4h", "6i5h", "4i5h"}
    # A knight's check cannot be blocked.
    legal = moves(game, game.text_to_state("8k/9/9/9/9/9/3n5/3PPP3/3GKG3 b GP 1"))
    assert not any("*" in move for move in legal)


def test_two_checks_are_answered_by_the_king_alone(game):
    legal = moves(game, game.text_to_state("4r3k/9/9/9/9/1b7/9/9/4K1G2 b G 1"))
    assert legal and all(move.startswith("5i") for move in legal)


CIRCLE = ("2h3h", "8b7b", "3h2h", "7b8b")


def test_the_fourth_occurrence_of_a_position_is_a_draw(game):
    state = play(game, START, *CIRCLE * 2)
    assert result(state) == "open" and state["repetitions"] == 2
    state = play(game, START, *CIRCLE * 3)
    assert result(state) == "draw" and state["repetitions"] == 3 and state["ply"] == 12
    assert game.state_to_text(state).splitlines()[-1] == "draw by repetition"
    # The same squares with another piece in hand are another position.
    swapped = play(game, "4k4/9/9/9/9/9/9/9/4K4 b Gg 1", "G*5h", "G*5b", "5h5g", "5b5c")
    assert swapped["repetitions"] == 0


CHECKS = ("4i5i", "5a4a", "5i4i", "4a5a")


@pytest.mark.parametrize(
    ("sfen", "circle", "expected"),
    [
        ("4k4/9/9/9/9/9/9/9/K4R3 b - 1", CHECKS, "White"),  # Black gives check all the time
        ("4k4/9/9/9/9/9/9/9/K4R3 b - 1", ("4i5i", "5a6a", "5i4i", "6a5a"), "draw"),
        # The circle is entered by the king's move, so the fourth occurrence comes on White's turn.
        ("5k3/9/9/9/9/9/9/9/K4R3 w - 1", ("4a5a", "4i5i", "5a4a", "5i4i"), "White"),
        ("4r3k/9/9/9/9/9/9/9/5K3 w - 1", ("5a4a", "4i5i", "4a5a", "5i4i"), "Black"),
    ],
)
def test_who_gives_check_all_the_time_loses_by_repetition(game, sfen, circle, expected):
    state = play(game, sfen, *circle * 3)
    assert result(state) == expected and state["repetitions"] == 3
    text = game.state_to_text(state)
    assert text.splitlines()[-1].endswith("by repetition")
    assert result(game.text_to_state(text)) == expected


def test_one_quiet_move_in_the_circle_makes_perpetual_check_a_draw(game):
    quiet = ("4i3i", "5a5b", "3i4i", "5b5a")
    state = play(game, "4k4/9/9/9/9/9/9/9/K4R3 b - 1", *CHECKS, *quiet, *CHECKS)
    assert result(state) == "draw" and state["repetitions"] == 3
    # Quiet moves before the first of the four occurrences do not matter.
    state = play(game, "3k5/9/9/9/9/9/9/9/K5R2 b - 1", "3i4i", "6a5a", *CHECKS * 3)
    assert result(state) == "White"


def test_captures_and_drops_can_lead_back_to_the_same_position(game):
    circle = ("G*5e", "1e5e", "9i9h", "5e1e", "9h9i", "G*5d", "5i5d", "1a1b", "5d5i", "1b1a")
    sfen = "8k/9/9/9/8r/9/9/9/K3R4 b Gg 1"
    assert play(game, sfen, *circle)["repetitions"] == 1
    assert result(play(game, sfen, *circle * 3)) == "draw"


def test_the_same_squares_with_other_hands_are_another_position(game):
    lost = ("G*5d", "5i5d", "1a1b", "5d5i", "1b2a", "9i9h", "2a1a", "9h9i")
    state = play(game, "8k/9/9/9/8r/9/9/9/K3R4 w g 1", *lost)
    assert sfen_of(game, state) == "8k/9/9/9/8r/9/9/9/K3R4 w G 9"
    assert state["repetitions"] == 0


def test_without_a_legal_move_one_loses_in_check_or_not(game):
    mate = play(game, "4k4/9/4G4/9/9/9/9/9/4K4 b G 1", "G*5b")
    assert result(mate) == "Black" and mate["check"]
    assert game.state_to_text(mate).splitlines()[-1] == "Black won by checkmate"
    stuck = play(game, "8k/7R1/9/8G/9/9/9/9/4K4 b - 1", "1d1c")
    assert result(stuck) == "Black" and not stuck["check"]
    assert game.state_to_text(stuck).splitlines()[-1] == "Black won by leaving no move"


@pytest.mark.parametrize(
    ("sfen", "expected"),
    [
        # Ten pieces and the king in the zone, rook and bishop among them; 10 points in hand: 28.
        ("K+R+B+P+P+P+P+P+P/+P+P7/9/9/9/9/9/9/4k4 b 10Prb 1", "Black"),
        ("K+R+B+P+P+P+P+P+P/+P+P7/9/9/9/9/9/9/4k4 b 9Prbp 1", "open"),  # 27
        ("4K4/9/9/9/9/9/9/7+p+p/+p+p+p+p+p+p+b+rk w 9pRBP 1", "White"),  # 27 are enough for White
        ("4K4/9/9/9/9/9/9/7+p+p/+p+p+p+p+p+p+b+rk w 8pRB2P 1", "open"),
        ("1+R+B+P+P+P+P+P+P/+P+P7/9/K8/9/9/9/9/4k4 b 10Prb 1", "open"),  # the king is not in
        ("K+R+B+P+P+P+P+P1/+P+P7/8+P/9/9/9/9/9/4k4 b 10Prb 1", "Black"),
        ("K+R+B+P+P+P+P+P1/+P+P7/9/8+P/9/9/9/9/4k4 b G10Prb 1", "open"),  # nine pieces
        ("K+R+BGGGGSS/SS7/9/9/9/9/9/9/4k4 b RB 1", "Black"),
        ("K+R+BGGGGSS/1S7/1S7/9/9/r8/9/9/4k4 b B8P 1", "open"),  # in check
        ("K+R+BGGGGSS/1S7/1S7/9/9/9/9/9/1r2k4 w B8P 1", "open"),  # White's turn
    ],
)
def test_a_king_that_has_entered_wins_by_points(game, cshogi, sfen, expected):
    state = game.text_to_state(sfen)
    assert result(state) == expected
    board = cshogi.Board()
    board.set_sfen(sfen)
    assert board.is_nyugyoku() == (expected != "open")
    if expected != "open":
        assert game.state_to_text(state).splitlines()[-1] == f"{expected} won by declaration"


def test_a_game_of_512_plies_is_a_draw_unless_the_last_one_mates(game):
    sfen = "4k4/9/4G4/9/9/9/9/9/4K4 b G"
    assert result(play(game, f"{sfen} 512", "G*9i")) == "draw"
    assert result(play(game, f"{sfen} 512", "G*5b")) == "Black"
    assert result(play(game, f"{sfen} 511", "G*9i")) == "open"
    last = play(game, f"{sfen} 512", "G*9i")
    assert game.state_to_text(last).splitlines()[-1] == "draw by the limit of 512 plies"


# --- Actions, planes, text ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sfen", "move", "square", "plane"),
    [
        (START, "7g7f", 56, 0),
        (START, "2h7h", 70, 6 * 8 + 4),  # five to the left
        (START.replace(" b ", " w "), "3c3d", 56, 0),  # the same for White, half a turn round
        (START.replace(" b ", " w "), "8b3b", 70, 6 * 8 + 4),
        ("4k4/9/9/9/4N4/9/9/9/4K4 b - 1", "5e6c", 40, 64),
        ("4k4/9/9/9/4N4/9/9/9/4K4 b - 1", "5e4c+", 40, 66 + 65),
        ("4k4/9/9/9/4B4/9/9/9/4K4 b - 1", "5e8b+", 40, 66 + 7 * 8 + 2),
        ("4k4/9/9/9/9/9/9/9/4K4 b P 1", "P*5e", 40, 132),
        ("4k4/9/9/9/9/9/9/9/4K4 b R 1", "R*9a", 0, 138),
        ("4k4/9/9/9/9/9/9/9/4K4 w g 1", "G*9a", 80, 136),
    ],
)
def test_actions_are_numbered_as_drawn(game, sfen, move, square, plane):
    state = game.text_to_state(sfen)
    action = game.text_to_action(state, move)
    assert divmod(action, 139) == (square, plane)
    assert game.action_to_text(state, action) == move


@pytest.mark.parametrize(
    ("sfen", "csa", "usi"),
    [
        (START, "+7776FU", "7g7f"),
        (START, "7776fu", "7g7f"),
        (START, "+2878HI", "2h7h"),
        ("4k4/9/9/9/4B4/9/9/9/4K4 b - 1", "+5582UM", "5e8b+"),
        ("4k4/9/9/9/4B4/9/9/9/4K4 b - 1", "+5582KA", "5e8b"),
        ("4k4/9/9/9/4+B4/9/9/9/4K4 b - 1", "+5554UM", "5e5d"),
        ("4k4/9/9/9/9/9/9/9/4K4 w g 1", "-0091KI", "G*9a"),
    ],
)
def test_moves_are_read_as_csa_writes_them(game, sfen, csa, usi):
    state = game.text_to_state(sfen)
    assert game.action_to_text(state, game.text_to_action(state, csa)) == usi


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("7g7", "'7g7' is no move; moves are written as 7g7f, 8h2b+, P*5e (USI) or +7776FU (CSA)"),
        ("7g5f", "a move that no piece makes"),
        ("-7776FU", "a move of White"),
        ("+7776KI", "another piece than the one"),
        ("+7776XX", "names no piece"),
        ("+0055OU", "never in hand"),
        ("+7076FU", "off the board"),
        ("K*5e", "is no move"),
        ("7g7f=", "is no move"),
    ],
)
def test_text_that_is_no_move_is_refused_with_the_reason(game, text, complaint):
    with pytest.raises(InvalidMoveError, match=re.escape(complaint)):
        game.text_to_action(game.rules.initial(1)[0], text)


def test_illegal_moves_are_refused_with_the_legal_ones(game):
    with pytest.raises(IllegalMoveError, match=r"'7g7e' cannot be played in shogi .* 7g7f"):
        game.text_to_action(game.rules.initial(1)[0], "7g7e")


def shown(game: games.Game, state: np.void) -> dict[int, list[str] | int]:
    """Planes that are not empty: one value all over, or rows with dots for zeros."""
    planes = np.empty((1, *game.observation_shape), np.uint8)
    game.rules.observe(np.array([state]), planes)
    found: dict[int, list[str] | int] = {}
    for index, plane in enumerate(planes[0]):
        values = np.unique(plane)
        if len(values) == 1 and values[0]:
            found[index] = int(values[0])
        elif plane.any():
            found[index] = [
                f"{row}{column}" for row, column in np.argwhere(plane == 1)
            ]  # row and column
            assert values.tolist() == [0, 1]
    return found


DRAWN = """
a . . . . k . . . l
b . . r . . . . . .
c . . . +P . . . p p
d . . . . . . n . .
e . . . . S . . . .
f . . . . +b . . . .
g P P . . . . . . .
h . . G . . . . . .
i L N . . . . . R K
  9 8 7 6 5 4 3 2 1
in hand: Black B4P, White 2gs3p
sfen 4k3l/2r6/3+P3pp/6n2/4S4/4+b4/PP7/2G6/LN5RK {} B4P2gs3p 40
{} to move
"""


def test_planes_of_a_position_drawn_by_hand(game):
    black = game.text_to_state(DRAWN.format("b", "Black"))
    mine = {0: ["60", "61"], 1: ["80"], 2: ["81"], 3: ["44"], 4: ["72"], 6: ["87"], 7: ["88"]}
    mine |= {8: ["23"]}
    theirs = {14: ["27", "28"], 15: ["08"], 16: ["36"], 20: ["12"], 21: ["04"], 26: ["54"]}
    hands = {28: 4, 33: 1, 35: 3, 38: 1, 39: 2}
    assert shown(game, black) == mine | theirs | hands


def test_white_sees_the_same_board_turned_by_half_a_turn(game):
    white = game.text_to_state(DRAWN.format("w", "White"))
    mine = {0: ["60", "61"], 1: ["80"], 2: ["52"], 6: ["76"], 7: ["84"], 12: ["34"]}
    theirs = {14: ["27", "28"], 15: ["08"], 16: ["07"], 17: ["44"], 18: ["16"], 20: ["01"]}
    theirs |= {21: ["00"], 22: ["65"]}
    hands = {28: 3, 31: 1, 32: 2, 35: 4, 40: 1}
    assert shown(game, white) == mine | theirs | hands | {44: 1}


def test_planes_show_repetitions_and_check(game):
    assert shown(game, game.rules.initial(1)[0]).keys() == {*range(8), *range(14, 22)}
    assert shown(game, play(game, START, *CIRCLE))[42] == 1
    assert shown(game, play(game, START, *CIRCLE * 2))[42] == 2
    checked = play(game, "4k4/9/9/9/9/9/9/9/K4R3 b - 1", "4i5i")
    assert shown(game, checked)[43] == 1 and shown(game, checked)[44] == 1


def test_the_order_of_piece_planes(game):
    letters = ["P", "L", "N", "S", "G", "B", "R", "K", "+P", "+L", "+N", "+S", "+B", "+R"]
    for plane, letter in enumerate(letters):
        board = f"9/9/9/9/4{letter}{'4' if letter == 'K' else '3K'}/9/9/9/2k6"
        assert shown(game, game.text_to_state(f"{board} b - 1"))[plane] == ["44"]
        assert shown(game, game.text_to_state(f"{board} w - 1"))[14 + plane] == ["44"]


def test_scales_bring_full_hands_to_one(game):
    assert game.observation_scales[28:35] * [18, 4, 4, 4, 4, 2, 2] == pytest.approx(1)
    assert (game.observation_scales[28:35] == game.observation_scales[35:42]).all()
    assert (game.observation_scales[:28] == 1).all()


def test_a_position_is_drawn_with_hands_sfen_and_the_side_to_move(game):
    text = DRAWN.format("w", "White").strip("\n")
    drawn = game.state_to_text(game.text_to_state(text))
    assert [line.split() for line in drawn.splitlines()] == [
        line.split() for line in text.splitlines()
    ]
    assert drawn.splitlines()[2] == "c  .  .  . +P  .  .  .  p  p"


@pytest.mark.parametrize(
    "text",
    [
        START,
        f"sfen {START}",
        f"position sfen {START}",
        f"\n  sfen {START}  \n",
        START.removesuffix(" 1"),
    ],
)
def test_a_bare_sfen_is_a_position(game, text):
    assert game.text_to_state(text) == game.rules.initial(1)[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a position needs one line"),
        (f"{START}\n{START}", "found 2"),
        ("4k4/9/9/9/9/9/9/9/9 b - 1", "Black has 0 kings"),
        ("4k4/9/4k4/9/9/9/9/9/4K4 b - 1", "White has 2 kings"),
        ("4k4/9/9/9/9/P8/P8/9/4K4 b - 1", "Black has two pawns on file 9"),
        ("4k4/p8/9/p8/9/9/9/9/4K4 b - 1", "White has two pawns on file 9"),
        ("P3k4/9/9/9/9/9/9/9/4K4 b - 1", "a pawn of Black on 9a could never move"),
        ("4k4/9/9/9/9/9/9/9/l3K4 b - 1", "a lance of White on 9i could never move"),
        ("4k4/N8/9/9/9/9/9/9/4K4 b - 1", "a knight of Black on 9b could never move"),
        ("4k4/9/9/9/9/9/9/4R4/4K4 b - 1", "White is in check, but Black moves"),
        ("4k4/9/9/9/4r4/9/9/9/4K4 w - 1", "Black is in check, but White moves"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 3R 1", "there are 3 rooks; the game has 2"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 19P 1", "there are 19 pawns; the game has 18"),
        ("4k4/9/9/9/9/9/9/9/4K4 b K 1", "hands are '-' or such as"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 0P 1", "hands are '-' or such as"),
        ("4k4/9/9/9/9/9/9/9/4K4 x - 1", "'b' or 'w', not 'x'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - 0", "1 or more, not '0'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - one", "1 or more, not 'one'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - 514", "ends after 512 plies; this is ply 513"),
        ("4k4/9/9/9/9/9/9/4K4 b - 1", "9 rows, not 8"),
        ("4k4/9/9/9/9/9/9/8/4K4 b - 1", "row '8' has 8 squares, not 9"),
        ("4k4/9/9/9/9/9/9/55/4K4 b - 1", "row '55' has 10 squares, not 9"),
        ("4k4/9/9/9/9/9/9/x8/4K4 b - 1", "row 'x8' holds something that is no piece"),
        ("4k4/9/9/9/9/9/9/+G8/4K4 b - 1", "holds something that is no piece"),
        ("4k4/9/9/9/9/9/9/8+/4K4 b - 1", "holds something that is no piece"),
    ],
)
def test_positions_that_cannot_be_are_refused(game, text, complaint):
    with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
        game.text_to_state(text)


def test_a_drawing_that_contradicts_its_sfen_line_is_refused(game):
    text = DRAWN.format("b", "Black")
    for before, after in ((" S ", " G "), ("Black to", "White to"), ("B4P,", "B5P,")):
        with pytest.raises(InvalidPositionError, match="do not agree"):
            game.text_to_state(text.replace(before, after, 1))


def test_only_boards_of_9_and_5_rows_exist():
    with pytest.raises(games.GameError, match="shogi has 9 rows and minishogi 5"):
        games.make(f"{games.__path__[0]}/shogi.py(size=7)")
    with pytest.raises(games.UnknownGameError, match="shogi has no parameter 'size'"):
        games.make("shogi(size=9)")
