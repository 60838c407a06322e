from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.cosine import Cosine


def at(schedule: Cosine, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_is_half_a_wave() -> None:
    found = [at(Cosine(end=0.2), epoch) for epoch in (0, 20 / 3, 10, 40 / 3, 20)]
    assert found == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])


def test_it_is_flat_at_both_ends() -> None:
    assert 1 - at(Cosine(), 0.1) < 1e-4
    assert at(Cosine(), 19.9) < 1e-4
