from pathlib import Path

import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.openings import random_openings
from agents.factory import NetworkSpec, game_of, make_agent, parse_network
from agents.weights_file import weights_of_run
from engine.learning.checkpoint import save_weights
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from games import make

GAME = make("tic_tac_toe")


def save_network(path, *, version, game=GAME):
    """A small network with random weights."""
    config = NetworkConfig(blocks=1, channels=8)
    network = build_network(
        config, observation_shape=game.observation_shape, num_actions=game.num_actions
    )
    openings = random_openings(game, count=32, plies=2, seed=version)
    states = np.array([game.after(each) for each in openings], game.state_dtype)
    planes = np.zeros((32, *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    save_weights(
        path,
        game=game,
        network_config=config,
        state_dict={name: each.numpy() for name, each in network.state_dict().items()},
        version=version,
        sample_planes=planes,
    )


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "weights").mkdir(parents=True)
    (folder / "run.toml").write_text(f'game = "{GAME.id}"\n')
    for version in (2, 10, 9):
        save_network(folder / "weights" / f"v{version:06d}.safetensors", version=version)
    return folder


@pytest.mark.parametrize(
    "text,expected",
    [
        ("shipped", NetworkSpec("shipped", None)),
        ("shipped@100", NetworkSpec("shipped", 100)),
        ("policy:shipped", NetworkSpec("shipped", 0)),
        ("tree:shipped@100", NetworkSpec("shipped", 100, endings=False)),
        ("tree:runs/a", NetworkSpec("runs/a", None, endings=False)),
        ("runs/a", NetworkSpec("runs/a", None)),
        ("runs/a@b@64", NetworkSpec("runs/a@b", 64)),
        ("runs/me@home/a", NetworkSpec("runs/me@home/a", None)),
        ("policy:runs/me@home/a", NetworkSpec("runs/me@home/a", 0)),
        ("net.safetensors@0", NetworkSpec("net.safetensors", 0)),
        ("random", None),
        ("mcts:100", None),
    ],
)
def test_a_text_names_a_network_and_its_simulations(text, expected):
    assert parse_network(text) == expected


@pytest.mark.parametrize(
    "text,name",
    [
        ("random", "random"),
        ("one_ply", "one_ply"),
        ("mcts:77", "mcts:77"),
        ("mcts", "mcts:1000"),
        ("alpha_beta:3", "alpha_beta:3"),
        ("alpha_beta", "alpha_beta:5"),
        ("solver", "solver"),
    ],
)
def test_an_agent_is_called_what_it_is(text, name):
    assert make_agent(text, game=GAME).name == name


def test_simulations_apply_where_the_text_does_not_say():
    assert make_agent("mcts", game=GAME, simulations=50).name == "mcts:50"
    assert make_agent("mcts:77", game=GAME, simulations=50).name == "mcts:77"


@pytest.mark.parametrize(
    "text,message",
    [
        ("radnom", "did you mean 'random'"),
        ("alpha-beta:5", "did you mean 'alpha_beta'"),
        ("", "known: random"),
        ("mcts:many", "'many' is no whole number"),
        ("mcts:-5", "'-5' is no whole number"),
        ("mcts:0", "at least 1 simulation"),
        ("alpha_beta:0", "at least 1 ply"),
        ("random:3", "takes no number"),
        ("policy:", "names no network"),
        ("policy:runs/x@5", "@ has no meaning"),
        ("runs/x@fast", "'fast' is no whole number"),
        ("runs/nowhere", "there is no run directory or weights file 'runs/nowhere'"),
    ],
)
def test_a_text_that_names_nothing_is_refused_in_one_line(text, message):
    with pytest.raises(AgentError) as caught:
        make_agent(text, game=GAME)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_plays_with_its_newest_network(run):
    assert [path.stem for path in weights_of_run(run)] == ["v000010", "v000009", "v000002"]
    newest = make_agent(f"policy:{run}", game=GAME)
    by_file = make_agent(f"policy:{run / 'weights' / 'v000010.safetensors'}", game=GAME)
    states = np.array([GAME.after([each]) for each in range(9)], GAME.state_dtype)
    ours, theirs = (agent.choose(states).analysis.policies for agent in (newest, by_file))
    assert np.array_equal(ours, theirs)


def test_a_run_or_a_file_names_its_game(run):
    assert game_of(str(run)) == "tic_tac_toe"
    assert game_of(f"{run}@100") == "tic_tac_toe"
    assert game_of(str(run / "weights" / "v000002.safetensors")) == "tic_tac_toe"
    assert game_of("random") is None


def test_a_damaged_newest_network_is_passed_over_and_that_is_said(run):
    newest = run / "weights" / "v000010.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said = []
    agent = make_agent(f"{run}@8", game=GAME, say=said.append)
    assert agent.move(GAME.after([])) in range(9)
    assert len(said) == 1
    assert "v000010" in said[0] and "using 'v000009.safetensors' instead" in said[0]


def test_nothing_but_damaged_networks_is_refused(run):
    for path in (run / "weights").iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(AgentError, match="damaged"):
        make_agent(str(run), game=GAME)


def test_a_network_of_another_game_is_refused(run):
    with pytest.raises(AgentError, match="connect_four"):
        make_agent(str(run), game=make("connect_four"))


def test_a_run_without_networks_says_so(tmp_path):
    (tmp_path / "run.toml").write_text('game = "tic_tac_toe"\n')
    with pytest.raises(AgentError, match="no network yet"):
        make_agent(str(tmp_path), game=GAME)


def test_a_folder_that_is_no_run_says_so(tmp_path):
    with pytest.raises(AgentError, match="no run directory"):
        make_agent(str(tmp_path), game=GAME)


def test_a_game_without_a_shipped_network_says_so():
    with pytest.raises(AgentError, match="no network is shipped for tic_tac_toe"):
        make_agent("shipped", game=GAME)


def test_relative_paths_work(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    assert make_agent("run@4", game=GAME).name == "run@4"
    assert Path("run").exists()
