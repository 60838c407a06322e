from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.layers.global_average_pool import GlobalAveragePool


def test_against_the_formula() -> None:
    bench = Bench(GlobalAveragePool(), shape=(3, 2, 8))
    x, dy = inputs(1, 5, (3, 2, 8)), inputs(1, 5, (8,), seed=1)
    y, dx, _ = bench.step(x, dy)
    np.testing.assert_allclose(y, x.mean((2, 3)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(dx, np.broadcast_to(dy[:, :, None, None] / 6, x.shape), rtol=1e-14)


def test_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match="pooling takes images"):
        Bench(GlobalAveragePool(), shape=(12,))
