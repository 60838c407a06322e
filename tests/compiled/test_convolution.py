"""The tests of the layer, once more with compiled kernels."""

from __future__ import annotations

from itertools import product

import pytest
from layers.test_convolution import *  # noqa: F403

pytestmark = pytest.mark.compiled


def test_taps_on_nothing_but_zeros_are_left_out() -> None:
    from dltricks.compiled.convolution import inside

    for at, size, step, first, length in product(range(8), range(1, 5), range(1, 4), range(-2, 4), range(1, 5)):
        touching = [t for t in range(size) if first <= at + t * step < first + length]
        low, high = inside(at, size, step, first, first + length)
        if touching:
            assert (low, high) == (touching[0], touching[-1] + 1)
        else:
            assert 0 <= low < size
            assert high == low + 1
