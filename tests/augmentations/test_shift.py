"""The shift moves what is in an image and fills what it leaves."""

from __future__ import annotations

import numpy as np
import pytest

from dltricks.augmentations.shift import Shift
from dltricks.core.errors import UsageError

TARGET = np.zeros((9, 3))


def test_it_is_the_formula_pixel_by_pixel() -> None:
    original = np.random.default_rng(0).normal(size=(9, 5, 7, 2))
    x = original.copy()
    Shift(pixels=3, fill=-1.0).apply(x, TARGET, np.random.default_rng(1))
    down, right = np.random.default_rng(1).integers(-3, 3, (2, 9), endpoint=True)
    expected = np.full_like(x, -1.0)
    for b in range(9):
        for i in range(5):
            for j in range(7):
                if 0 <= i - down[b] < 5 and 0 <= j - right[b] < 7:
                    expected[b, i, j] = original[b, i - down[b], j - right[b]]
    np.testing.assert_array_equal(x, expected)
    assert len({*zip(down, right, strict=True)}) > 3


def test_mass_moves_and_none_is_lost_inside() -> None:
    x = np.zeros((2000, 7, 7, 1), np.float32)
    x[:, 3, 3] = 1
    Shift(pixels=2).apply(x, TARGET, np.random.default_rng(2))
    assert (x.sum((1, 2, 3)) == 1).all()
    counts = x.sum(0)[..., 0]
    assert (counts[1:6, 1:6] > 0).all()
    assert counts[1:6, 1:6].sum() == 2000
    # 25 places, alike probable: 80 of 2000 at each, with a deviation below 9.
    assert np.abs(counts[1:6, 1:6] - 80).max() < 5 * 9


def test_it_needs_images_that_it_cannot_push_out_as_a_whole() -> None:
    with pytest.raises(UsageError, match="shift moves images, but a sample here is a row of 4 numbers"):
        Shift().check((4,), 2)
    with pytest.raises(UsageError, match=r"shift by 5 pixels .*8x5 .*at most 4"):
        Shift(pixels=5).check((8, 5, 1), 2)
    Shift(pixels=4).check((8, 5, 1), 2)
