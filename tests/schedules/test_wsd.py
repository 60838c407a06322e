from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.wsd import Wsd


def at(schedule: Wsd, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_is_stable_then_decays_to_its_end() -> None:
    schedule = Wsd(decay=0.25, end=0.2)
    found = [at(schedule, epoch) for epoch in (0, 10, 15, 17.5, 20)]
    assert found == pytest.approx([1.0, 1.0, 1.0, 0.6, 0.2])


def test_the_stable_part_knows_nothing_of_the_end() -> None:
    assert at(Wsd(), 10.0, 20.0) == at(Wsd(), 10.0, 200.0) == 1.0


def test_decay_at_once_or_never() -> None:
    assert at(Wsd(decay=1.0), 5.0) == 0.75
    assert at(Wsd(decay=0.0), 19.99) == 1.0
