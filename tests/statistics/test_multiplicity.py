from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dltricks.statistics.multiplicity import benjamini_hochberg, benjamini_hochberg_levels, holm, holm_levels

P = np.array([0.01, 0.04, 0.03, 0.005])


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(P), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.stack([P, P[::-1]]))[1], holm(P)[::-1])
    np.testing.assert_allclose(holm([0.02, np.nan, 0.7]), [0.06, 1, 1])


def test_benjamini_hochberg_is_that_of_scipy() -> None:
    p = np.random.default_rng(0).uniform(size=(5, 12)) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p, axis=-1), rtol=1e-9)


@pytest.mark.parametrize(("adjust", "levels"), [(holm, holm_levels), (benjamini_hochberg, benjamini_hochberg_levels)])
@pytest.mark.parametrize("m", [1, 2, 7])
def test_an_interval_at_its_level_says_what_the_adjusted_p_says(adjust, levels, m: int) -> None:
    p = np.random.default_rng(m).uniform(size=(2000, m)) ** 4
    named = adjust(p) < 0.05
    assert 0 < named.sum() < named.size
    np.testing.assert_array_equal(p < levels(p, 0.05), named)
    assert (levels(p, 0.05) <= 0.05).all()


def test_holms_levels_by_hand() -> None:
    np.testing.assert_allclose(holm_levels(P, 0.05), [0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])
    np.testing.assert_allclose(benjamini_hochberg_levels([0.9, 0.8], 0.05), 0.025)
