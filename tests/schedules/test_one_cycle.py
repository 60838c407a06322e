from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.one_cycle import OneCycle


def at(schedule: OneCycle, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_the_corners_and_the_middles_of_the_waves() -> None:
    schedule = OneCycle(pct_start=0.3, div_factor=25.0, final_div_factor=100.0)
    first, last = 1 / 25, 1 / 2500
    found = [at(schedule, epoch) for epoch in (0, 3, 6, 13, 20)]
    assert found == pytest.approx([first, (first + 1) / 2, 1.0, (1 + last) / 2, last])


def test_it_rises_then_falls() -> None:
    values = [at(OneCycle(), epoch / 10) for epoch in range(201)]
    top = values.index(max(values))
    assert top == 60
    assert values[: top + 1] == sorted(values[: top + 1])
    assert values[top:] == sorted(values[top:], reverse=True)


def test_a_cycle_that_only_rises() -> None:
    assert at(OneCycle(pct_start=1.0), 20) == 1.0
