from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.statistics.proportion import fisher_p, wilson


@pytest.mark.parametrize(("x", "n"), [(0, 5), (3, 7), (10, 10), (999, 1000)])
def test_wilson_is_that_of_scipy(x: int, n: int) -> None:
    its = stats.binomtest(x, n).proportion_ci(0.9, "wilson")
    np.testing.assert_allclose(wilson(x, n, 0.9), its, rtol=1e-9, atol=1e-15)


def test_without_runs_anything_is_possible() -> None:
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize(("n", "least", "mean"), [(6, 0.83, 0.955), (10, 0.89, 0.955), (30, 0.919, 0.953)])
def test_coverage_is_what_the_docstring_says(n: int, least: float, mean: float) -> None:
    q, k = np.linspace(0.02, 0.98, 961)[:, None], np.arange(n + 1)
    low, high = wilson(k, n)
    covered = (stats.binom.pmf(k, n, q) * ((low <= q) & (q <= high))).sum(axis=1)
    assert least < covered.min() < least + 0.01
    assert covered.mean() == pytest.approx(mean, abs=0.001)


@pytest.mark.parametrize(("k", "n"), [((10, 0), (10, 10)), ((3, 1), (8, 12)), ((0, 0), (6, 6)), ((2, 7), (9, 8))])
def test_fisher_doubles_the_smaller_tail(k: tuple[int, int], n: tuple[int, int]) -> None:
    table = [[k[0], n[0] - k[0]], [k[1], n[1] - k[1]]]
    tails = [stats.fisher_exact(table, side).pvalue for side in ("less", "greater")]
    assert fisher_p(k, n) == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)
