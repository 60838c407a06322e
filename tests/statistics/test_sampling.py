from __future__ import annotations

import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.sampling import accuracy_error


def test_the_error_is_binomial() -> None:
    mine = accuracy_error(0.98, 10_000)
    assert mine.se == pytest.approx(0.0014)
    assert mine.se == pytest.approx(stats.binom(10_000, 0.98).std() / 10_000)
    assert (mine.low, mine.high) == pytest.approx(stats.binomtest(9800, 10_000).proportion_ci(method="wilson"))


def test_perfect_on_few_samples_is_not_perfect() -> None:
    mine = accuracy_error(1.0, 10)
    assert mine.se == 0
    assert mine.low == pytest.approx(0.7224672)


@pytest.mark.parametrize(("accuracy", "samples"), [(1.2, 10), (-0.1, 10), (0.5, 0), (float("nan"), 10)])
def test_refusals(accuracy: float, samples: int) -> None:
    with pytest.raises(UsageError):
        accuracy_error(accuracy, samples)
