"""The laws of an agent, over every kind of agent and every game that it plays."""

import numpy as np
import pytest

from agents.agent import AgentError, FinishedGameError
from agents.arena.openings import random_openings
from agents.choice import expand_children, legal_slots
from agents.factory import make_agent, network_agent
from agents.human_agent import HumanAgent
from agents.random_agent import RandomAgent
from engine.inference.uniform import KeyEvaluator
from games import make
from games.game import UNPROVEN, state_dtype

GAMES = ("connect_four", "tic_tac_toe", "connect_four(width=5,height=4)")


def hashed_network(game, *, simulations, seed):
    """A network agent whose network is a hash of the position."""
    name = f"hash@{simulations}"
    evaluator = KeyEvaluator(game)
    return network_agent(evaluator, game=game, simulations=simulations, seed=seed, name=name)


AGENTS = {
    "random": lambda game, seed: make_agent("random", game=game, seed=seed),
    "one_ply": lambda game, seed: make_agent("one_ply", game=game, seed=seed),
    "alpha_beta:3": lambda game, seed: make_agent("alpha_beta:3", game=game, seed=seed),
    "mcts:60": lambda game, seed: make_agent("mcts:60", game=game, seed=seed),
    "policy": lambda game, seed: hashed_network(game, simulations=0, seed=seed),
    "search@60": lambda game, seed: hashed_network(game, simulations=60, seed=seed),
    "human": lambda game, seed: HumanAgent(
        game=game, ask=lambda state: game.legal(state)[seed % len(game.legal(state))]
    ),
}
#: Their moves hang on the position alone; ``mcts`` draws its random games from one stream.
STREAMLESS = sorted(set(AGENTS) - {"mcts:60"})

every_game = pytest.mark.parametrize("game_id", GAMES)
every_agent = pytest.mark.parametrize("kind", AGENTS)


def open_positions(game, count=24, seed=1):
    """Unfinished positions of all phases."""
    rng = np.random.default_rng(seed)
    states = game.rules.initial(count)
    for row in range(count):
        for _ in range(int(rng.integers(game.max_plies))):
            children = expand_children(game, states[row : row + 1]).states
            children = children[~children["finished"]]
            if not len(children):
                break
            states[row] = children[rng.integers(len(children))]
    return states


@every_game
@every_agent
def test_every_move_is_legal(kind, game_id):
    game = make(game_id)
    states = open_positions(game)
    actions = AGENTS[kind](game, 0).choose(states).actions
    assert actions.shape == (len(states),)
    for state, action in zip(states, actions, strict=True):
        assert action in game.legal(state)


@every_agent
def test_the_positions_are_left_as_they_were(kind):
    game = make("connect_four")
    states = open_positions(game)
    before = states.copy()
    AGENTS[kind](game, 0).choose(states)
    assert (states == before).all()


@every_agent
def test_positions_may_be_read_only_or_lie_apart(kind):
    game = make("connect_four")
    states = open_positions(game)
    expected = AGENTS[kind](game, 0).choose(states[::2].copy()).actions
    states.flags.writeable = False
    assert (AGENTS[kind](game, 0).choose(states[::2]).actions == expected).all()
    assert len(AGENTS[kind](game, 0).choose(states).actions) == len(states)


@every_agent
def test_the_same_seed_answers_the_same(kind):
    game = make("connect_four")
    states = open_positions(game)
    one, other = AGENTS[kind](game, 5), AGENTS[kind](game, 5)
    first = one.choose(states).actions.copy()
    assert (first == other.choose(states).actions).all()
    one.reset(seed=5)
    assert (first == one.choose(states).actions).all()


@pytest.mark.parametrize("kind", ["random", "one_ply", "mcts:60", "alpha_beta:3"])
def test_another_seed_answers_otherwise_somewhere(kind):
    game = make("connect_four")
    states = open_positions(game, count=60)
    agent = AGENTS[kind](game, 1)
    first = agent.choose(states).actions.copy()
    agent.reset(seed=2)
    assert (first != agent.choose(states).actions).any()


@every_game
@pytest.mark.parametrize("kind", STREAMLESS)
def test_a_batch_answers_what_single_positions_would(kind, game_id):
    game = make(game_id)
    agent = AGENTS[kind](game, 3)
    states = open_positions(game)
    together = agent.choose(states).actions
    assert together.tolist() == [agent.move(state) for state in states]
    assert together.tolist() == agent.choose(states).actions.tolist()


@every_agent
def test_a_finished_game_is_refused(kind):
    game = make("connect_four")
    over = game.after([0, 1, 0, 1, 0, 1, 0])
    assert over["finished"]
    agent = AGENTS[kind](game, 0)
    with pytest.raises(FinishedGameError, match="over"):
        agent.choose_one(over)
    mixed = np.array([game.after([]), over], game.state_dtype)
    with pytest.raises(FinishedGameError, match="row 1"):
        agent.choose(mixed)


@every_agent
def test_positions_of_another_game_and_no_positions_are_refused(kind):
    game = make("connect_four")
    agent = AGENTS[kind](game, 0)
    with pytest.raises(AgentError, match="another game"):
        agent.choose(np.zeros(1, state_dtype(("cells", "i1", (9,)))))
    with pytest.raises(AgentError, match="no position"):
        agent.choose(game.rules.initial(0))


@every_game
@every_agent
def test_an_analysis_describes_the_position_it_is_about(kind, game_id):
    game = make(game_id)
    states = open_positions(game)
    decisions = AGENTS[kind](game, 0).choose(states)
    analysis = decisions.analysis
    if analysis is None:
        return
    legal, counts = legal_slots(game, states)
    assert (analysis.legal == legal).all()
    assert (analysis.counts == counts).all()
    assert np.allclose(analysis.policies.sum(axis=1), 1, atol=1e-4)
    assert (np.abs(analysis.values) <= 1.0001).all()
    assert (np.abs(analysis.q_values) <= 1.0001).all()
    assert ((analysis.draws >= -1e-4) & (analysis.draws <= 1.0001)).all()
    assert set(np.unique(analysis.proven)) <= {-1, 0, 1, UNPROVEN}
    for state, action, line in zip(states, decisions.actions, analysis.lines, strict=True):
        assert line[0] == action
        position = np.array([state], game.state_dtype)
        for step in line:
            assert step in game.legal(position[0])
            game.rules.step(position, np.array([step], np.int32))


@pytest.mark.parametrize("kind", ["mcts:60", "search@60"])
def test_a_followed_game_stays_legal_and_sees_at_least_as_much(kind):
    game = make("connect_four")
    follower, fresh = AGENTS[kind](game, 0), AGENTS[kind](game, 0)
    state, opponent = game.after([]), RandomAgent(game=game, seed=4)
    while not state["finished"]:
        decisions = follower.choose_one(state)
        action = int(decisions.actions[0])
        assert action in game.legal(state)
        alone = fresh.choose_one(state).analysis
        assert decisions.analysis.proven[0] != UNPROVEN or (
            decisions.analysis.visits.sum() >= min(alone.visits.sum(), 60)
        )
        for each in (action, None):
            if state["finished"]:
                break
            each = opponent.move(state) if each is None else each
            follower.observe_move(each)
            position = np.array([state], game.state_dtype)
            game.rules.step(position, np.array([each], np.int32))
            state = position[0]


def test_more_positions_than_trees_are_searched_in_parts():
    game = make("tic_tac_toe")
    openings = random_openings(game, count=300, plies=2, seed=0)
    states = np.array([game.after(each) for each in openings], game.state_dtype)
    agent = AGENTS["search@60"](game, 0)
    decisions = agent.choose(states)
    assert len(decisions.actions) == len(decisions.analysis.lines) == 300
    assert (agent.choose(states[280:]).actions == decisions.actions[280:]).all()


def test_a_human_who_answers_nonsense_is_told_what_is_legal():
    game = make("connect_four")
    with pytest.raises(AgentError, match="try 1 2 3 4 5 6 7"):
        HumanAgent(game=game, ask=lambda state: 9).move(game.after([]))
