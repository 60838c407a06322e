from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from dltricks.core.errors import UsageError
from dltricks.core.schedule import Progress, Schedule, whole
from dltricks.schedules.constant import Constant
from dltricks.schedules.cosine import Cosine


def factors(schedule: Schedule, epochs: int, steps: int) -> list[float]:
    share = 1 / steps
    return [
        schedule.factor(Progress(epoch + step * share, float(epochs)), share)
        for epoch in range(epochs)
        for step in range(steps)
    ]


def test_warm_up_rises_in_equal_steps_and_is_never_zero() -> None:
    found = factors(Constant(warmup=2.0), 4, 5)
    assert found == pytest.approx([s / 10 for s in range(1, 11)] + [1.0] * 10)
    assert max(found) == 1.0


@pytest.mark.parametrize(("warmup", "steps"), [(0.3, 10), (0.7, 10), (1.0, 3), (1.0, 49), (2.1, 7), (0.05, 4)])
def test_warm_up_hands_over_without_a_jump(warmup: float, steps: int) -> None:
    found = factors(Constant(warmup=warmup), 4, steps)
    rise = 1 / (warmup * steps)
    assert all(0 <= b - a <= rise * 1.001 for a, b in pairwise(found))
    assert found[int(warmup * steps + 1e-9)] == 1.0
    assert max(found) == 1.0


def test_the_course_has_the_epochs_after_the_warm_up_to_itself() -> None:
    found = factors(Cosine(warmup=1.0), 5, 4)
    assert found[3:5] == [1.0, 1.0]
    assert found[4:] == factors(Cosine(), 4, 4)


@dataclass
class Seen(Schedule):
    def course(self, progress: Progress) -> float:
        return float(100 * len(progress.history) + progress.epochs)


def test_the_course_sees_only_the_metrics_of_epochs_after_the_warm_up() -> None:
    history: list[dict[str, float]] = []
    found = []
    for epoch in range(5):
        found.append(Seen(warmup=1.5).factor(Progress(float(epoch), 5.0, history), 0.5))
        history.append({})
    assert found == pytest.approx([3.5 / 3, 3.5, 3.5, 103.5, 203.5])


def test_a_warm_up_longer_than_the_training_is_refused() -> None:
    Constant(warmup=3.0).check(3)
    with pytest.raises(UsageError, match=r"warmup: 3\.5 epochs are more than the 3"):
        Constant(warmup=3.5).check(3)


def test_whole_forgives_rounding_only() -> None:
    assert [whole(x) for x in (0.0, 0.999, 3.3 - 0.3, 1 - 1e-12, 2.0)] == [0, 0, 3, 1, 2]
