"""What statsmodels lacks, against scipy's own routines and against integrals that share nothing with the code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from dltricks.statistics.aggregate import aggregate, interquartile_mean, profile
from dltricks.statistics.effect import hedges_g, improvement, paired_g
from dltricks.statistics.permutation import sign_flip
from dltricks.statistics.sequential import boundaries

pytestmark = pytest.mark.oracle

SAMPLES = [np.random.default_rng(k).normal((0.4, 0.0), (1, 1 + k), (6 + 2 * k, 2)).T for k in range(4)]


@pytest.mark.parametrize(("a", "b"), SAMPLES)
def test_sign_flips(a: np.ndarray, b: np.ndarray) -> None:
    its = stats.permutation_test(
        (a - b,), lambda d, axis: d.mean(axis=axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert sign_flip(a - b).p == pytest.approx(its.pvalue, rel=1e-9)


@pytest.mark.parametrize(("a", "b"), SAMPLES)
def test_effects(a: np.ndarray, b: np.ndarray) -> None:
    share = stats.mannwhitneyu(a, b[:-1]).statistic / (len(a) * (len(b) - 1))
    assert improvement(a, b[:-1]).value == pytest.approx(share, rel=1e-9)
    # Hedges' factor by the beta function: Gamma(1/2) / B(f/2 - 1/2, 1/2) is Gamma(f/2) / Gamma(f/2 - 1/2).
    for mine, t, f, unit in (
        (hedges_g(a, b), stats.ttest_ind(a, b).statistic, 2 * len(a) - 2, math.sqrt(2 / len(a))),
        (paired_g(a, b), stats.ttest_rel(a, b).statistic, len(a) - 1, math.sqrt(1 / len(a))),
    ):
        factor = math.sqrt(math.pi) / special.beta(f / 2 - 0.5, 0.5) / math.sqrt(f / 2)
        assert mine.value == pytest.approx(factor * t * unit, rel=1e-9)


def test_profiles_are_what_distribution_functions_leave() -> None:
    tasks = [values for pair in SAMPLES for values in pair]
    at = np.linspace(-3, 3, 41)
    its = np.mean([stats.ecdf(values).sf.evaluate(at) for values in tasks], axis=0)
    np.testing.assert_allclose(profile(tasks, at), its, rtol=1e-9, atol=1e-12)


def test_the_stratified_bootstrap_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    tasks = [rng.normal(k, 1 + k, 25) for k in range(3)]
    mine = aggregate(tasks, resamples=40_000)

    def statistic(*drawn: np.ndarray, axis: int) -> np.ndarray:
        assert axis == -1
        return np.asarray(interquartile_mean(np.concatenate(drawn, axis=-1)))

    its = stats.bootstrap(tasks, statistic, n_resamples=40_000, method="percentile", vectorized=True, rng=rng)
    width = mine.high - mine.low
    assert (mine.low, mine.high) == pytest.approx(tuple(its.confidence_interval), abs=0.02 * width)


@pytest.mark.parametrize(
    ("declared", "alpha"), [((6, 10), 0.05), ((6, 40), 0.05), ((10, 16, 24), 0.05), ((6, 9, 20), 0.2)]
)
def test_boundaries_spend_alpha_by_integrals_over_the_paths(declared: tuple[int, ...], alpha: float) -> None:
    bounds = [
        -stats.norm.ppf(level / 2) * math.sqrt(n)
        for level, n in zip(boundaries(declared, alpha), declared, strict=True)
    ]
    steps = [math.sqrt(b - a) for a, b in zip((0, *declared), declared, strict=False)]

    def within(k: int, at: float) -> float:
        """The chance to stay within from look k on, being at ``at`` before it."""
        density = lambda y: stats.norm.pdf((y - at) / steps[k]) / steps[k]  # noqa: E731
        if k == len(declared) - 1:
            return float(special.ndtr((bounds[k] - at) / steps[k]) - special.ndtr((-bounds[k] - at) / steps[k]))
        points, weights = special.roots_legendre(80)
        y = bounds[k] * points
        return float(bounds[k] * np.sum(weights * density(y) * [within(k + 1, each) for each in y]))

    if len(declared) == 2:
        step = steps[0]
        found = integrate.quad(
            lambda y: stats.norm.pdf(y / step) / step * within(1, y), -bounds[0], bounds[0], epsabs=1e-13, epsrel=1e-13
        )[0]
    else:
        found = within(0, 0.0)
    assert 1 - found == pytest.approx(alpha, rel=1e-9)
