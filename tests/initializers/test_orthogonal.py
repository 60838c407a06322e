from __future__ import annotations

import numpy as np
import pytest

from dltricks.initializers.orthogonal import Orthogonal


@pytest.mark.parametrize("shape", [(30, 30), (50, 20), (20, 50), (3, 3, 4, 10), (1, 1, 4, 10)])
def test_columns_or_rows_are_orthonormal_times_the_gain(shape: tuple[int, ...]) -> None:
    W = Orthogonal(1.5).draw(np.random.default_rng(0), shape, 1, 1)
    assert W.shape == shape
    W = W.reshape(-1, shape[-1])
    small = W.T @ W if len(W) >= shape[-1] else W @ W.T
    np.testing.assert_allclose(small, 2.25 * np.eye(len(small)), atol=1e-12)


def test_lengths_are_kept_through_a_hundred_layers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 40))
    y = x
    for _ in range(100):
        y = y @ Orthogonal().draw(rng, (40, 40), 40, 40)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-12)


def test_all_rotations_are_equally_likely() -> None:
    traces = [np.trace(Orthogonal().draw(np.random.default_rng(seed), (3, 3), 3, 3)) for seed in range(2000)]
    # QR without its signs put right would give a mean trace far from 0.
    assert abs(np.mean(traces)) < 0.1
