"""The games that learning is tested on."""

from __future__ import annotations

import pytest
import torch

from games import make
from games.game import Game


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def connect_four() -> Game:
    return make("connect_four")


@pytest.fixture(scope="session")
def tic_tac_toe() -> Game:
    return make("tic_tac_toe")


@pytest.fixture(params=["connect_four", "tic_tac_toe"])
def game(request) -> Game:
    return make(request.param)
