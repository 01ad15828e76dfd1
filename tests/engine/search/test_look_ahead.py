"""How far leaves are looked ahead from where nobody says: by the width of the game."""

import dataclasses

import pytest

from engine.config import decode_config
from engine.inference.uniform import UniformEvaluator
from engine.search.config import SearchConfig
from engine.search.look_ahead import plies_for, settled
from engine.search.search import Search
from games import make
from scripts.cli import main
from scripts.new import TEMPLATE

WIDE = f"{TEMPLATE}(width=8,height=8)"  # 38 legal moves on average


@pytest.mark.parametrize(
    ("spec", "plies"), [("tic_tac_toe", 2), ("connect_four", 2), (str(TEMPLATE), 2), (WIDE, 1)]
)
def test_narrow_games_are_looked_ahead_further(spec, plies):
    game = make(spec)
    assert plies_for(game) == plies
    assert Search(game, UniformEvaluator(game)).config.prove_plies == plies


def test_a_game_that_settles_two_plies_itself_gets_them_however_wide():
    game = make(WIDE)
    rules = type(game.rules).__new__(type(game.rules))
    rules.__dict__.update(game.rules.__dict__, settles_in_two=True)
    assert plies_for(dataclasses.replace(game, rules=rules, source_hash="another")) == 2


def test_what_is_said_stays():
    game = make("tic_tac_toe")
    for plies in (0, 1, 4):
        said = SearchConfig(prove_plies=plies)
        assert settled(said, game) is said


def test_a_run_keeps_the_number_that_it_was_started_with(tmp_path):
    command = ["train", "tic_tac_toe", "--run", str(tmp_path / "run"), "--no-judge", "--plain"]
    with pytest.raises(SystemExit):
        main([*command, "--minutes", "0.001", "--workers", "1"])
    config = decode_config((tmp_path / "run" / "run.toml").read_text(), source="run.toml")
    assert config.search.prove_plies == 2
