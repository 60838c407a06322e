from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain
from dltricks.layers.transpose import Transpose


def test_places_row_by_row_become_channels() -> None:
    bench = Bench(Transpose(2), shape=(3, 2, 8))
    x = inputs(1, 4, (3, 2, 8))
    y = bench.forward(x)
    assert y.shape == (1, 4, 2, 4, 6)
    for row in range(3):
        for column in range(2):
            np.testing.assert_array_equal(y[..., 2 * row + column].reshape(1, 4, 8), x[:, :, row, column])


def test_a_second_one_undoes_the_first() -> None:
    bench = Bench(Chain([Transpose(), Transpose(3)]), shape=(3, 2, 8))
    x, dy = inputs(1, 4, (3, 2, 8)), inputs(1, 4, (3, 2, 8), seed=1)
    y, dx, _ = bench.step(x, dy)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, dy)


@pytest.mark.parametrize("shape", [(12,), (3, 2, 7)])
def test_what_cannot_be_transposed_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="a multiple of 2 channels"):
        Bench(Transpose(2), shape=shape)
