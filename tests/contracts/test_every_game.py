"""Laws that every registered game keeps, and small variants of it, on random reachable positions.

A game is tested here by being registered; there are no exceptions.
"""

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import games
from engine.preflight import laws, laws_for_people
from engine.preflight.proof import LAWS
from engine.preflight.sample import Games, legal_of, planes_of
from engine.preflight.sample import random_games as sample_games
from games.game import UNPROVEN, Game, IllegalMoveError, InvalidMoveError, InvalidPositionError

VARIANTS = {
    "connect_four": (
        "connect_four(width=3,height=3,length=3)",
        "connect_four(width=4,height=4)",
        "connect_four(width=8,height=7)",  # all 64 bits
        "connect_four(width=4,height=12,length=5)",  # no line fits but upwards
        "connect_four(width=12,height=4,length=6)",
    ),
    "gomoku": (
        "gomoku(size=5)",
        "gomoku(size=6,exact_five=1)",
    ),
    "hex": (
        "hex(size=3)",
        "hex(size=4,swap=0)",
    ),
    "minichess": ("minichess(max_plies=40)",),
    "go": ("go(size=2,komi=0.5)", "go(size=5,superko=situational,suicide=1)"),
    "othello": ("othello(size=4)", "othello(size=6)"),
    "breakthrough": ("breakthrough(size=5)", "breakthrough(size=7)"),
    "chess": ("chess(claims=forced,max_plies=400)",),
}
SPECS = [spec for name in games.registered_games() for spec in (name, *VARIANTS.get(name, ()))]

every_game = pytest.mark.parametrize("spec", SPECS)
choices = st.lists(st.integers(0, 2**16), max_size=64)


def position_after(game: Game, picks: list[int]) -> np.ndarray:
    """One position [1]: each pick chooses among the legal actions until the game is over."""
    states = game.rules.initial(1)
    for pick in picks:
        legal = game.legal(states[0])
        if not legal:
            break
        game.rules.step(states, np.array([legal[pick % len(legal)]], np.int32))
    return states


@functools.cache
def sample(spec: str, count: int = 200) -> Games:
    """Positions of random games."""
    return sample_games(games.make(spec), count)


def random_games(spec: str, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """States [N] of all plies of random games, and the actions played there; -1 once finished."""
    found = sample(spec, count)
    return found.states, found.actions


@every_game
def test_the_id_makes_the_same_game_again(spec):
    game = games.make(spec)
    assert games.make(game.id) is game
    assert game.name in spec and game.rules.state_dtype == game.state_dtype


@every_game
def test_the_start_position_is_fresh(spec):
    states = games.make(spec).rules.initial(3)
    assert (states["ply"] == 0).all() and not states["finished"].any()
    assert (states["returns"] == 0).all() and len(set(states["key"].tolist())) == 1


@every_game
def test_legal_actions_are_ascending_padded_and_empty_exactly_when_finished(spec):
    laws.legal_actions_are_in_order(sample(spec))


@every_game
def test_returns_sum_to_zero_and_stay_zero_until_the_end(spec):
    laws.results_sum_to_zero_at_the_end(sample(spec))


@every_game
def test_plies_count_half_moves_and_stay_within_the_limit(spec):
    laws.plies_are_counted(sample(spec))
    assert sample(spec).states["ply"].max() <= games.make(spec).max_plies


@every_game
def test_a_batch_equals_batches_of_one(spec):
    game = games.make(spec)
    states, actions = random_games(spec, 20)
    playable = actions >= 0
    stepped = states[playable].copy()
    game.rules.step(stepped, np.ascontiguousarray(actions[playable]))
    legal, counts = legal_of(game, states)
    planes = planes_of(game, states)
    outcomes = np.empty(len(states), np.int8)
    game.rules.prove(states, 2, outcomes)
    alone = np.empty(1, np.int8)
    for b in range(len(states)):
        one = states[b : b + 1]
        one_legal, one_count = legal_of(game, one)
        assert (one_legal[0] == legal[b]).all() and one_count[0] == counts[b]
        assert (planes_of(game, one)[0] == planes[b]).all()
        game.rules.prove(one, 2, alone)
        assert alone[0] == outcomes[b]
    for b, (state, action) in enumerate(zip(states[playable], actions[playable], strict=True)):
        one = np.array([state])
        game.rules.step(one, np.array([action], np.int32))
        assert one[0] == stepped[b]


@every_game
def test_stepping_some_rows_leaves_the_others_alone(spec):
    game = games.make(spec)
    states = game.rules.initial(3)
    untouched = states.copy()
    game.rules.step(states[1:2], np.array([game.legal(states[1])[0]], np.int32))
    assert states[0] == untouched[0] and states[2] == untouched[2] and states[1] != untouched[1]


@every_game
@pytest.mark.parametrize(
    "law", [pytest.param(law, id=name.replace(" ", "_")) for name, law in LAWS]
)
def test_the_laws_that_meijin_check_asks_for_hold(spec, law):
    law(sample(spec, 40))


@every_game
def test_reading_methods_do_not_change_states(spec):
    game = games.make(spec)
    states, _ = random_games(spec, 20)
    before = states.tobytes()
    width = legal_of(game, states)[1].mean()
    planes_of(game, states)
    few = states[:: math.ceil(len(states) * width**3 / 2e6)].copy()  # a second of the slowest
    looked_at = few.tobytes()
    game.rules.prove(few, 3, np.empty(len(few), np.int8))
    assert states.tobytes() == before and few.tobytes() == looked_at


@every_game
def test_read_only_and_strided_states_are_read_all_the_same(spec):
    game = games.make(spec)
    states, _ = random_games(spec, 20)
    expected = planes_of(game, states)
    frozen = states.copy()
    frozen.flags.writeable = False
    assert (planes_of(game, frozen) == expected).all()
    assert (planes_of(game, states[::2]) == expected[::2]).all()
    with pytest.raises(games.GameError, match="step needs contiguous, writable"):
        game.rules.step(frozen, np.zeros(len(frozen), np.int32))
    with pytest.raises(games.GameError, match="int64"):
        game.rules.step(states, np.zeros(len(states), np.int64))


@every_game
def test_equal_positions_have_equal_keys_and_different_ones_do_not(spec):
    laws.keys_tell_positions_apart(sample(spec))


@every_game
@settings(max_examples=40, deadline=None)
@given(picks=choices)
def test_text_of_moves_and_positions_reads_back(spec, picks):
    game = games.make(spec)
    state = position_after(game, picks)[0]
    text = game.state_to_text(state)
    again = game.text_to_state(text)
    for name in set(state.dtype.names) - {"key", *game.history_fields}:
        assert (again[name] == state[name]).all(), name
    assert game.history_fields or again == state
    assert game.state_to_text(again) == text
    legal = game.legal(state)
    texts = [game.action_to_text(state, action) for action in legal]
    assert len(set(texts)) == len(texts)
    assert [game.text_to_action(state, text) for text in texts] == legal
    others = sorted(set(range(game.num_actions)) - set(legal))
    for action in others[:: 1 + len(others) // 20]:
        with pytest.raises((IllegalMoveError, InvalidMoveError)):
            game.text_to_action(state, game.action_to_text(state, action))


@every_game
@pytest.mark.parametrize("text", ["", " ", "z99", "0", "-1", "4 4", "ä", "²", "1e3", "\x00"])
def test_text_that_is_no_move_is_refused_in_one_line(spec, text):
    game = games.make(spec)
    with pytest.raises(InvalidMoveError) as caught:
        game.text_to_action(game.rules.initial(1)[0], text)
    assert len(str(caught.value).splitlines()) == 1


@every_game
@pytest.mark.parametrize("text", ["", "X to move", ". X", "X O X O X O X\n" * 6, "q\n" * 30])
def test_text_that_is_no_position_is_refused_in_one_line(spec, text):
    with pytest.raises(InvalidPositionError) as caught:
        games.make(spec).text_to_state(text)
    assert len(str(caught.value).splitlines()) == 1


@every_game
@settings(max_examples=25, deadline=None)
@given(picks=choices)
def test_the_board_view_fits_the_drawn_text(spec, picks):
    game = games.make(spec)
    state = position_after(game, picks)[0]
    view = game.board_view(state)
    height, width = len(view.row_labels), len(view.column_labels)
    assert len(view.pieces) == len(view.owners) == height
    for pieces, owners in zip(view.pieces, view.owners, strict=True):
        assert len(pieces) == len(owners) == width
        assert [piece == "" for piece in pieces] == [owner == -1 for owner in owners]
    text = game.state_to_text(state)
    assert len(text.splitlines()) >= height
    for action in game.legal(state):
        cell = game.cell_of_action(action)
        if cell is not None:
            assert -1 <= cell[0] < height and 0 <= cell[1] < width
    winner = int(np.argmax(state["returns"]))
    if view.deciding:
        assert state["finished"]
        assert {view.owners[row][column] for row, column in view.deciding} == {winner}


@every_game
def test_symmetries_are_permutations_and_the_first_is_the_identity(spec):
    laws_for_people.symmetries_are_permutations(games.make(spec))


@every_game
@settings(max_examples=25, deadline=None)
@given(picks=choices)
def test_playing_in_the_mirror_shows_the_mirrored_position(spec, picks):
    game = games.make(spec)
    flat = (game.observation_shape[0], -1)
    for cells, actions in zip(game.symmetries.cells, game.symmetries.actions, strict=True):
        states, images = game.rules.initial(1), game.rules.initial(1)
        for pick in picks:
            legal = game.legal(states[0])
            assert sorted(actions[legal]) == game.legal(images[0])
            if not legal:
                break
            action = legal[pick % len(legal)]
            game.rules.step(states, np.array([action], np.int32))
            game.rules.step(images, actions[[action]])
            original = planes_of(game, states)[0].reshape(flat)
            image = planes_of(game, images)[0].reshape(flat)
            assert (original[:, cells] == image).all()
            assert (states["returns"] == images["returns"]).all()


@every_game
def test_observations_overwrite_what_was_there_and_scale_to_small_numbers(spec):
    game = games.make(spec)
    states, _ = random_games(spec)
    planes = planes_of(game, states)
    assert game.observation_scales.shape == (game.observation_shape[0],)
    assert game.observation_scales.dtype == np.float32
    seen = planes * game.observation_scales[:, None, None]
    assert seen.min() >= 0 and seen.max() <= 1
    assert (seen.max(axis=(0, 2, 3)) > 0).all(), "a plane that is always empty teaches nothing"


@every_game
def test_open_positions_look_different_or_are_one_with_the_sides_exchanged(spec):
    game = games.make(spec)
    states, _ = random_games(spec)
    states = states[~states["finished"]]
    states = states[np.unique(states["key"], return_index=True)[1]]
    seen: dict[bytes, np.void] = {}
    for state, planes in zip(states, planes_of(game, states), strict=True):
        other = seen.setdefault(planes.tobytes(), state)
        if other is state:
            continue
        # Where both sides have the same rules, each may see the other's position as its own.
        assert state["to_play"] != other["to_play"]
        legal = game.legal(state)
        assert game.legal(other) == legal
        actions = np.array(legal, np.int32)
        ours, theirs = np.repeat(state, len(legal)), np.repeat(other, len(legal))
        game.rules.step(ours, actions)
        game.rules.step(theirs, actions)
        assert (ours["finished"] == theirs["finished"]).all()
        assert (ours["returns"] == theirs["returns"][:, ::-1]).all()
        going_on = ~ours["finished"]
        assert (ours["to_play"] != theirs["to_play"])[going_on].all()
        assert (planes_of(game, ours) == planes_of(game, theirs))[going_on].all()


@every_game
def test_random_play_ends_and_depends_on_nothing_but_its_generator(spec):
    game = games.make(spec)
    first, second, other = (game.rules.initial(500) for _ in range(3))
    for states, seed in ((first, 3), (second, 3), (other, 4)):
        rng = np.array([seed], np.uint64)
        game.rules.play_out(states, rng)
        assert states["finished"].all() and rng[0] != seed
    assert (first == second).all() and not (first == other).all()
    # Everything can happen in random play: each side wins at times, and games differ.
    assert first["returns"][:, 0].max() == 1 and first["returns"][:, 0].min() == -1


@every_game
def test_random_play_picks_every_first_move_equally_often(spec):
    game = games.make(spec)
    last_before_end = random_last_positions(game)
    actions, counts = legal_of(game, last_before_end)
    # The chosen move of a position two plies before the end is uniform: play it out many times.
    state, count = last_before_end[0], int(counts[0])
    states = np.repeat(np.array([state]), 4000)
    game.rules.play_out(states, np.array([5], np.uint64))
    after = np.repeat(np.array([state]), count)
    game.rules.step(after, actions[0, :count].copy())
    for child in after:
        if child["finished"]:
            share = float((states == child).mean())
            assert abs(share - 1 / count) < 0.04


def random_last_positions(game: Game) -> np.ndarray:
    """Positions of random games in which several moves remain and one of them ends the game."""
    states, _ = random_games(game.id)
    outcomes = np.empty(len(states), np.int8)
    game.rules.prove(states, 1, outcomes)
    _, counts = legal_of(game, states)
    return states[(outcomes == 1) & (counts >= 2)]


@every_game
def test_prove_agrees_with_brute_force_at_every_depth(spec):
    laws.proofs_agree_with_brute_force(sample(spec))


@every_game
def test_a_proof_is_never_contradicted_by_a_longer_search(spec):
    game = games.make(spec)
    states, _ = random_games(spec, 40)
    previous = np.full(len(states), UNPROVEN, np.int8)
    width = legal_of(game, states)[1].mean()
    for plies in range(6):
        if len(states) * width**plies > 2e7:
            break
        outcomes = np.empty(len(states), np.int8)
        game.rules.prove(states, plies, outcomes)
        proven = previous != UNPROVEN
        assert (outcomes[proven] == previous[proven]).all()
        assert np.isin(outcomes, (-1, 0, 1, UNPROVEN)).all()
        previous = outcomes
    assert (previous != UNPROVEN).any()
