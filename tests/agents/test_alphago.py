"""AlphaGo's parts: expert games, the leaf's mixture, value positions, and the museum's players."""

import numpy as np
import pytest

from agents.agent import AgentError
from agents.alphago.agent import AlphaGoAgent
from agents.alphago.evaluator import MixedEvaluator
from agents.alphago.expert_games import (
    ExpertGames,
    lessons_of,
    load_expert_games,
    play_expert_games,
    save_expert_games,
)
from agents.alphago.policy_rollouts import PolicyRollouts
from agents.arena.league_training import fresh_network
from agents.arena.match import play_match
from agents.factory import make_agent
from agents.museum.exhibits import EXHIBITS, FOLDER
from agents.one_ply_agent import OnePlyAgent
from agents.random_agent import RandomAgent
from engine.inference.uniform import KeyEvaluator
from engine.networks.config import NetworkConfig
from engine.policy_gradient.value_positions import value_positions
from engine.records import Evaluation
from games import make

LINEAR = NetworkConfig(kind="perceptron", hidden=())


@pytest.fixture(scope="module")
def game():
    return make("tic_tac_toe")


@pytest.fixture(scope="module")
def connect_four():
    return make("connect_four")


def asked(game, evaluator, states):
    slots = np.empty((len(states), game.max_legal), np.int32)
    counts = np.empty(len(states), np.int32)
    game.rules.legal_actions(states, slots, counts)
    return evaluator.evaluate(states, slots, counts)


def test_expert_games_come_back_from_their_file_and_play_again(game, tmp_path):
    games = play_expert_games(OnePlyAgent(game=game), games=60, seed=3)
    save_expert_games(tmp_path / "games.npz", games)
    again = load_expert_games(tmp_path / "games.npz")
    lessons = lessons_of(game, again)
    assert len(lessons.states) == games.is_lesson.sum()
    assert not lessons.states["finished"].any()
    # A lesson's move is the expert's own, and its return that of the game for the mover.
    expert = OnePlyAgent(game=game)
    first = lessons.states[lessons.states["ply"] == 0]
    assert (expert.choose(first).actions == lessons.actions[lessons.states["ply"] == 0]).all()
    movers = lessons.states["to_play"].astype(int)
    assert (lessons.returns == games.results[lessons.games, movers]).all()
    strays = (games.moves >= 0) & ~games.is_lesson
    assert 0.05 < strays.sum() / (games.moves >= 0).sum() < 0.3


def test_bad_expert_games_are_one_line(game, tmp_path):
    path = tmp_path / "none.npz"
    with pytest.raises(AgentError, match="holds no expert games"):
        load_expert_games(path)
    path.write_bytes(b"PK nonsense")
    with pytest.raises(AgentError, match="holds no expert games"):
        load_expert_games(path)
    twice = ExpertGames(
        moves=np.array([[4, 4]], np.int16),
        is_lesson=np.ones((1, 2), bool),
        results=np.zeros((1, 2), np.float32),
    )
    with pytest.raises(AgentError, match="does not allow"):
        lessons_of(game, twice)


def test_the_shipped_records_are_games_of_connect_four(connect_four):
    games = load_expert_games(FOLDER / "connect_four_expert_games.npz")
    lessons = lessons_of(connect_four, games)
    assert len(games.moves) == 4096
    assert len(lessons.states) > 90_000


def test_the_shipped_records_of_go_are_games_without_a_draw():
    games = load_expert_games(FOLDER / "go9_expert_games.npz")
    assert len(games.moves) == 300
    assert (np.abs(games.results) == 1).all() and (games.results.sum(1) == 0).all()
    assert 0.3 < (games.results[:, 0] > 0).mean() < 0.7
    strays = (games.moves >= 0) & ~games.is_lesson
    assert 0.03 < strays.sum() / (games.moves >= 0).sum() < 0.1


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_leaf_is_worth_the_mixture_of_both(game, share):
    states = game.rules.initial(5)
    game.rules.step(states, np.arange(5, dtype=np.int32))
    policy, value = KeyEvaluator(game), KeyEvaluator(game)
    mixed = MixedEvaluator(game, policy=policy, value=value, rollout_share=share, seed=7)
    alone = MixedEvaluator(game, policy=policy, value=None, rollout_share=1.0, seed=7)
    answer = asked(game, mixed, states)
    got = answer.values.copy()
    assert (answer.policy_logits == asked(game, KeyEvaluator(game), states).policy_logits).all()
    known = asked(game, KeyEvaluator(game), states).values.copy()
    played = asked(game, alone, states).values
    assert np.allclose(got, (1 - share) * known + share * played, atol=1e-6)


def test_games_of_a_policy_end_as_the_rules_say_and_follow_the_policy(game):
    class LikesTheLast:
        """Always plays the last legal cell, as good as surely."""

        def evaluate(self, states, actions, counts):
            logits = np.zeros(actions.shape, np.float32)
            logits[np.arange(len(states)), counts - 1] = 60
            return Evaluation(logits, np.zeros((len(states), 2)), np.zeros(len(states)))

    states = game.rules.initial(3)
    game.rules.step(states, np.array([8, 0, 4], np.int32))
    before = states.copy()
    found = asked(game, PolicyRollouts(game, LikesTheLast(), seed=1), states)
    assert (states == before).all(), "the positions that are judged stay as they are"
    expected = before.copy()
    while not expected["finished"].all():
        for row in np.flatnonzero(~expected["finished"]):
            one = expected[row : row + 1].copy()
            game.rules.step(one, np.array([game.legal(one[0])[-1]], np.int32))
            expected[row] = one[0]
    assert (found.values == expected["returns"]).all()
    assert (found.draws == (expected["returns"] == 0).all(1)).all()
    again = [
        asked(game, PolicyRollouts(game, KeyEvaluator(game), seed=5), states).values
        for _ in range(2)
    ]
    assert (again[0] == again[1]).all()


def test_shares_that_mean_nothing_are_refused(game):
    with pytest.raises(ValueError, match="0 to 1"):
        MixedEvaluator(game, policy=KeyEvaluator(game), value=None, rollout_share=1.5)
    with pytest.raises(ValueError, match="without a value network"):
        MixedEvaluator(game, policy=KeyEvaluator(game), value=None, rollout_share=0.5)


def test_alphago_with_random_games_alone_beats_random_play(game):
    agent = AlphaGoAgent(
        game=game,
        policy=KeyEvaluator(game),
        value=None,
        rollout_share=1.0,
        simulations=60,
    )
    match = play_match(agent, RandomAgent(game=game), games=40, seed=0, opening_plies=1)
    assert match.total.score > 0.85
    again = play_match(agent, RandomAgent(game=game), games=40, seed=0, opening_plies=1)
    assert [each.actions for each in match.games] == [each.actions for each in again.games]


def test_a_reset_starts_the_random_games_again(game):
    def thought(agent):
        return agent.choose_one(game.rules.initial(1)[0]).analysis.q_values.tolist()

    agent, other = (
        AlphaGoAgent(
            game=game,
            policy=KeyEvaluator(game),
            value=None,
            simulations=50,
            rollout_share=1.0,
            seed=seed,
        )
        for seed in (0, 7)
    )
    first = thought(agent)
    agent.reset(seed=0)
    assert thought(agent) == first
    agent.reset(seed=7)
    assert thought(agent) == thought(other) != first


def test_value_positions_are_one_a_game_with_its_result(game):
    rng = np.random.default_rng(0)
    network = fresh_network(game, LINEAR, seed=0)
    states, returns = value_positions(
        game, opening=network, player=network, games=300, longest=4, rng=rng
    )
    assert 0 < len(states) <= 300
    assert not states["finished"].any()
    assert set(np.unique(states["ply"])) == {1, 2, 3, 4}
    assert set(np.unique(returns)) <= {-1.0, 0.0, 1.0}
    # The first player of tic-tac-toe wins more of the random games.
    first = states["to_play"] == 0
    assert returns[first].mean() > returns[~first].mean()


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda each: each.name)
def test_every_player_of_the_museum_moves(exhibit, connect_four):
    agent = exhibit.make(connect_four, 4)
    assert agent.name == exhibit.name
    state = connect_four.after([3, 3, 3, 3, 2, 2, 4, 5, 4, 4])
    assert agent.move(state) in connect_four.legal(state)


def test_alphago_is_an_agent_by_name(connect_four, game):
    agent = make_agent("alphago:6", game=connect_four)
    assert agent.name == "alphago:6"
    assert agent.move(connect_four.after([3])) in range(7)
    with pytest.raises(AgentError, match="plays connect_four, not tic_tac_toe"):
        make_agent("alphago", game=game)
