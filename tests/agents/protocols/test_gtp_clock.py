import pytest

from agents.protocols.clock import PLANNED_SHARE, Clock, TimeSettings


def test_main_time_is_spread_over_twenty_moves():
    clock = Clock(TimeSettings(main=100, period=0, stones=0))
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 5)
    clock.spend(50)
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 2.5)
    clock.spend(1000)
    assert clock.seconds_for_move() == 0


def test_a_period_is_shared_by_its_stones_and_begins_again_after_them():
    clock = Clock(TimeSettings(main=0, period=30, stones=3))
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 10)
    clock.spend(20)
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 5)
    clock.spend(5)
    clock.spend(5)
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 10)


def test_main_time_may_be_used_up_where_periods_follow():
    clock = Clock(TimeSettings(main=20, period=50, stones=5))
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 10)
    clock.spend(25)  # five seconds of the first period
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 45 / 4)


def test_the_controller_sets_the_clock_right():
    clock = Clock(TimeSettings(main=100, period=0, stones=0))
    clock.set_left(6, 2)
    assert clock.seconds_for_move() == pytest.approx(PLANNED_SHARE * 3)


@pytest.mark.parametrize(
    "settings, unlimited", [((0, 1, 0), True), ((0, 0, 0), True), ((60, 0, 0), False)]
)
def test_no_limit_is_written_as_a_period_for_no_stones(settings, unlimited):
    assert TimeSettings(*settings).is_unlimited == unlimited
