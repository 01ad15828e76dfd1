"""What the tests of devices share."""

import pytest
import torch

from engine.inference.backends import limit_threads


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    limit_threads(1)
    yield
    torch.set_num_threads(before)
