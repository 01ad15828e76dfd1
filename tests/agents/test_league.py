"""The league: who meets whom, who is frozen, mixtures that are safe, and Blotto end to end."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import scripts.lectures
from agents.agent import AgentError
from agents.arena.league import Frozen, League, LeagueConfig, Payoffs
from agents.arena.league_training import LeagueTraining, only_self_play
from agents.arena.nash import best_reply_gain, safe_mixture
from engine.networks.config import NetworkConfig
from engine.policy_gradient.learner import PolicyGradientConfig
from engine.policy_gradient.play import masked_policies
from engine.selfplay.pfsp import priorities
from games import make

torch.set_num_threads(1)  # more lose time on networks of this size
ROCK_PAPER_SCISSORS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)


def league(**settings):
    return League(LeagueConfig(**settings), first_weights="first", seed=0)


def player_of(league, role):
    return next(each for each in league.players if each.role == role)


def test_priorities_are_those_of_the_paper():
    assert np.allclose(priorities([0.5, 1.0], "hard"), [1, 0])
    assert np.allclose(priorities([0.0, 0.5], "hard"), [0.8, 0.2])  # 1 : 1/4
    assert np.allclose(priorities([0.5, 0.9], "even"), [0.25 / 0.34, 0.09 / 0.34])
    assert np.allclose(priorities([0.1, 0.5, 0.75], "capped"), [0.4, 0.4, 0.2])
    assert np.allclose(priorities([1.0, 1.0], "hard"), [0.5, 0.5])  # everybody is beaten
    with pytest.raises(ValueError, match="no opponents"):
        priorities([], "hard")


def test_payoffs_decay_and_are_two_sided():
    payoffs = Payoffs(decay=0.9)
    assert payoffs.chance("a", "b") == 0.5
    payoffs.record("a", "b", points=3, games=4)
    assert payoffs.chance("a", "b") == 0.75
    assert payoffs.chance("b", "a") == 0.25
    for _ in range(50):
        payoffs.record("a", "b", points=0, games=4)
    assert payoffs.chance("a", "b") < 1e-3
    payoffs.forget("a")
    assert payoffs.chance("b", "a") == 0.5


def test_a_new_league_has_the_first_main_agent_frozen():
    each = league(main_agents=2, main_exploiters=1, league_exploiters=2)
    assert [player.role for player in each.players] == [
        "main",
        "main",
        "main_exploiter",
        "league_exploiter",
        "league_exploiter",
    ]
    assert [frozen.owner for frozen in each.frozen] == ["main_1", "main_2"]
    with pytest.raises(AgentError, match="more than 1"):
        league(self_play_share=0.8, verification_share=0.3)


def test_main_agents_meet_themselves_and_the_frozen_in_the_shares_of_the_paper():
    each = league(main_exploiters=1)
    main = player_of(each, "main")
    each.freeze(player_of(each, "main_exploiter"), "hunter", step=1)
    # The exploiter never wins and the past is beaten: nothing to verify.
    each.record(main, each.frozen[0], points=900, games=1000)
    each.record(main, each.frozen[1], points=900, games=1000)
    met = Counter(each.opponent_of(main) is main for _ in range(4000))
    assert abs(met[True] / 4000 - 0.5) < 0.03  # 35 % self-play and 15 % that need no verification


def test_a_winning_exploiter_is_verified_and_preferred():
    each = league(main_exploiters=1, self_play_share=0.0, verification_share=1.0)
    main = player_of(each, "main")
    each.freeze(player_of(each, "main_exploiter"), "hunter", step=1)
    each.record(main, each.frozen[1], points=100, games=1000)
    assert {each.opponent_of(main).name for _ in range(50)} == {"main_exploiter_1@1"}


def test_a_main_exploiter_hunts_the_living_main_agent_or_climbs_its_past():
    each = league()
    hunter, main = player_of(each, "main_exploiter"), player_of(each, "main")
    assert each.opponent_of(hunter) is main
    each.record(hunter, main, points=5, games=1000)
    assert isinstance(each.opponent_of(hunter), Frozen)
    assert each.freeze(hunter, "found", step=40)  # and it starts again
    assert each.opponent_of(hunter) is main  # what it knew of its strength is forgotten


def test_players_are_frozen_when_strong_or_when_time_is_up():
    each = league(freeze_after=10)
    main = player_of(each, "main")
    assert not each.is_due(main, step=9)
    assert not each.is_due(main, step=10)
    assert each.is_due(main, step=20)
    each.record(main, each.frozen[0], points=90, games=100)
    assert each.is_due(main, step=10)
    assert not each.freeze(main, "later", step=10)  # main agents never start again
    assert not each.is_due(main, step=19)
    assert each.frozen[-1].weights == "later"


def test_league_exploiters_start_again_as_often_as_the_paper_says():
    each = league()
    hunter = player_of(each, "league_exploiter")
    again = sum(each.freeze(hunter, k, step=k) for k in range(2000))
    assert abs(again / 2000 - 0.25) < 0.03


def test_mixtures_against_games_with_known_answers():
    assert np.allclose(safe_mixture(ROCK_PAPER_SCISSORS), 1 / 3, atol=1e-3)
    # Rock wins double: paper is played half of the time (solved by hand).
    table = ROCK_PAPER_SCISSORS * np.array([[1, 1, 2], [1, 1, 1], [2, 1, 1]])
    assert np.allclose(safe_mixture(table), [0.25, 0.5, 0.25], atol=2e-3)
    # A rectangular game with value 1/3 for the rows: 2/3 on the first.
    rectangular = np.array([[1.0, 0.0, 2.0], [-1.0, 1.0, 3.0]])
    mixture = safe_mixture(rectangular)
    assert np.allclose(mixture, [2 / 3, 1 / 3], atol=2e-3)
    assert abs(-best_reply_gain(rectangular, mixture) - 1 / 3) < 2e-3


def test_mixtures_of_random_games_leave_nothing_to_gain():
    rng = np.random.default_rng(0)
    for _ in range(5):
        half = rng.normal(size=(12, 12))
        table = half - half.T
        assert best_reply_gain(table, safe_mixture(table)) < 0.02


@pytest.fixture(scope="module")
def blotto():
    return make(str(Path(scripts.lectures.__path__[0]) / "blotto.py"))


def test_blotto_by_brute_force(blotto):
    """Every pair of plans against a second reading of the rules."""
    plans = [each for each in itertools.product(range(6), repeat=3) if sum(each) == 5]
    assert blotto.num_actions == len(plans) == 21
    for first, second in itertools.product(range(21), repeat=2):
        state = blotto.after([first, second])
        lead = sum(np.sign(a - b) for a, b in zip(plans[first], plans[second], strict=True))
        assert state["finished"]
        assert state["returns"].tolist() == [np.sign(lead), -np.sign(lead)]
        assert blotto.action_to_text(state, first) == "-".join(map(str, plans[first]))


def test_the_second_player_of_blotto_sees_nothing_of_the_firsts_plan(blotto):
    planes = np.zeros((22, *blotto.observation_shape), np.uint8)
    states = np.array([blotto.after([]), *(blotto.after([plan]) for plan in range(21))])
    blotto.rules.observe(states, planes)
    assert (planes == planes[0]).all()
    # What a person sees stays covered too, until both have chosen.
    assert set(blotto.board_view(states[3]).pieces[0]) == {"?"}
    assert "?" not in blotto.board_view(blotto.after([3, 4])).pieces[0]
    for state in (states[0], states[3], blotto.after([3, 4])):
        assert blotto.text_to_state(blotto.state_to_text(state))["key"] == state["key"]


def test_a_league_on_blotto_is_safe_where_self_play_is_not(blotto):
    states = blotto.rules.initial(21 * 21)
    blotto.rules.step(states, np.repeat(np.arange(21, dtype=np.int32), 21))
    blotto.rules.step(states, np.tile(np.arange(21, dtype=np.int32), 21))
    table = states["returns"][:, 0].astype(float).reshape(21, 21)
    agents = {}
    for name, config in (
        ("league", LeagueConfig(freeze_after=20)),
        ("self", only_self_play(LeagueConfig(freeze_after=20))),
    ):
        training = LeagueTraining(
            blotto,
            network=NetworkConfig(kind="perceptron", hidden=()),
            learning=PolicyGradientConfig(games=128, learning_rate=0.05, entropy_bonus=0.1),
            config=config,
            seed=7,
        )
        training.run(200 if name == "league" else 800)
        past = np.array(
            [
                masked_policies(training.network_of(each), blotto, blotto.rules.initial(1))[2][0]
                for each in training.league.frozen
            ]
        )
        agents[name] = past
    safe = safe_mixture(agents["league"] @ table @ agents["league"].T)
    assert best_reply_gain(table, safe @ agents["league"]) < 0.15
    assert best_reply_gain(table, agents["self"][-1]) > 0.3
