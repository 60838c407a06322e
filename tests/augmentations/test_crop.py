"""The crop keeps the size, and what comes in at the side is the border that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltricks.augmentations.crop import Crop
from dltricks.augmentations.shift import Shift
from dltricks.core.errors import UsageError

TARGET = np.zeros((9, 3))


def source(i: int, length: int, border: Any) -> int | None:
    """The pixel that stands at place i of an endless image."""
    if 0 <= i < length:
        return i
    if border == "edge":
        return 0 if i < 0 else length - 1
    if border == "reflect":
        return -i if i < 0 else 2 * (length - 1) - i
    return None


@pytest.mark.parametrize("border", [0.0, -0.5, "edge", "reflect"])
def test_it_is_the_formula_pixel_by_pixel(border: Any) -> None:
    original = np.random.default_rng(0).normal(size=(9, 5, 6, 2))
    x = original.copy()
    Crop(padding=3, border=border).apply(x, TARGET, np.random.default_rng(1))
    top, left = np.random.default_rng(1).integers(0, 6, (2, 9), endpoint=True)
    for b in range(9):
        for i in range(5):
            for j in range(6):
                row, column = source(i + top[b] - 3, 5, border), source(j + left[b] - 3, 6, border)
                expected = border if row is None or column is None else original[b, row, column]
                np.testing.assert_array_equal(x[b, i, j], expected)


def test_mirrors_and_edges_bring_in_no_new_values() -> None:
    original = np.random.default_rng(0).normal(size=(9, 4, 4, 1)).astype(np.float32)
    for border in ("edge", "reflect"):
        x = original.copy()
        Crop(padding=2, border=border).apply(x, TARGET, np.random.default_rng(1))
        assert (x != original).any()
        assert all(set(x[b].ravel()) <= set(original[b].ravel()) for b in range(9))


def test_with_a_value_as_border_it_makes_the_images_of_a_shift() -> None:
    image = np.random.default_rng(0).normal(size=(1, 4, 4, 1))
    made = []
    for trick in (Crop(padding=1, border=2.0), Shift(pixels=1, fill=2.0)):
        x = np.repeat(image, 300, 0)
        trick.apply(x, TARGET, np.random.default_rng(1))
        made.append({sample.tobytes() for sample in x})
    assert len(made[0]) == 9
    assert made[0] == made[1]


def test_it_needs_images_that_are_larger_than_the_border() -> None:
    with pytest.raises(UsageError, match="crop cuts images, but a sample here is a row of 4 numbers"):
        Crop().check((4,), 2)
    with pytest.raises(UsageError, match=r"padding 5 .*8x5; write at most 4"):
        Crop(padding=5).check((8, 5, 1), 2)
    Crop(padding=4, border="reflect").check((8, 5, 1), 2)
