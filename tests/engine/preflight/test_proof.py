"""The proof itself: good games are green, and every stage notices what only it can."""

import dataclasses
import itertools

import numpy as np
import pytest

import games
from engine.preflight import abilities, laws, limits
from engine.preflight.interpreted import interpret
from engine.preflight.limits import TookTooLong, at_most
from engine.preflight.proof import PARTS, Finding, Proof
from engine.preflight.sample import LawBroken, random_games
from games.game import UNPROVEN, BatchedRules
from scripts.new import TEMPLATE


@pytest.mark.parametrize(
    "spec",
    [
        "tic_tac_toe",
        "connect_four",
        str(TEMPLATE),
        pytest.param(f"{TEMPLATE}(width=3,height=3)", marks=pytest.mark.slow),
        pytest.param(f"{TEMPLATE}(width=8,height=7)", marks=pytest.mark.slow),
        pytest.param("connect_four(width=4,height=4)", marks=pytest.mark.slow),
    ],
)
def test_a_good_game_is_green_in_every_part(spec):
    findings = [said for said in Proof(spec).run() if isinstance(said, Finding)]
    assert [finding.fault for finding in findings if not finding.green] == []
    assert {finding.part for finding in findings} == set(PARTS)


@pytest.mark.parametrize("spec", [str(TEMPLATE), "connect_four", "tic_tac_toe"])
def test_interpreted_rules_are_the_compiled_ones(spec):
    plain, _ = interpret(spec)
    compiled = games.make(spec)
    assert (plain.id, plain.max_legal, plain.source_hash) == (
        compiled.id,
        compiled.max_legal,
        compiled.source_hash,
    )
    states = [game.rules.initial(10) for game in (plain, compiled)]
    for game, of_game in zip((plain, compiled), states, strict=True):
        game.rules.play_out(of_game, np.array([5], np.uint64))
    assert (states[0] == states[1]).all()
    sample = random_games(compiled, 4).states
    outcomes = np.empty((2, len(sample)), np.int8)
    plain.rules.prove(sample, 2, outcomes[0])
    compiled.rules.prove(sample, 2, outcomes[1])
    assert (outcomes[0] == outcomes[1]).all() and (outcomes[0] != UNPROVEN).any()


INTERPRETED = '''
HALF = np.array([100, 100], np.int8)


@rule
def arithmetic(state):
    """As the compiler counts: small integers grow, casts wrap, unsigned words stay unsigned."""
    state.sum = HALF[0] + HALF[1] + state.to_play * 1000
    state.cast = np.int8(HALF[0] + HALF[1])
    state.word = ~np.uint64(0) * np.uint64(3) ^ mix(np.uint64(-1 * 0 + 7))
    total = 0
    for value in HALF:
        total += value * 3
    state.sum += total
    copies = np.empty(2, STATE)
    copies[0] = state
    copies[1] = copies[0]
    copies[1].sum += 1
    state.sum = copies[1].sum


@rule
def initial(state):
    arithmetic(state)
    for cell in range(CELLS):
        state.board[cell] = CHESSBOARD[cell]
    write_key(state)
'''


def test_plain_python_counts_as_the_compiler_does(tmp_path):
    text = TEMPLATE.read_text()
    before, after = text.split("@rule\ndef initial(state):")
    path = tmp_path / "counts.py"
    path.write_text(
        (before + INTERPRETED.strip() + "\n\n\n@rule" + after.split("@rule", 1)[1]).replace(
            '("board", "i1", (CELLS,)),',
            '("board", "i1", (CELLS,)), ("sum", "<i4"), ("cast", "i1"), ("word", "<u8"),',
        )
    )
    compiled = games.make(str(path)).rules.initial(1)[0]
    plain = interpret(str(path))[0].rules.initial(1)[0]
    assert plain == compiled
    assert (plain["sum"], plain["cast"]) == (200 + 600 + 1, -56)


def test_what_has_not_come_back_in_time_is_interrupted(monkeypatch):
    with pytest.raises(TookTooLong, match=r"after 0\.2 seconds"), at_most(0.2):
        while True:
            pass
    alarms = []

    class Alarm:
        """A timer that goes off when the test says so: after the end, as a late thread would."""

        def __init__(self, seconds, function):
            alarms.append(function)

        def start(self):
            pass

        cancel = start

    monkeypatch.setattr(limits.threading, "Timer", Alarm)
    with at_most(30):
        pass
    alarms[0]()
    for _ in range(10_000):  # an interruption would come between two of them
        pass


class Changed(BatchedRules):
    """Rules of a good game, but for what a test puts in."""

    def __init__(self, rules):
        self.rules = rules
        self.state_dtype = rules.state_dtype

    def __getattr__(self, name):
        return getattr(self.rules, name)

    def initial(self, count):
        return self.rules.initial(count)

    def step(self, states, actions):
        self.rules.step(states, actions)

    def legal_actions(self, states, actions, counts):
        self.rules.legal_actions(states, actions, counts)

    def observe(self, states, planes):
        self.rules.observe(states, planes)

    def prove(self, states, plies, outcomes):
        self.rules.prove(states, plies, outcomes)

    def play_out(self, states, rng):
        self.rules.play_out(states, rng)


def changed(**methods):
    game = games.make("connect_four")
    kind = type("Broken", (Changed,), methods)
    return dataclasses.replace(game, rules=kind(game.rules))


def test_a_step_that_touches_other_rows_breaks_a_law():
    def step(self, states, actions):
        self.rules.step(states, actions)
        if len(states) > 1:
            states[0]["ply"] += 1

    sample = random_games(games.make("connect_four"), 5)
    with pytest.raises(
        LawBroken, match=r"changes its own state only; but after . ply is different"
    ):
        laws.rows_are_independent(dataclasses.replace(sample, game=changed(step=step)))


def test_a_batch_that_is_not_its_rows_breaks_a_law():
    def observe(self, states, planes):
        self.rules.observe(states, planes)
        planes[1:, 0] = 0

    game = changed(observe=observe)
    with pytest.raises(LawBroken, match="the same in a batch as alone"):
        laws.rows_are_independent(random_games(game, 5))


def test_random_play_that_repeats_nothing_breaks_a_law():
    seeds = itertools.count()

    def play_out(self, states, rng):
        self.rules.play_out(states, np.array([next(seeds)], np.uint64))

    with pytest.raises(LawBroken, match="the same seed plays the same games"):
        laws.random_play_ends(changed(play_out=play_out))


def test_a_win_that_the_search_does_not_find_breaks_a_law():
    def prove(self, states, plies, outcomes):
        self.rules.prove(states, plies, outcomes)
        if plies == 3:
            outcomes[:] = 1

    game = changed(prove=prove)
    with pytest.raises(LawBroken, match="finds the win in three plies") as caught:
        abilities.search_finds_wins(random_games(game, 100))
    assert caught.value.state is not None


def test_a_network_that_sees_nothing_cannot_learn():
    def observe(self, states, planes):
        planes[:] = 0

    game = changed(observe=observe)
    with pytest.raises(LawBroken, match="rows are learnt by heart"):
        abilities.batch_can_be_learnt(random_games(game, 30))


def test_rules_that_raise_when_compiled_name_the_position():
    def step(self, states, actions):
        if (states["ply"] == 4).any() and (actions == 3).any():
            raise ZeroDivisionError("division by zero")
        self.rules.step(states, actions)

    with pytest.raises(
        LawBroken, match=r"step\(\) of 4 comes back; but ZeroDivisionError"
    ) as caught:
        random_games(changed(step=step), 50)
    assert len(caught.value.actions) == caught.value.state["ply"] == 4
