"""Gardner's minichess against pyffish, counts of it, named rules and hand-drawn positions."""

import numpy as np
import pytest

import games
from games.game import IllegalMoveError, InvalidMoveError, InvalidPositionError

VARIANT = "gardner"  # pyffish's name
START = "rnbqk/ppppp/5/PPPPP/RNBQK w - - 0 1"

# Lines of play by depth, counted with pyffish 0.0.90.
PERFT = {
    START: (7, 53, 506, 4775, 52512),
    "4k/PPr2/1n1q1/2P1p/R1BQK w - - 0 20": (21, 407, 7161),  # promotions and pins
    "k1r2/1P1P1/2n1p/p1p1P/RN2K b - - 0 20": (3, 48, 713),  # a pawn gives check
    "r1b1k/1p1Q1/p1N1p/PPbPP/R3K b - - 3 12": (2, 26, 375),  # a queen gives check
}


@pytest.fixture(scope="module")
def minichess():
    return games.make("minichess")


def position(game, fen, *moves):
    """The position after moves, given as text, from a FEN."""
    states = np.array([game.text_to_state(fen)])
    for move in moves:
        game.rules.step(states, np.array([game.text_to_action(states[0], move)], np.int32))
    return states[0]


def status(game, state):
    return game.state_to_text(state).splitlines()[-1]


def fen_of(game, state):
    return game.state_to_text(state).splitlines()[-2]


def perft(game, fen, depth):
    """Lines of ``depth`` plies; the last one is counted without being played."""
    level = np.array([game.text_to_state(fen)])
    while True:
        actions = np.empty((len(level), game.max_legal), np.int32)
        counts = np.empty(len(level), np.int32)
        game.rules.legal_actions(level, actions, counts)
        depth -= 1
        if depth == 0:
            return int(counts.sum())
        level = np.repeat(level, counts)
        game.rules.step(level, np.ascontiguousarray(actions[actions >= 0]))


@pytest.mark.parametrize(("fen", "counts"), PERFT.items())
def test_lines_of_play_are_as_many_as_counted_elsewhere(minichess, fen, counts):
    assert tuple(perft(minichess, fen, depth + 1) for depth in range(len(counts))) == counts


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_games_run_move_by_move_as_in_pyffish(minichess, count):
    """Legal moves, FEN, SAN, and when and how a game ends; every other game likes to go back."""
    pyffish = pytest.importorskip("pyffish", reason="pyffish is not installed")
    start = pyffish.start_fen(VARIANT)
    assert start == START
    rng = np.random.default_rng(count)
    ends = set()
    for number in range(count):
        states, moves = minichess.rules.initial(1), []
        while True:
            state = states[0]
            game_so_far = (VARIANT, start, moves)
            fen = pyffish.get_fen(*game_so_far)
            assert fen_of(minichess, state) == fen
            theirs = pyffish.legal_moves(*game_so_far)
            drawn = (
                pyffish.is_optional_game_end(*game_so_far)[0]
                or all(pyffish.has_insufficient_material(*game_so_far))
                or len(moves) == minichess.max_plies
            )
            assert bool(state["finished"]) == (not theirs or drawn)
            if state["finished"]:
                lost = not theirs and pyffish.game_result(*game_so_far) < 0
                assert state["returns"][state["to_play"]] == (-1 if lost else 0)
                ends.add(status(minichess, state))
                break
            actions = [minichess.text_to_action(state, move) for move in theirs]
            assert sorted(actions) == minichess.legal(state)
            if number % 5 == 0 and len(moves) % 5 == 0:
                sans = [pyffish.get_san(VARIANT, fen, move) for move in theirs]
                assert [minichess.action_to_text(state, action) for action in actions] == sans
                assert [minichess.text_to_action(state, san) for san in sans] == actions
            pick = int(rng.integers(len(theirs)))
            if number % 2 and len(moves) >= 2 and rng.random() < 0.6:
                back = f"{moves[-2][2:4]}{moves[-2][:2]}"
                pick = theirs.index(back) if back in theirs else pick
            moves.append(theirs[pick])
            minichess.rules.step(states, np.array([actions[pick]], np.int32))
    assert ends >= {
        *("White won", "Black won", "draw by stalemate"),
        *("draw by threefold repetition", "draw by insufficient material"),
    }


@pytest.mark.parametrize(
    ("fen", "move", "expected"),
    [
        ("k4/5/1K3/5/3Q1 w - - 0 9", "Qd5", "White won"),
        ("k4/5/1K3/5/3Q1 w - - 0 9", "Qd3", "draw by stalemate"),
        ("k4/5/1K3/5/3Q1 w - - 99 60", "Qd5", "White won"),  # mate comes before fifty moves
        ("k4/5/1K3/5/3Q1 w - - 99 60", "Qd4", "draw by fifty moves"),
        ("k4/3p1/1K3/5/3Q1 w - - 99 60", "Qxd4", "Black to move"),
        ("k4/5/1K3/5/3Q1 b - - 2 100", "Kb5", "draw by 200 plies"),
        ("4k/5/5/3p1/4K w - - 0 9", "Kxd2", "draw by insufficient material"),
        ("2n1k/5/5/3p1/4K w - - 0 9", "Kxd2", "draw by insufficient material"),
        ("2n1k/5/5/3p1/2N1K w - - 0 9", "Kxd2", "Black to move"),  # both could help to a mate
        ("1nn1k/5/5/3p1/4K w - - 0 9", "Kxd2", "Black to move"),
        ("2b1k/5/5/3p1/3BK w - - 0 9", "Kxd2", "Black to move"),  # bishops of both colours
        ("3bk/5/5/3p1/3BK w - - 0 9", "Kxd2", "draw by insufficient material"),
    ],
)
def test_games_end_as_in_chess(minichess, fen, move, expected):
    assert status(minichess, position(minichess, fen, move)) == expected


def test_a_position_on_the_board_for_the_third_time_is_a_draw(minichess):
    out_and_back = ["Nc3", "Na3", "Nb1", "Nb5"]
    once = position(minichess, START, *out_and_back)
    twice = position(minichess, START, *out_and_back, *out_and_back)
    assert (once["repeats"], once["finished"]) == (1, False)
    assert (twice["repeats"], twice["finished"]) == (2, True)
    assert status(minichess, twice) == "draw by threefold repetition"


@pytest.mark.parametrize(("pieces", "repeats"), [("RR", 1), ("RQ", 0)])
def test_pieces_that_exchange_squares_make_the_same_position_if_they_are_alike(
    minichess, pieces, repeats
):
    exchange = "a1a3 d5c5 b1a1 c5d5 a3b3 d5c5 b3b1 c5d5"
    after = position(minichess, f"3k1/5/5/5/{pieces}2K w - - 0 1", *exchange.split())
    assert (after["clock"], after["repeats"]) == (8, repeats)


def test_what_was_read_has_no_past(minichess):
    drawn = minichess.state_to_text(position(minichess, START, "Nc3", "Na3", "Nb1", "Nb5"))
    again = minichess.text_to_state(drawn)
    assert (again["clock"], again["ply"], again["repeats"]) == (4, 4, 0)
    on = position(minichess, drawn, "Nc3", "Na3", "Nb1", "Nb5")
    assert (on["clock"], on["repeats"]) == (8, 1)


def test_the_fen_and_the_numbers_of_pieces_are_checked(minichess):
    state = minichess.text_to_state("k1r2/1P1P1/2n1p/p1p1P/RN2K b")
    assert (state["to_play"], state["ply"], state["clock"]) == (1, 1, 0)
    assert fen_of(minichess, state) == "k1r2/1P1P1/2n1p/p1p1P/RN2K b - - 0 1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rnbqk/ppppp/5/PPPPP w - - 0 1", "no line with the position's FEN"),
        ("rnbqk/ppppp/5/PPPPP/RNBQ w - - 0 1", "every rank of"),
        ("rnbqk/ppppp/5/PPPPP/RNBQK w KQ - 0 1", "no line with the position's FEN"),
        ("rnbq1/ppppp/5/PPPPP/RNBQK w - - 0 1", "Black has 0 kings"),
        ("rnbqk/ppppp/5/PPPPP/KNBQK w - - 0 1", "White has 2 kings"),
        ("rnbqk/ppppp/5/PPPP1/RNBQP w - - 0 1", "a pawn cannot stand on"),
        ("rnbqk/ppppp/Q4/PPPPP/RNBQK w - - 0 1", "White has more pieces than five pawns"),
        ("r1bqk/ppppp/1n3/PPPPP/RNBQK w - - 3 1", "3 half-moves without progress"),
        ("rnbqk/ppppp/5/PPPPP/RNBQK w - - 101 90", "101 half-moves without progress"),
        ("rnbqk/ppppp/5/PPPPP/RNBQK w - - 0 0", "move 0 is not within the 200 plies"),
        ("rnbqk/ppppp/5/PPPPP/RNBQK w - - 0 102", "move 102 is not within the 200 plies"),
        ("3k1/5/5/5/R2QK w - - 0 1", "Black is in check but not to move"),
        ("3k1/3K1/5/5/R4 b - - 0 1", "White is in check but not to move"),
    ],
)
def test_positions_that_cannot_be_are_refused(minichess, text, complaint):
    with pytest.raises(InvalidPositionError, match=complaint):
        minichess.text_to_state(text)


def test_a_drawing_must_agree_with_the_fen_under_it(minichess):
    drawn = minichess.state_to_text(minichess.rules.initial(1)[0])
    with pytest.raises(InvalidPositionError, match="different positions"):
        minichess.text_to_state(drawn.replace("2 P P P P P", "2 P P . P P"))


def test_a_position_is_drawn_from_whites_side_with_its_fen(minichess):
    assert minichess.state_to_text(position(minichess, START, "Nc3")) == (
        "5 r n b q k\n4 p p p p p\n3 . . N . .\n2 P P P P P\n1 R . B Q K\n  a b c d e\n"
        "rnbqk/ppppp/2N2/PPPPP/R1BQK b - - 1 1\nBlack to move"
    )


def test_moves_are_read_in_both_notations(minichess):
    promoting = minichess.text_to_state("1r2k/P4/5/5/R3K w - - 0 20")
    for texts in (("axb5", "a4b5"), ("a5", "a4a5")):  # which piece?
        for text in texts:
            with pytest.raises(InvalidMoveError, match=r"a5=Q|b5=Q|a4[ab]5q"):
                minichess.text_to_action(promoting, text)
    for san, squares in (("axb5=Q+", "a4b5q"), ("axb5N", "a4b5n"), ("a5=R", "a4a5r")):
        action = minichess.text_to_action(promoting, san)
        assert minichess.text_to_action(promoting, squares) == action
    start = minichess.rules.initial(1)[0]
    with pytest.raises(IllegalMoveError, match=r"legal: Na3 Nc3 a3 b3 c3 d3 e3$"):
        minichess.text_to_action(start, "Nd3")
    with pytest.raises(InvalidMoveError, match="no move of a pawn to the last rank"):
        minichess.text_to_action(start, "a2a3q")
    two = minichess.text_to_state("4k/5/5/5/N1N1K w - - 0 9")
    with pytest.raises(InvalidMoveError, match="'Nb3' may mean Nab3 or Ncb3"):
        minichess.text_to_action(two, "Nb3")


def test_actions_count_squares_and_planes_as_drawn(minichess):
    def action(fen, move):
        return minichess.text_to_action(minichess.text_to_state(fen), move)

    assert action(START, "a3") == 5 * 49 + 26  # one up
    assert action(START, "Nc3") == 1 * 49 + 32  # two up and one to the right
    assert action("1k3/5/5/5/Q3K w - - 0 9", "a1a5") == 0 * 49 + 38
    assert action("1k3/5/5/3K1/Q4 w - - 0 9", "Qe1") == 0 * 49 + 23
    assert action("1r1rk/2P2/5/5/4K w - - 0 9", "cxb5=N") == 17 * 49 + 40
    assert action("1r1rk/2P2/5/5/4K w - - 0 9", "c5=B") == 17 * 49 + 44
    assert action("1r1rk/2P2/5/5/4K w - - 0 9", "cxd5=R") == 17 * 49 + 48
    assert action("rnbqk/ppppp/5/PPPPP/RNBQK b - - 0 1", "a3") == 5 * 49 + 26  # Black's own view


def test_colours_may_be_exchanged(minichess):
    """The same legal actions, and the same planes but for the last."""
    rng = np.random.default_rng(3)
    states = minichess.rules.initial(1)
    for _ in range(300):
        state = states[0]
        board, side, *rest = fen_of(minichess, state).split()
        ranks = reversed(board.swapcase().split("/"))
        number = int(rest[-1]) + (side == "b")
        exchanged = f"{'/'.join(ranks)} {'wb'[side == 'w']} - - {state['clock']} {number}"
        other = minichess.text_to_state(exchanged)
        assert minichess.legal(other) == minichess.legal(state)
        both = np.array([state, other])
        both["repeats"] = 0
        planes = np.empty((2, *minichess.observation_shape), np.uint8)
        minichess.rules.observe(both, planes)
        assert (planes[0, :14] == planes[1, :14]).all()
        assert (planes[:, 14, 0, 0] == both["to_play"]).all()
        minichess.rules.step(states, np.array([rng.choice(minichess.legal(state))], np.int32))
        if states[0]["finished"]:
            states = minichess.rules.initial(1)


def test_planes_show_the_movers_pieces_from_below_then_the_others(minichess):
    state = minichess.text_to_state("k1r2/1P1P1/2n1p/p1p1P/RN2K b - - 0 20")
    planes = np.empty((1, *minichess.observation_shape), np.uint8)
    minichess.rules.observe(np.array([state]), planes)
    # Black moves, so its first rank is the bottom row: the board upside down.
    drawn = ["RN..K", "p.p.P", "..n.p", ".P.P.", "k.r.."]
    for plane, letter in enumerate("pnbrqkPNBRQK"):
        assert planes[0, plane].tolist() == [[int(x == letter) for x in row] for row in drawn]
    assert not planes[0, 12:14].any() and planes[0, 14].all()


def test_planes_show_repetition_and_tens_of_moves_without_progress(minichess):
    planes = np.empty((1, *minichess.observation_shape), np.uint8)
    for fen, clock in (("k4/5/5/5/1R2K w - - 9 20", 0), ("k4/5/5/5/1R2K w - - 30 20", 3)):
        minichess.rules.observe(np.array([minichess.text_to_state(fen)]), planes)
        assert (planes[0, 13] == clock).all() and not planes[0, 12].any()
    repeated = position(minichess, START, "Nc3", "Na3", "Nb1", "Nb5")
    minichess.rules.observe(np.array([repeated]), planes)
    assert (planes[0, 12] == 1).all() and not planes[0, 14].any()
    assert minichess.observation_scales[13] == np.float32(0.1)


def test_a_record_takes_192_bytes(minichess):
    assert minichess.state_dtype.itemsize == 192
