"""The analysis service line by line, without a process: answers against a plain search."""

import itertools

import msgspec
import numpy as np
import pytest

import games
from agents.analysis.fields import QueryError
from agents.analysis.query import Usual, parse_line, read_line
from agents.analysis.service import AnalysisService
from agents.search_agent import SearchAgent
from engine.inference.uniform import UniformEvaluator
from engine.search.search import Search

GAMES = ("connect_four", "tic_tac_toe", "go(size=5)", "hex(size=3)", "minichess")


def service_of(game_id, *, simulations=40, **settings):
    game = games.make(game_id)
    agent = SearchAgent(game=game, evaluator=UniformEvaluator(game), simulations=simulations)
    answers = []
    return AnalysisService(agent, answers.append, **settings), answers, agent


def ask(service, **fields):
    service.take(msgspec.json.encode({"id": "q", **fields}).decode())


def finish(service):
    while service.is_busy:
        service.step()


def random_game(game, plies, seed=1):
    """Texts of random moves of a game that is not over after them."""
    rng = np.random.default_rng(seed)
    while True:
        states, texts = game.rules.initial(1), []
        while len(texts) < plies and not states["finished"][0]:
            action = int(rng.choice(game.legal(states[0])))
            texts.append(game.action_to_text(states[0], action))
            game.rules.step(states, np.array([action], np.int32))
        if not states["finished"][0]:
            return texts


@pytest.mark.parametrize("game_id", GAMES)
def test_many_positions_at_once_get_what_each_gets_alone(game_id):
    """Oracle: the search itself, one position after the other."""
    service, answers, agent = service_of(game_id, positions=3)
    game = agent.game
    texts = random_game(game, 5)
    ask(service, moves=texts, analyzeTurns=list(range(6)), includePolicy=True)
    finish(service)
    assert sorted(answer["turnNumber"] for answer in answers) == list(range(6))
    config = msgspec.structs.replace(agent.config.search_config(simulations=40), reuse_tree=False)
    for answer in answers:
        state = game.rules.initial(1)
        for text in texts[: answer["turnNumber"]]:
            action = game.text_to_action(state[0], text)
            game.rules.step(state, np.array([action], np.int32))
        search = Search(game, agent.evaluator, config, num_trees=1)
        search.set_roots(state)
        result = search.run()
        moves = search.root_moves(0)
        infos = answer["moveInfos"]
        named = [game.text_to_action(state[0], info["move"]) for info in infos]
        visited = [moves[0].action, *(each.action for each in moves[1:] if each.visits)]
        assert named == visited
        assert [info["visits"] for info in infos] == [
            each.visits for each in moves if each.action in visited
        ]
        assert answer["rootInfo"]["visits"] == int(result.simulations[0])
        sign = 1 if int(state["to_play"][0]) == 0 else -1
        for info, move in zip(infos, moves, strict=False):
            assert info["winrate"] == pytest.approx((1 + sign * move.value) / 2, abs=1e-5)
            low, high = sorted((info["lcb"], info["winrate"]))
            assert (info["winrate"] == high) == (sign == 1 or low == high)
        policy = answer["policy"]
        shares = policy.values() if isinstance(policy, dict) else [p for p in policy if p >= 0]
        assert len(shares) == len(game.legal(state[0])) and sum(shares) == pytest.approx(
            1, abs=1e-4
        )


def test_several_threads_search_every_position_to_its_end():
    service, answers, _ = service_of("connect_four", simulations=300, positions=4, threads=2)
    ask(service, moves=list("4444"), analyzeTurns=[0, 1, 2, 3, 4])
    finish(service)
    for answer in answers:
        assert answer["rootInfo"]["visits"] == 300
        assert sum(info["visits"] for info in answer["moveInfos"]) <= 300
    assert len(answers) == 5


def test_views_only_turn_the_numbers():
    told = {}
    for view in ("FIRST", "SECOND", "SIDETOMOVE", "BLACK", "WHITE"):
        service, answers, _ = service_of("connect_four")
        ask(service, moves=["4"], overrideSettings={"reportAnalysisWinratesAs": view})
        finish(service)
        told[view] = [info["winrate"] for info in answers[0]["moveInfos"]]
    assert told["SECOND"] == told["SIDETOMOVE"] == told["WHITE"]
    assert told["FIRST"] == told["BLACK"]
    assert told["FIRST"] == pytest.approx([1 - each for each in told["SECOND"]], abs=1e-6)


def test_in_chess_white_is_first():
    service, answers, _ = service_of("minichess", simulations=5)
    ask(service, moves=[["W", "b3"]], overrideSettings={"reportAnalysisWinratesAs": "WHITE"})
    finish(service)
    assert answers[0]["rootInfo"]["currentPlayer"] == "B"


def test_urgent_positions_are_answered_first_even_when_all_trees_are_taken():
    service, answers, _ = service_of("connect_four", positions=2)
    for name in "abcd":
        ask(service, id=name, moves=[], maxVisits=3000)
    service.step()
    ask(service, id="urgent", moves=["1"], maxVisits=50, priority=5)
    ask(service, id="later", moves=["1"], maxVisits=50, priority=-5)
    finish(service)
    order = [answer["id"] for answer in answers]
    assert order[0] == "urgent" and order[-1] == "later"
    assert sorted(order[1:-1]) == list("abcd")


def test_partial_reports_grow_and_the_last_is_final():
    service, answers, _ = service_of("connect_four")
    ask(service, moves=[], maxVisits=3000, reportDuringSearchEvery=1e-6)
    finish(service)
    visits = [answer["rootInfo"]["visits"] for answer in answers]
    assert len(answers) > 3 and visits == sorted(visits) and visits[-1] == 3000
    assert [answer["isDuringSearch"] for answer in answers] == [True] * (len(visits) - 1) + [False]


def test_a_time_limit_ends_a_search():
    service, answers, _ = service_of("connect_four")
    ask(service, moves=[], maxVisits=10**9, overrideSettings={"maxTime": 0.05})
    finish(service)
    assert 0 < answers[0]["rootInfo"]["visits"] < 10**9


def test_terminated_positions_tell_what_is_known():
    service, answers, _ = service_of("connect_four", positions=2)
    ask(service, id="a", moves=["1", "2"], analyzeTurns=[0, 1, 2], maxVisits=10**9)
    ask(service, id="b", moves=[], maxVisits=10)
    service.step(is_ended=lambda: False)
    ask(service, id="t", action="terminate", terminateId="a", turnNumbers=[1, 2])
    assert answers.pop(0) == {
        "id": "t", "action": "terminate", "terminateId": "a", "turnNumbers": [1, 2],
    }  # fmt: skip
    assert [(each["turnNumber"], each.get("noResults", False)) for each in answers] == [
        (1, False),
        (2, True),
    ]
    ask(service, id="t", action="terminate_all")
    assert not service.is_busy
    assert [each["id"] for each in answers[2:]] == ["t", "a", "b"]


def test_kept_and_avoided_moves():
    service, answers, _ = service_of("connect_four")
    ask(service, moves=[], allowMoves=[{"player": "B", "moves": ["2", "3"]}])
    ask(service, moves=[], avoidMoves=[{"player": "B", "moves": ["4", "1"], "untilDepth": 1}])
    ask(service, moves=[], avoidMoves=[{"player": "W", "moves": ["4"]}])  # not the side to move
    finish(service)
    named = [{info["move"] for info in answer["moveInfos"]} for answer in answers]
    assert named == [set("23"), set("23567"), set("1234567")]


def test_finished_positions_have_a_result_and_no_moves():
    service, answers, _ = service_of("tic_tac_toe")
    ask(service, moves="a1 b1 a2 b2 a3".split(), analyzeTurns=[5])
    assert answers[0]["moveInfos"] == []
    assert answers[0]["rootInfo"]["gameOver"] and answers[0]["rootInfo"]["winrate"] == 1.0


def test_go_may_begin_with_stones_and_let_a_colour_move_twice():
    service, answers, _ = service_of("go(size=5)", simulations=5)
    ask(
        service,
        initialStones=[["B", "C3"], ["B", "D3"]],
        initialPlayer="W",
        moves=[["W", "B2"], ["W", "B3"]],
        rules="tromp-taylor",
        komi=7.5,
        boardXSize=5,
        boardYSize=5,
        includePolicy=True,
    )
    finish(service)
    answer = answers[0]
    assert answer["rootInfo"]["currentPlayer"] == "B" and answer["turnNumber"] == 2
    legal = [index for index, prior in enumerate(answer["policy"]) if prior >= 0]
    assert len(answer["policy"]) == 26 and len(legal) == 26 - 4
    assert {12, 13, 16, 11}.isdisjoint(legal)  # C3, D3, B2, B3 are taken


GOOD = {"id": "q", "moves": []}
FAULTS = [
    ({"moves": None}, "moves"),
    ({"id": 3}, "id"),
    ({"moves": ["9"]}, "moves"),
    ({"moves": [["B", "4"], ["B", "4"]]}, "moves"),
    ({"moves": [["green", "4"]]}, "moves"),
    ({"moves": ["4"] * 7}, "moves"),
    ({"moves": [4]}, "moves"),
    ({"game": "go9"}, "game"),
    ({"game": "nothing"}, "game"),
    ({"boardXSize": 9}, "boardXSize"),
    ({"maxVisits": 0}, "maxVisits"),
    ({"maxVisits": "many"}, "maxVisits"),
    ({"maxVisits": True}, "maxVisits"),
    ({"analyzeTurns": [1]}, "analyzeTurns"),
    ({"analyzeTurns": []}, "analyzeTurns"),
    ({"analyzeTurns": [0, 0]}, "analyzeTurns"),
    ({"priorities": [1, 2]}, "priorities"),
    ({"priority": 10**20}, "priority"),
    ({"includePolicy": 1}, "includePolicy"),
    ({"reportDuringSearchEvery": 0}, "reportDuringSearchEvery"),
    ({"overrideSettings": []}, "overrideSettings"),
    ({"overrideSettings": {"maxTime": -1}}, "overrideSettings.maxTime"),
    ({"avoidMoves": [{"player": "B", "moves": list("1234567")}]}, "avoidMoves"),
    ({"avoidMoves": ["4"]}, "avoidMoves"),
    ({"allowMoves": [{"player": "X", "moves": []}]}, "allowMoves.player"),
    ({"initialStones": [["B", "C3"]]}, "initialStones"),
    ({"initialPosition": "nonsense"}, "initialPosition"),
    ({"initialPlayer": "W"}, "initialPlayer"),
    ({"action": "dance"}, "action"),
    ({"action": "terminate"}, "terminateId"),
]


@pytest.mark.parametrize(("change", "field"), FAULTS, ids=[str(fault)[:50] for fault, _ in FAULTS])
def test_what_is_wrong_is_named(change, field):
    game = games.make("connect_four")
    with pytest.raises(QueryError) as caught:
        read_line({**GOOD, **change}, game, Usual(visits=10))
    assert caught.value.field == field
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "line", ["nonsense", "[1]", "3", '"x"', "{", '{"a":' * 5000, "\x00", "NaN"]
)
def test_a_line_that_is_no_object_is_told_without_a_field(line):
    service, answers, _ = service_of("tic_tac_toe")
    service.take(line)
    assert answers[0]["field"] is None and answers[0]["error"]
    with pytest.raises(QueryError):
        parse_line(line)


def test_go_is_played_on_after_two_passes():
    """As KataGo's engine does, and our GTP: from before the passes; more passes are no fault."""
    service, answers, _ = service_of("go(size=5)")
    passed = [["B", "C3"], ["W", "pass"], ["B", "pass"]]
    ask(service, moves=[*passed, ["W", "pass"], ["W", "B2"]], analyzeTurns=[3, 4, 5])
    finish(service)
    by_turn = {answer["turnNumber"]: answer for answer in answers}
    assert by_turn[3]["rootInfo"]["gameOver"] and by_turn[4]["rootInfo"]["gameOver"]
    assert by_turn[5]["rootInfo"]["currentPlayer"] == "B" and by_turn[5]["moveInfos"]
    answers.clear()
    ask(service, moves=[["B", "C3"], ["W", "B2"]])
    finish(service)
    assert answers[0]["rootInfo"]["thisHash"] == by_turn[5]["rootInfo"]["thisHash"]
    answers.clear()
    ask(service, moves=[*passed, ["W", "C3"]])
    finish(service)
    assert answers[0]["error"].startswith("Illegal move 4: ")


def test_a_pass_before_two_moves_of_a_colour_ends_nothing():
    service, answers, _ = service_of("go(size=5)")
    ask(service, moves=[["B", "pass"], ["B", "C3"]])
    finish(service)
    assert "error" not in answers[0] and answers[0]["rootInfo"]["currentPlayer"] == "W"


def test_elsewhere_a_game_that_is_over_is_over():
    service, answers, _ = service_of("tic_tac_toe")
    ask(service, moves=["a1", "b1", "a2", "b2", "a3", "b3"])
    finish(service)
    assert answers[0]["error"] == "Illegal move 6: the game is over"


def test_a_forbidden_point_is_named_as_katago_names_it():
    """KaTrain tries every empty point, and takes "Illegal move" for no error."""
    service, answers, _ = service_of("go(size=5)")
    ask(service, moves=[["B", "A2"], ["B", "B1"], ["W", "A1"]])
    assert answers[0]["error"].startswith("Illegal move 3: ")
    assert answers[0]["field"] == "moves"


def test_unknown_fields_warn_and_change_nothing():
    service, answers, _ = service_of("tic_tac_toe", simulations=5)
    ask(service, moves=[], colour="red", overrideSettings={"wideRootNoise": 0.1})
    finish(service)
    assert [each["field"] for each in answers if "warning" in each] == [
        "colour",
        "overrideSettings.wideRootNoise",
    ]
    assert "moveInfos" in answers[-1]


def test_priorities_of_turns_decide_their_order():
    service, answers, _ = service_of("connect_four", positions=1, simulations=10)
    ask(service, moves=["1", "2", "3"], analyzeTurns=[0, 1, 2, 3], priorities=[0, 3, 2, 1])
    finish(service)
    assert [each["turnNumber"] for each in answers] == [1, 2, 3, 0]


def test_the_service_can_be_busy_for_ever_without_growing():
    """Trees are given back: many more positions than trees go through."""
    service, answers, _ = service_of("tic_tac_toe", positions=2, simulations=3)
    for first, second in itertools.permutations(["a1", "b1", "c1", "a2", "b2"], 2):
        ask(service, moves=[first, second])
    finish(service)
    assert len(answers) == 20
