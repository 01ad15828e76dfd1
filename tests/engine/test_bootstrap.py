"""First games cost about as much in a game of hundreds of plies as in one of twenty."""

from engine.config import build_config, decode_config, encode_config
from engine.selfplay.bootstrap import playouts_for
from games import make


def test_longer_games_get_fewer_playouts_within_bounds():
    assert playouts_for(make("tic_tac_toe")) == 300
    assert playouts_for(make("connect_four(width=12,height=4)")) < 300
    assert playouts_for(make("connect_four(width=4,height=12,length=5)")) >= 16


def test_a_number_that_is_said_stays_and_reads_back():
    config = build_config({"game": "tic_tac_toe", "bootstrap": {"simulations": 7}}, source="here")
    assert decode_config(encode_config(config), source="here").bootstrap.simulations == 7
