import json

import pytest
from click.testing import CliRunner

from agents.arena.ladder import KNOWN_FILE, RUNGS
from games import make
from scripts.evaluate import command as evaluate
from scripts.match import command as match


def test_a_match_prints_a_table_and_the_same_numbers_as_json():
    arguments = ["alpha_beta:2", "random", "--games", "11", "--seed", "3"]
    table = CliRunner().invoke(match, arguments)
    assert table.exit_code == 0, table.output
    assert "together" in table.stdout
    facts = json.loads(CliRunner().invoke(match, [*arguments, "--json"]).stdout)
    assert facts["game"] == "connect_four"
    assert facts["games"] == 12
    assert sum(facts["total"].values()) == 12
    assert facts["score_95"][0] <= facts["score"] <= facts["score_95"][1]
    assert f"{facts['score']:.1%}" in table.stdout


@pytest.mark.parametrize("games", ["0", "-4", "many"])
def test_a_senseless_number_of_games_is_refused(games):
    result = CliRunner().invoke(match, ["random", "random", "--games", games])
    assert result.exit_code == 2


def test_an_evaluation_measures_truth_and_climbs_the_ladder(tmp_path):
    target = tmp_path / "result.json"
    arguments = ["alpha_beta:4", "--game", "tic_tac_toe", "--quick", "--json", str(target)]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    facts = json.loads(target.read_text())
    total = facts["truth"]["alpha_beta:4"]["total"]
    assert total["positions"] == 120
    assert total["error_95"][0] <= total["error"] <= total["error_95"][1]
    assert [each["b"] for each in facts["ladder"]] == list(RUNGS)
    elo = facts["elo"]["players"]
    assert elo["random"] == {"elo": 0.0, "elo_95": [0.0, 0.0]}
    assert elo["alpha_beta:4"]["elo"] > 300


def test_an_evaluation_as_json_on_standard_output_is_nothing_else():
    arguments = ["one_ply", "--game", "tic_tac_toe", "--quick", "--games", "0", "--json", "-"]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    assert "ladder" not in json.loads(result.stdout)


def test_a_game_that_nobody_solved_is_judged_by_the_ladder_alone():
    arguments = ["alpha_beta:2", "--game", "connect_four(width=5,height=4)", "--games", "4"]
    result = CliRunner().invoke(evaluate, [*arguments, "--json", "-"])
    facts = json.loads(result.stdout)
    assert facts["truth"] == {}
    assert len(facts["ladder"]) == len(RUNGS)


@pytest.mark.parametrize("spec", ["tic_tac_toe", "connect_four"])
def test_the_stored_results_of_the_rungs_are_whole_and_of_the_rules_as_they_are(spec):
    known = json.loads(KNOWN_FILE.read_text())[spec]
    assert known["source_hash"] == make(spec).source_hash
    met = {(first, second) for first, second, *_ in known["results"]}
    assert met == {(a, b) for a in RUNGS for b in RUNGS if a != b}
