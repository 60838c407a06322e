from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.polynomial import Polynomial


def at(schedule: Polynomial, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_is_a_power_of_the_time_left() -> None:
    schedule = Polynomial(power=3.0, end=0.1)
    for epoch in range(21):
        assert at(schedule, epoch) == pytest.approx(0.1 + 0.9 * ((20 - epoch) / 20) ** 3)


def test_a_higher_power_falls_sooner() -> None:
    assert at(Polynomial(power=2.0), 5) < at(Polynomial(power=1.0), 5) < at(Polynomial(power=0.5), 5)


def test_rounding_beyond_the_end_is_no_complex_number() -> None:
    assert at(Polynomial(power=0.5), 20.000000000001) == 0.0
