"""Cutmix pastes one box, and its targets are shares of area."""

from __future__ import annotations

import numpy as np
import pytest

from dltricks.augmentations.cutmix import Cutmix
from dltricks.core.errors import UsageError


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_formula_pixel_by_pixel(seed: int) -> None:
    data = np.random.default_rng(100)
    original, targets = data.normal(size=(9, 6, 5, 2)), data.normal(size=(9, 3))
    x, target = original.copy(), targets.copy()
    Cutmix(alpha=0.8).apply(x, target, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    side = np.sqrt(1 - rng.beta(0.8, 0.8))
    heights, widths = int(6 * side), int(5 * side)
    top, left = rng.integers(6) - heights // 2, rng.integers(5) - widths // 2
    order = rng.permutation(9)
    inside = 0
    for i in range(6):
        for j in range(5):
            pasted = 0 <= i - top < heights and 0 <= j - left < widths
            inside += pasted
            np.testing.assert_array_equal(x[:, i, j], original[order, i, j] if pasted else original[:, i, j])
    area = inside / 30
    np.testing.assert_allclose(target, (1 - area) * targets + area * targets[order], rtol=0, atol=1e-15)


def test_the_shares_of_the_labels_are_those_of_the_area() -> None:
    classes = np.arange(10)
    areas = []
    for seed in range(40):
        x = np.broadcast_to(classes[:, None, None, None], (10, 8, 7, 3)).astype(np.float32)
        target = np.eye(10, dtype=np.float32)
        Cutmix().apply(x, target, np.random.default_rng(seed))
        counted = (x[..., 0, None] == classes).mean((1, 2))
        np.testing.assert_allclose(target, counted, rtol=0, atol=1e-6)
        np.testing.assert_allclose(target.sum(-1), 1, rtol=1e-6)
        areas.append(1 - target.diagonal().min())
    assert len({round(float(area), 5) for area in areas}) > 10


def test_it_needs_images() -> None:
    with pytest.raises(UsageError, match="cutmix cuts images, but a sample here is a row of 4 numbers"):
        Cutmix().check((4,), 2)
    Cutmix().check((8, 8, 1), 2)
