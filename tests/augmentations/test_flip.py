"""The flip mirrors along the width, each image for itself."""

from __future__ import annotations

import numpy as np
import pytest

from dltricks.augmentations.flip import Flip
from dltricks.core.errors import UsageError

TARGET = np.zeros((9, 3))


def test_it_is_the_formula_pixel_by_pixel() -> None:
    original = np.random.default_rng(0).normal(size=(9, 3, 4, 2))
    x = original.copy()
    Flip(probability=0.6).apply(x, TARGET, np.random.default_rng(1))
    chosen = np.random.default_rng(1).random(9) < 0.6
    assert 0 < chosen.sum() < 9
    for b in range(9):
        for j in range(4):
            np.testing.assert_array_equal(x[b, :, j], original[b, :, 3 - j if chosen[b] else j])


def test_twice_is_nothing_where_every_image_is_flipped() -> None:
    original = np.random.default_rng(0).normal(size=(9, 3, 5, 2))
    x = original.copy()
    Flip(probability=1.0).apply(x, TARGET, np.random.default_rng(1))
    assert (x != original).any((1, 2, 3)).all()
    Flip(probability=1.0).apply(x, TARGET, np.random.default_rng(2))
    np.testing.assert_array_equal(x, original)
    Flip(probability=0.0).apply(x, TARGET, np.random.default_rng(3))
    np.testing.assert_array_equal(x, original)


def test_it_flips_the_share_that_is_asked_for() -> None:
    x = np.zeros((4000, 1, 2, 1))
    x[:, :, 0] = 1
    Flip(probability=0.25).apply(x, TARGET, np.random.default_rng(4))
    assert abs(x[:, :, 1].mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 4000)


def test_it_needs_images() -> None:
    with pytest.raises(UsageError, match="flip mirrors images, but a sample here is a row of 4 numbers"):
        Flip().check((4,), 2)
    Flip().check((8, 8, 1), 2)
