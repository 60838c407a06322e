from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.cyclic import Cyclic


def at(schedule: Cyclic, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_is_a_triangle_that_repeats() -> None:
    schedule = Cyclic(base=0.2, period=4.0)
    found = [at(schedule, epoch) for epoch in (0, 1, 2, 3, 4, 6, 7.5)]
    assert found == pytest.approx([0.2, 0.6, 1.0, 0.6, 0.2, 1.0, 0.4])


def test_the_mean_over_a_cycle_is_that_of_its_ends() -> None:
    values = [at(Cyclic(base=0.5, period=2.0), epoch / 100) for epoch in range(200)]
    assert sum(values) / 200 == pytest.approx(0.75)
