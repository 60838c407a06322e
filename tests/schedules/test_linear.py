from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.linear import Linear


def at(schedule: Linear, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_is_a_straight_line() -> None:
    found = [at(Linear(end=0.2), epoch) for epoch in (0, 5, 10, 15, 20)]
    assert found == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])
    assert at(Linear(), 20) == 0.0
