"""Minishogi against pyffish's variant of that name, published counts, and its own rules.

What it shares with shogi, the engine of both, is tested there.
"""

import re
from collections import Counter

import numpy as np
import pytest

import games
from games.game import InvalidMoveError, InvalidPositionError

START = "rbsgk/4p/5/P4/KGSBR b - 1"
PERFT = (14, 181, 2512, 35401, 533203)  # the last as in Fairy-Stockfish's tests


@pytest.fixture(scope="module")
def game():
    return games.make("minishogi")


@pytest.fixture(scope="module")
def pyffish():
    return pytest.importorskip("pyffish", reason="pyffish is not installed")


def play(game: games.Game, sfen: str, *texts: str) -> np.void:
    """The position after some moves."""
    states = np.array([game.text_to_state(sfen)])
    for text in texts:
        action = game.text_to_action(states[0], text)
        game.rules.step(states, np.array([action], np.int32))
    return states[0]


def sfen_of(game: games.Game, state: np.void) -> str:
    lines = game.state_to_text(state).splitlines()
    return next(line for line in lines if line.startswith("sfen ")).removeprefix("sfen ")


def test_leaves_are_as_many_as_published(game):
    states = game.rules.initial(1)
    for leaves in PERFT:
        actions = np.empty((len(states), game.max_legal), np.int32)
        counts = np.empty(len(states), np.int32)
        game.rules.legal_actions(states, actions, counts)
        assert counts.sum() == leaves
        if leaves < PERFT[-1]:
            states = np.repeat(states, counts)
            game.rules.step(states, np.ascontiguousarray(actions[actions >= 0]))


def usi(move: str) -> str:
    """A move of pyffish, which counts files from the left and ranks from below, as USI."""

    def square(name: str) -> str:
        return f"{5 - 'abcde'.index(name[0])}{'abcde'[5 - int(name[1])]}"

    if move[1] == "@":
        return f"{move[0]}*{square(move[2:])}"
    return square(move[:2]) + square(move[2:4]) + move[4:]


def unordered(sfen: str) -> list[str]:
    """An SFEN's parts, pieces in hand in one order: pyffish has another than is usual."""
    board, side, hands, number = sfen.split()
    held = (letter * int(count or 1) for count, letter in re.findall(r"(\d*)([A-Za-z])", hands))
    return [board, side, "".join(sorted("".join(held))), number]


def compare_game(game, pyffish, rng, *, shuffling: float) -> Counter:
    """One game move by move; with ``shuffling`` a move is often taken back."""
    start = pyffish.start_fen("minishogi")
    fen, played, listed = start, [], pyffish.legal_moves("minishogi", start, [])
    states = game.rules.initial(1)
    seen = Counter(games=1)
    while True:
        state = states[0]
        theirs = {usi(move): move for move in listed}
        written = pyffish.get_fen("minishogi", fen, [], False, True)
        assert unordered(sfen_of(game, state)) == unordered(written)
        if state["finished"]:
            break
        ours = {game.action_to_text(state, action) for action in game.legal(state)}
        assert ours <= set(theirs)
        for move in set(theirs) - ours:  # a pawn dropped for mate is forbidden, which it overlooks
            after = pyffish.get_fen("minishogi", fen, [theirs[move]])
            assert move.startswith("P*") and not pyffish.legal_moves("minishogi", after, [])
            seen["forbidden drops"] += 1
        choice = sorted(ours)
        if len(played) > 1 and rng.random() < shuffling:
            back = usi(played[-2])
            choice = [m for m in choice if m[:4] == back[2:4] + back[:2]] or choice
        move = str(rng.choice(choice))
        played.append(theirs[move])
        fen = pyffish.get_fen("minishogi", fen, [theirs[move]])
        listed = pyffish.legal_moves("minishogi", fen, [])
        mover = 1 - 2 * int(state["to_play"])  # of the returns of Black
        game.rules.step(states, np.array([game.text_to_action(state, move)], np.int32))
        over, value = False, 0
        if shuffling:
            over, value = pyffish.is_optional_game_end("minishogi", start, played)
        expected = 0
        if not listed:
            expected, over = mover, True
            seen["mates"] += 1
        elif over:
            expected = -mover if value > 0 else mover
            seen[f"fourfold, {'White' if expected < 0 else 'Black'} wins"] += 1
        elif len(played) == game.max_plies:
            over = True
            seen["limits"] += 1
        if shuffling or states[0]["repetitions"] < 3:
            assert bool(states[0]["finished"]) == over
            assert states[0]["returns"][0] == expected
        seen["plies"] += 1
    return seen


def test_random_games_run_move_by_move_as_in_pyffish(game, pyffish):
    rng = np.random.default_rng(41)
    seen = sum((compare_game(game, pyffish, rng, shuffling=0.0) for _ in range(25)), Counter())
    assert seen["mates"] > 10


def test_games_that_go_in_circles_end_as_in_pyffish(game, pyffish):
    rng = np.random.default_rng(42)
    seen = sum((compare_game(game, pyffish, rng, shuffling=0.9) for _ in range(20)), Counter())
    assert seen["fourfold, White wins"] > 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shuffling", [0.0, 0.8])
def test_a_thousand_random_games_run_as_in_pyffish(game, pyffish, shuffling):
    rng = np.random.default_rng(43)
    seen = sum(
        (compare_game(game, pyffish, rng, shuffling=shuffling) for _ in range(1000)), Counter()
    )
    print(shuffling, dict(seen))
    assert seen["games"] == 1000 and seen["forbidden drops"] > 0


def test_a_fourfold_repetition_is_lost_by_the_first_player(game):
    circle = ("4e4d", "2a2b", "4d4e", "2b2a")
    assert not play(game, START, *circle * 2)["finished"]
    state = play(game, START, *circle * 3)
    assert state["finished"] and state["returns"].tolist() == [-1, 1]
    assert game.state_to_text(state).splitlines()[-1] == "White won by repetition"
    assert game.text_to_state(game.state_to_text(state))["returns"].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("sfen", "circle", "returns"),
    [
        ("4k/5/5/5/K2R1 b - 1", ("2e1e", "1a2a", "1e2e", "2a1a"), [-1, 1]),  # Black checks
        ("3r1/k4/5/5/4K w - 1", ("2a1a", "1e2e", "1a2a", "2e1e"), [1, -1]),  # White checks
    ],
)
def test_who_gives_check_all_the_time_loses_all_the_same(game, sfen, circle, returns):
    state = play(game, sfen, *circle * 3)
    assert state["finished"] and state["returns"].tolist() == returns


def test_a_pawn_is_not_dropped_for_mate(game):
    for sfen, legal in (("3rk/5/3G1/5/K4 b P 1", False), ("3sk/5/3G1/5/K4 b P 1", True)):
        state = game.text_to_state(sfen)
        assert ("P*1b" in {game.action_to_text(state, a) for a in game.legal(state)}) == legal


def test_only_the_last_rank_promotes(game):
    state = game.text_to_state("4k/5/S4/5/4K b - 1")
    legal = {game.action_to_text(state, action) for action in game.legal(state)}
    assert {move for move in legal if move.startswith("5c")} == {"5c5b", "5c4b", "5c4d"}
    state = game.text_to_state("2k2/S4/5/5/4K b - 1")
    legal = {game.action_to_text(state, action) for action in game.legal(state)}
    assert {"5b5a", "5b5a+", "5b4a", "5b4a+", "5b4c"} == {m for m in legal if m[:2] == "5b"}


def test_actions_are_numbered_as_in_shogi_with_fewer_planes(game):
    state = game.text_to_state("1k3/5/2B2/5/4K b R 1")
    assert game.num_actions == 25 * 69
    for move, square, plane in (
        ("3c2b", 12, 1 * 4 + 0),
        ("3c5a+", 12, 32 + 7 * 4 + 1),
        ("R*5a", 0, 68),
        ("1e1d", 24, 0),
    ):
        assert divmod(game.text_to_action(state, move), 69) == (square, plane)


def test_planes_of_a_position_drawn_by_hand(game):
    state = game.text_to_state("4k/+P4/2+r2/5/K2+BR w Sgp 1")
    planes = np.empty((1, *game.observation_shape), np.uint8)
    game.rules.observe(np.array([state]), planes)
    cells = {5: (4, 0), 9: (2, 2)}  # White's king and dragon, half a turn round
    cells |= {14: (0, 0), 15: (0, 4), 16: (3, 4), 18: (0, 1)}  # R, K, +P, +B
    # White's pawn and gold in hand, Black's silver; White moves and is in check.
    whole = {20: 1, 22: 1, 26: 1, 31: 1, 32: 1}
    for index, plane in enumerate(planes[0]):
        expected = np.full((5, 5), whole.get(index, 0))
        if index in cells:
            expected[cells[index]] = 1
        assert (plane == expected).all(), index


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("4k/5/5/5/L3K b - 1", "there are 1 lances; the game has 0"),
        ("4k/5/5/5/4K b N 1", "there are 1 knights; the game has 0"),
        ("4k/5/5/5/4K b 3P 1", "there are 3 pawns; the game has 2"),
        ("4k/5/5/6/4K b - 1", "row '6' has 6 squares, not 5"),
        ("P3k/5/5/5/4K b - 1", "a pawn of Black on 5a could never move"),
        ("4k/5/5/5/4K b - 258", "ends after 256 plies"),
    ],
)
def test_positions_that_cannot_be_are_refused(game, text, complaint):
    with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
        game.text_to_state(text)


@pytest.mark.parametrize("text", ["7g7f", "5f5e", "N*3c", "+7776FU"])
def test_moves_of_a_larger_board_are_refused(game, text):
    with pytest.raises(InvalidMoveError):
        game.text_to_action(game.rules.initial(1)[0], text)
