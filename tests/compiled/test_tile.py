from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.compiled


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(37, 20, 6), (33, 9, 16), (50, 11, 40), (7, 5, 64), (16, 30, 17), (1, 1, 1)]
)
def test_a_product_of_matrices(rows: int, inner: int, columns: int, dtype: str) -> None:
    from dltricks.compiled.tile import product

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(rows, inner)).astype(dtype), rng.normal(size=(inner, columns)).astype(dtype)
    start = rng.normal(size=columns).astype(dtype)
    out = np.full((rows + 1, columns), np.nan, dtype)
    how = (1, inner, 0, 1, inner, 0, columns, 0, columns)
    product(a, a.ctypes.data, b.ctypes.data, start.ctypes.data, out.ctypes.data, how, rows, columns)
    np.testing.assert_allclose(out[:-1], start + a @ b, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-5)
    assert np.isnan(out[-1]).all(), "nothing is written beyond the product"


def test_strides_and_runs() -> None:
    from dltricks.compiled.tile import product

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 11, 20)), rng.normal(size=(3, 4, 5))
    out = np.zeros((6, 5))
    # Rows two apart, runs along the first axis, steps along the last but one: a window of a strided convolution.
    how = (3, 4, 220, 20, 2, 20, 5, 0, 5)
    product(a, a.ctypes.data, b.ctypes.data, np.zeros(5).ctypes.data, out.ctypes.data, how, 6, 5)
    expected = np.array([sum(a[r, s, 2 * m] * b[r, s] for r in range(3) for s in range(4)) for m in range(6)])
    np.testing.assert_allclose(out, expected, rtol=1e-12)
