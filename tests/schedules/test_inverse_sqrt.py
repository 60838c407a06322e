from __future__ import annotations

import pytest

from dltricks.core.schedule import Progress
from dltricks.schedules.inverse_sqrt import InverseSqrt


def at(schedule: InverseSqrt, epoch: float, epochs: float = 20.0) -> float:
    return schedule.course(Progress(epoch, epochs))


def test_with_scale_and_warm_up_equal_it_is_that_of_the_transformer() -> None:
    warmup = 2.0
    schedule = InverseSqrt(warmup=warmup, scale=warmup)
    step = 0.01
    for n in range(1, 1000):
        # Vaswani et al. count steps from 1; one of theirs lies between ours after the warm-up.
        epoch = n * step
        expected = min(epoch / warmup, (warmup / epoch) ** 0.5)
        found = schedule.factor(Progress((n - 1) * step if epoch <= warmup else epoch, 20.0), step)
        assert found == pytest.approx(expected, rel=1e-9)


def test_four_times_as_late_is_half_as_much() -> None:
    assert at(InverseSqrt(scale=3.0), 0) == 1.0
    assert at(InverseSqrt(scale=3.0), 9) == pytest.approx(0.5)
