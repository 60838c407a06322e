"""The cutout hides one square of each image and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dltricks.augmentations.cutout import Cutout
from dltricks.core.errors import UsageError

TARGET = np.zeros((9, 3))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_it_is_the_formula_pixel_by_pixel(size: int) -> None:
    original = np.random.default_rng(0).normal(size=(9, 5, 7, 2))
    x = original.copy()
    Cutout(size=size, fill=3.0).apply(x, TARGET, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, 5, 9), rng.integers(0, 7, 9)
    for b in range(9):
        top, left = rows[b] - size // 2, columns[b] - size // 2
        for i in range(5):
            for j in range(7):
                hidden = 0 <= i - top < size and 0 <= j - left < size
                np.testing.assert_array_equal(x[b, i, j], 3.0 if hidden else original[b, i, j])


def test_the_area_is_a_whole_square_or_what_of_it_lies_inside() -> None:
    x = np.ones((2000, 16, 16, 3), np.float32)
    Cutout(size=6).apply(x, TARGET, np.random.default_rng(2))
    hidden = x == 0
    assert (hidden.any(-1) == hidden.all(-1)).all()
    heights, widths = hidden[..., 0].any(2).sum(1), hidden[..., 0].any(1).sum(1)
    np.testing.assert_array_equal(hidden[..., 0].sum((1, 2)), heights * widths)
    # A middle at one end of 16 leaves 3 of 6 pixels; 11 middles leave all of them.
    assert set(heights) == {3, 4, 5, 6} == set(widths)
    assert abs((heights * widths == 36).mean() - (11 / 16) ** 2) < 5 * 0.5 / np.sqrt(2000)


def test_it_needs_images_that_it_cannot_hide_as_a_whole() -> None:
    with pytest.raises(UsageError, match="cutout hides pixels, but a sample here is a row of 4 numbers"):
        Cutout().check((4,), 2)
    with pytest.raises(UsageError, match=r"size 5 .*8x5 .*at most 4"):
        Cutout(size=5).check((8, 5, 1), 2)
    Cutout(size=4).check((8, 5, 1), 2)
