import json

import numpy as np
import pytest
from click.testing import CliRunner

from agents.arena.ladder import KNOWN_FILE, climb_ladder, open_ladder
from agents.arena.rules_signature import rules_signature
from agents.arena.rungs import LADDER, own_rungs, program_rungs
from agents.factory import make_agent
from engine.learning.checkpoint import save_weights
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from games import make
from scripts.evaluate import command as evaluate
from scripts.match import command as match


def save_network(path, *, version):
    """A small network with random weights."""
    game = make("tic_tac_toe")
    config = NetworkConfig(blocks=1, channels=8)
    network = build_network(
        config, observation_shape=game.observation_shape, num_actions=game.num_actions
    )
    planes = np.zeros((32, *game.observation_shape), np.uint8)
    game.rules.observe(game.rules.initial(32), planes)
    save_weights(
        path,
        game=game,
        network_config=config,
        state_dict={name: each.numpy() for name, each in network.state_dict().items()},
        version=version,
        sample_planes=planes,
        facts={"elapsed_seconds": 60 * version, "episodes": 100 * version},
    )


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
    assert [each["b"] for each in facts["ladder"]] == list(LADDER)
    elo = facts["elo"]["players"]
    assert elo["random"] == {"elo": 0.0, "elo_95": [0.0, 0.0]}
    assert elo["alpha_beta:4"]["elo"] > 300
    picture = target.with_suffix(".png")
    assert picture.exists() and f"wrote {target} and {picture}" in result.stderr


def test_an_evaluation_is_not_written_over_by_its_picture(tmp_path):
    result = CliRunner().invoke(evaluate, ["random", "--json", str(tmp_path / "result.png")])
    assert result.exit_code == 2 and "where the picture goes" in result.output


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
    assert len(facts["ladder"]) == len(LADDER)


def test_the_stored_results_of_the_rungs_are_whole_and_of_the_rules_as_they_are():
    stored = json.loads(KNOWN_FILE.read_text())
    assert {"tic_tac_toe", "connect_four"} <= set(stored)
    for spec, known in stored.items():
        assert known["rules"] == rules_signature(make(spec))
        names = {name for row in known["results"] for name in row[:2]}
        assert names >= set(own_rungs(make(spec)))
        assert names <= {*own_rungs(make(spec)), *(each.name for each in program_rungs(make(spec)))}


def test_a_rung_that_climbs_its_own_ladder_finds_its_own_place():
    game = make("tic_tac_toe")
    ladder = open_ladder(game, seed=3)
    twin = make_agent("one_ply", game=game, seed=8)
    twin.name = "twin"
    report = climb_ladder(twin, ladder, games=100, seed=5)
    theirs = ladder.ratings.players["one_ply"]
    assert report.rating.low < theirs.high and theirs.low < report.rating.high
    assert report.ladder is ladder  # nobody else has moved


def test_the_course_of_a_run_is_drawn_with_every_network_that_it_kept(tmp_path):
    run = tmp_path / "run"
    (run / "weights").mkdir(parents=True)
    (run / "run.toml").write_text('game = "tic_tac_toe"\n')
    for version in (1, 2):
        save_network(run / "weights" / f"v{version:06d}.safetensors", version=version)
    (run / "weights" / "v000003.safetensors").write_bytes(b"cut short")
    arguments = [str(run), "--all", "--games", "4", "--ladder-simulations", "4"]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    assert "left out" in result.stderr
    facts = json.loads((run / "curve.json").read_text())
    assert [each["version"] for each in facts["curve"]] == [1, 2]
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_course_needs_a_run():
    result = CliRunner().invoke(evaluate, ["one_ply", "--all"])
    assert result.exit_code == 2
    assert "course of a run" in result.stderr
