from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.layers.shrink import Shrink


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 3), (1, 1)])
def test_every_other_pixel_and_channels_of_zeros(height: int, width: int) -> None:
    bench = Bench(Shrink(2, 3), shape=(height, width, 2))
    x = inputs(1, 4, (height, width, 2))
    y = bench.forward(x)
    assert y.shape == (1, 4, -(-height // 2), -(-width // 2), 6)
    np.testing.assert_array_equal(y[..., :2], x[:, :, ::2, ::2])
    assert not y[..., 2:].any()


def test_the_gradient_goes_where_the_pixels_came_from() -> None:
    bench = Bench(Shrink(), shape=(5, 4, 2))
    x, dy = inputs(1, 4, (5, 4, 2)), inputs(1, 4, (3, 2, 4), seed=1)
    _, dx, _ = bench.step(x, dy)
    np.testing.assert_array_equal(dx[:, :, ::2, ::2], dy[..., :2])
    assert np.count_nonzero(dx) == dy[..., :2].size


def test_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match="shrink takes images"):
        Bench(Shrink())
