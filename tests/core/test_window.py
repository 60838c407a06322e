from __future__ import annotations

import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.core.window import Window, pair


def test_pairs() -> None:
    assert pair(3) == (3, 3)
    assert pair((1, 2)) == (1, 2)
    assert pair([1, 2]) == (1, 2)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_same_divides_the_image_by_the_stride_rounded_up(size: int, stride: int) -> None:
    for length in range(1, 9):
        window = Window.over((length, 8), size, stride, "same")
        assert window.places == (-(-length // stride), -(-8 // stride))
        missing = window.padded[0] - length
        assert window.before[0] == missing // 2, "the odd rest lies below"


def test_valid_and_numbers() -> None:
    assert Window.over((7, 6), 3, 2, "valid").places == (3, 2)
    assert Window.over((7, 6), (3, 1), 1, 1).places == (7, 8)
    assert Window.over((7, 6), 3, 1, (0, 2), dilation=(2, 3)).places == (3, 4)


def test_windows_and_taps_see_the_same_pixels() -> None:
    window = Window.over((5, 6), (2, 3), (2, 1), 1, (1, 2))
    x = np.arange(2 * 5 * 6 * 3, dtype=float).reshape(2, 5, 6, 3)
    padded = window.pad(x, np.full((2, *window.padded, 3), np.nan), -1.0)
    np.testing.assert_array_equal(window.inside(padded), x)
    assert (padded == -1).sum() == padded.size - x.size
    view = window.view(padded)
    assert view.shape == (2, *window.places, 2, 3, 3)
    for i, j in window.taps():
        np.testing.assert_array_equal(window.tap(padded, i, j), view[..., i, j, :])
    np.testing.assert_array_equal(view[1, 1, 2, 1, 2], padded[1, 2 + 1, 2 + 2 * 2])


@pytest.mark.parametrize(("size", "dilation"), [(5, 1), ((1, 5), 1), (3, 2)])
def test_a_window_larger_than_the_image_is_refused(size: int, dilation: int) -> None:
    with pytest.raises(UsageError, match="does not fit into an image of 4 x 4"):
        Window.over((4, 4), size, 1, "valid", dilation)
