from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.step import Step


def at(schedule: Step, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_drops_at_multiples() -> None:
    schedule = Step(every=2.5, rate=0.1)
    found = [at(schedule, epoch) for epoch in (0, 2.4, 2.5, 4.9, 5, 7.5)]
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001])


def test_an_interval_that_binary_fractions_miss_still_drops_in_time() -> None:
    schedule = Step(every=0.1, rate=0.5)
    assert [at(schedule, k * 0.1) for k in range(20)] == [0.5**k for k in range(20)]
