import pytest
from tiny_runs import end_all


@pytest.fixture(scope="module", autouse=True)
def no_run_outlives_its_tests():
    yield
    end_all()
