from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.aggregate import aggregate, interquartile_mean, profile


@pytest.mark.parametrize("n", [1, 3, 4, 5, 19, 20])
def test_interquartile_mean_is_scipys_trimmed_one(n: int) -> None:
    x = np.random.default_rng(n).normal(size=(3, n))
    np.testing.assert_allclose(interquartile_mean(x), stats.trim_mean(x, 0.25, axis=-1), rtol=1e-12)


def test_outliers_do_not_matter() -> None:
    tasks = [np.linspace(0.8, 0.9, 20), np.linspace(0.8, 0.9, 20)]
    spoilt = [tasks[0].copy(), tasks[1]]
    spoilt[0][0] = -1000
    assert aggregate(spoilt).value == pytest.approx(aggregate(tasks).value, abs=0.005)


def test_strata_keep_their_seeds() -> None:
    # Between tasks nothing is drawn: without spread within them, there is none at all.
    mine = aggregate([np.full(20, 1.0), np.full(20, 2.0), np.full(30, 5.0)])
    assert mine.low == mine.value == mine.high
    tasks = [np.random.default_rng(0).normal(k, 1, 25) for k in range(3)]
    first, again = aggregate(tasks), aggregate(tasks)
    assert first == again
    assert first.low < first.value < first.high


def test_few_seeds_have_no_bootstrap_interval() -> None:
    mine = aggregate([np.arange(20.0), np.arange(19.0)])
    assert mine.value == pytest.approx(9.25, abs=0.3)
    assert np.isnan([mine.low, mine.high]).all()


def test_profiles_weigh_tasks_and_not_runs() -> None:
    mine = profile([[0.5, 0.9], [0.9, 0.9, 0.9, 0.1]], [0.0, 0.4, 0.6, 0.9])
    np.testing.assert_allclose(mine, [1, (1 + 0.75) / 2, (0.5 + 0.75) / 2, 0])


def test_refusals() -> None:
    for tasks in ([], [[]], [[1.0, np.nan]]):
        with pytest.raises(UsageError):
            aggregate(tasks)
    with pytest.raises(UsageError):
        profile([], [0.5])
