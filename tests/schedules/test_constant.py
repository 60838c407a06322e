from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.constant import Constant


def at(schedule: Constant, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_it_is_one_everywhere() -> None:
    assert [at(Constant(), epoch) for epoch in (0, 0.5, 19.9)] == [1.0] * 3


def test_only_the_warm_up_changes_it() -> None:
    assert Constant(warmup=2.0).factor(Progress(0.5, 20.0), 0.5) == pytest.approx(0.5)
