from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.compiled


def buffer(name: str, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    return np.full(shape, np.nan, dtype)


@pytest.mark.parametrize(
    ("pixels", "channels"),
    [
        pytest.param(3, 20, id="a pixel longer than a piece"),
        pytest.param(1, 20, id="a single pixel"),
        pytest.param(31, 3, id="a pixel shorter than a piece"),
    ],
)
def test_moments_of_pieces_of_any_length(monkeypatch: pytest.MonkeyPatch, pixels: int, channels: int) -> None:
    from dltricks.compiled import batch

    monkeypatch.setattr(batch, "PIECE", 8)
    x = np.random.default_rng(0).normal(size=(2, pixels, channels))
    sweeps, found = batch.Sweeps(x.shape, buffer), np.empty((2, 2, channels))
    assert sweeps.pieces == min(pixels, pixels * channels // 8)
    sweeps.moments(x, found)
    np.testing.assert_allclose(found, np.stack([x.mean(1), x.var(1)], 1), atol=1e-14)
