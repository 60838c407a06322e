from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.multistep import Multistep


def at(schedule: Multistep, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_drops_at_each_milestone() -> None:
    schedule = Multistep(milestones=[12.0, 3.0, 5.5], rate=0.5)
    found = [at(schedule, epoch) for epoch in (0, 2.9, 3, 5.4, 5.5, 11.9, 12, 19)]
    assert found == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_a_milestone_named_twice_counts_twice_and_none_is_constant() -> None:
    assert at(Multistep(milestones=[1.0, 1.0], rate=0.5), 1.0) == 0.25
    assert at(Multistep(milestones=[]), 19.0) == pytest.approx(1.0)
