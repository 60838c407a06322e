from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from dltricks.core.errors import UsageError
from dltricks.statistics.power import (
    Design,
    detectable,
    equivalence_power,
    equivalence_seeds_needed,
    power,
    seeds_needed,
)

DESIGNS: list[Design] = ["paired", "independent"]


def test_power_is_that_of_the_noncentral_t() -> None:
    for n, effect in ((2, 1.0), (6, 0.8), (20, 0.5)):
        critical = stats.t.isf(0.025, n - 1)
        nct = stats.nct(n - 1, effect * np.sqrt(n))
        assert power(effect, n) == pytest.approx(nct.sf(critical) + nct.cdf(-critical), abs=1e-9)
    assert power(0.0, 7, 0.1) == pytest.approx(0.1, abs=1e-9)


def test_cohens_tables() -> None:
    # Cohen 1988, tables 2.4.1: n of each group for power 0.8, two-sided 0.05
    assert [seeds_needed(d, 1.0, design="independent") for d in (0.2, 0.5, 0.8)] == [394, 64, 26]
    assert seeds_needed(0.5, 1.0) == 34


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("effect", [0.05, 0.3, 1.0, 2.5, 20.0])
def test_seeds_needed_are_the_fewest(design: Design, effect: float) -> None:
    for alpha in (0.05, 0.005):
        n = seeds_needed(effect * 3, 3.0, 0.8, alpha, design)
        assert n is not None
        assert power(effect, n, alpha, design) >= 0.8
        assert n == 2 or power(effect, n - 1, alpha, design) < 0.8


def test_nothing_is_never_found() -> None:
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(0.0, 0.0) is None
    assert seeds_needed(1e-9, 1.0) is None
    assert seeds_needed(1.0, 0.0) == 2


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n", [2, 6, 30])
def test_the_detectable_difference_is_detected(design: Design, n: int) -> None:
    difference = detectable(n, 0.02, 0.9, design=design)
    assert power(difference / 0.02, n, design=design) == pytest.approx(0.9, abs=1e-9)


def test_equivalence_power_is_the_double_integral() -> None:
    n, effect, margin = 8, 0.3, 1.4
    c, df, root = stats.t.isf(0.05, n - 1), n - 1, np.sqrt(n)

    def inner(s: float) -> float:
        inside = stats.norm.cdf((margin - effect) * root - c * s) - stats.norm.cdf(c * s - (margin + effect) * root)
        return float(max(inside, 0) * stats.chi(df, scale=1 / np.sqrt(df)).pdf(s))

    its = integrate.quad(inner, 0, 2 * margin * root / (2 * c), epsabs=1e-12)[0]
    assert equivalence_power(effect, margin, n) == pytest.approx(its, abs=1e-9)


@pytest.mark.parametrize("design", DESIGNS)
def test_equivalence_seeds_needed_are_the_fewest(design: Design) -> None:
    for difference in (0.0, 0.4, 0.9):
        n = equivalence_seeds_needed(difference, 1.0, 1.5, design=design)
        assert n is not None
        ends = [equivalence_power(difference / 1.5, 1 / 1.5, k, design=design) >= 0.8 for k in (n - 1, n)]
        assert ends == [False, True]
    assert equivalence_seeds_needed(1.0, 1.0, 1.5, design=design) is None


def test_refusals() -> None:
    with pytest.raises(UsageError):
        power(1.0, 1)
    with pytest.raises(UsageError):
        detectable(5, 1.0, 0.04)
