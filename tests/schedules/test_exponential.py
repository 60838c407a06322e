from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.exponential import Exponential


def at(schedule: Exponential, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


@pytest.mark.parametrize("rate", [0.98, 0.5, 1.0])
def test_the_rate_is_multiplied_after_each_epoch_and_not_within(rate: float) -> None:
    factor = 1.0
    for epoch in range(5):
        for share in (0.0, 0.3, 0.99):
            assert at(Exponential(rate=rate), epoch + share) == pytest.approx(factor, rel=1e-14)
        factor *= rate
