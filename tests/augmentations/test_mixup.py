"""Mixup mixes samples and targets alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltricks.augmentations.mixup import Mixup


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 4), (9, 3, 4, 2)])
def test_it_is_the_formula_sample_by_sample(shape: tuple[int, ...], dtype: Any) -> None:
    data = np.random.default_rng(0)
    original, targets = data.normal(size=shape).astype(dtype), data.normal(size=(9, 2)).astype(dtype)
    x, target = original.copy(), targets.copy()
    Mixup(alpha=0.7).apply(x, target, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    lam, order = rng.beta(0.7, 0.7), rng.permutation(9)
    assert 0.01 < lam < 0.99
    close = {"rtol": 0, "atol": 4 * np.finfo(dtype).eps}
    for b in range(9):
        np.testing.assert_allclose(x[b], lam * original[b] + (1 - lam) * original[order[b]], **close)
        np.testing.assert_allclose(target[b], lam * targets[b] + (1 - lam) * targets[order[b]], **close)
    Mixup().check(shape[1:], 2)


def test_shares_of_classes_still_sum_to_one_and_means_stay() -> None:
    data = np.random.default_rng(0)
    for seed in range(20):
        original, target = data.normal(size=(32, 5)), np.eye(4)[data.integers(0, 4, 32)]
        x, counts = original.copy(), target.sum(0)
        Mixup(alpha=1.0).apply(x, target, np.random.default_rng(seed))
        np.testing.assert_allclose(target.sum(-1), 1, rtol=1e-15)
        np.testing.assert_allclose(target.sum(0), counts, rtol=1e-13)
        np.testing.assert_allclose(x.sum(0), original.sum(0), atol=1e-13)
        assert ((target > 0).sum(-1) <= 2).all()
        assert ((target > 0).sum(-1) == 2).any()


def test_alpha_is_that_of_the_beta_distribution() -> None:
    found = []
    for seed in range(1000):
        x, target = np.array([[0.0], [1.0]]), np.eye(2)
        Mixup(alpha=0.5).apply(x, target, np.random.default_rng(seed))
        found.append(target[0, 0])
    # Half of the pairs are no pairs: there nothing is mixed.
    mixed = np.array([share for share in found if share < 1 - 1e-12])
    assert abs(len(mixed) - 500) < 5 * np.sqrt(250)
    # Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2a + 1)).
    assert abs(mixed.mean() - 0.5) < 5 * np.sqrt(1 / 8 / len(mixed))
    assert abs(mixed.var() - 1 / 8) < 0.02
