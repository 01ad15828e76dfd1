"""Ownership as the service tells it, against the network asked directly."""

import msgspec
import numpy as np
import pytest
import torch

import games
from agents.agent import AgentError
from agents.analysis.ownership import OwnershipReader
from agents.analysis.random_endings import RandomEndings
from agents.analysis.service import AnalysisService
from agents.factory import make_agent, open_ownership
from agents.search_agent import SearchAgent
from engine.inference.uniform import KeyEvaluator
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network


@pytest.fixture(scope="module")
def game():
    return games.make("go(size=5)")


@pytest.fixture(scope="module")
def network(game):
    torch.manual_seed(1)
    network = build_network(
        NetworkConfig(blocks=1, channels=8, ownership=True),
        observation_shape=game.observation_shape,
        num_actions=game.num_actions,
    ).eval()
    for parameter in network.ownership_head.parameters():
        torch.nn.init.normal_(parameter)
    return network


def asked(game, network, **fields):
    agent = SearchAgent(game=game, evaluator=KeyEvaluator(game), simulations=20)
    answers = []
    service = AnalysisService(agent, answers.append, ownership=OwnershipReader(game, network))
    question = {"id": "q", "moves": ["c3"], "includeOwnership": True, **fields}
    service.take(msgspec.json.encode(question).decode())
    while service.is_busy:
        service.step()
    return answers[0]


def test_a_position_without_lines_is_judged_itself(game, network):
    state = game.after([game.text_to_action(game.rules.initial(1)[0], "c3")])
    planes = np.zeros((1, *game.observation_shape), np.uint8)
    game.rules.observe(np.array([state], game.state_dtype), planes)
    with torch.inference_mode():
        _, _, points, leads = network.forward_with_ownership(torch.from_numpy(planes))
    foreseen = OwnershipReader(game, network).read(state, [])
    # White is to move: what is the mover's is not player 0's.
    assert foreseen.owned == pytest.approx(1 - 2 * torch.sigmoid(points[0]).numpy(), abs=1e-5)
    assert foreseen.lead == pytest.approx(-25 * float(leads[0]), rel=1e-4)


def test_the_view_turns_points_and_lead(game, network):
    black = asked(game, network)
    white = asked(game, network, overrideSettings={"reportAnalysisWinratesAs": "WHITE"})
    assert len(black["ownership"]) == 25 and max(map(abs, black["ownership"])) <= 1
    assert len(set(black["ownership"])) > 5
    assert white["ownership"] == pytest.approx([-each for each in black["ownership"]])
    assert white["rootInfo"]["scoreLead"] == pytest.approx(-black["rootInfo"]["scoreLead"])


def test_every_move_has_its_lead_whether_points_are_asked_for_or_not(game, network):
    """KataGo's ``scoreLead`` is never missing, and KaTrain does without nowhere."""
    answer = asked(game, network, includeOwnership=False)
    assert "ownership" not in answer
    leads = [each["scoreLead"] for each in answer["moveInfos"]]
    visits = [each["visits"] for each in answer["moveInfos"]]
    assert len(set(leads)) > 2
    assert answer["rootInfo"]["scoreLead"] == pytest.approx(
        np.average(leads, weights=visits), abs=1e-3
    )


def test_a_finished_game_is_counted(game):
    agent = SearchAgent(game=game, evaluator=KeyEvaluator(game), simulations=5)
    answers = []
    AnalysisService(agent, answers.append).take(
        '{"id":"q","moves":["c3","pass","pass"],"includeOwnership":true,'
        '"overrideSettings":{"reportAnalysisWinratesAs":"WHITE"}}'
    )
    answer = answers[-1]
    assert answer["rootInfo"]["gameOver"]
    assert answer["rootInfo"]["scoreLead"] == -(25 - game.parameters["komi"])
    assert answer["ownership"] == [-1.0] * 25


def test_random_games_give_points_where_mcts_searches(game):
    """Without any of ``scoreLead`` KaTrain shows nothing."""
    agent = make_agent("mcts:60", game=game, seed=1)
    answers = []
    service = AnalysisService(
        agent, answers.append, ownership=open_ownership("mcts:60", game=game, seed=1)
    )
    service.take('{"id":"q","moves":["c3"],"includeOwnership":true}')
    while service.is_busy:
        service.step()
    (answer,) = answers
    assert len(answer["ownership"]) == 25
    assert all("scoreLead" in each for each in answer["moveInfos"])
    # A point of the lead is a point of somebody: what random games share adds up.
    komi = game.parameters["komi"]
    lead = answer["rootInfo"]["scoreLead"]
    assert lead == pytest.approx(sum(answer["ownership"]) - komi, abs=0.01)


def test_random_games_foresee_what_is_settled(game):
    """Black owns all but two eyes of a row: his stones cannot be taken, so the lead is sure."""
    rows = "5 X X X X X\n4 X X X X X\n3 X X X X X\n2 . X . X .\n1 X X X X X\n  A B C D E"
    state = game.text_to_state(f"{rows}\nWhite to move")
    foreseen = RandomEndings(game, seed=3).read(state, [])
    assert foreseen.lead > 5 and foreseen.owned.mean() > 0.5
    again = RandomEndings(game, seed=3).read(state, [])
    assert again.lead == foreseen.lead and foreseen.move_leads == ()


def test_where_nothing_foresees_it_the_question_is_answered_without(game):
    agent = SearchAgent(game=game, evaluator=KeyEvaluator(game), simulations=5)
    answers = []
    service = AnalysisService(agent, answers.append)
    service.take('{"id":"q","moves":[],"includeOwnership":true}')
    while service.is_busy:
        service.step()
    warning, answer = answers
    assert warning["field"] == "includeOwnership" and "does not foresee" in warning["warning"]
    assert "ownership" not in answer and answer["moveInfos"]
    assert open_ownership("random", game=game) is None
    assert open_ownership("shipped", game=games.make("connect_four")) is None
    with pytest.raises(AgentError):
        open_ownership("no_such.safetensors", game=game)
