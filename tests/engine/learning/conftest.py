"""The games that learning is tested on."""

from __future__ import annotations

import pytest

from games import make
from games.game import Game


@pytest.fixture(scope="session")
def connect_four() -> Game:
    return make("connect_four")


@pytest.fixture(scope="session")
def tic_tac_toe() -> Game:
    return make("tic_tac_toe")


@pytest.fixture(params=["connect_four", "tic_tac_toe"])
def game(request) -> Game:
    return make(request.param)
