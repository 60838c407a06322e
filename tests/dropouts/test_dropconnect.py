from __future__ import annotations

import numpy as np
from layers.bench import Bench, inputs

from dltricks.dropouts.dropconnect import Dropconnect


def test_against_the_formula() -> None:
    bench = Bench(Dropconnect(0.25), width=30)
    x, dy = inputs(1, 6, (12,)), inputs(1, 6, (30,), seed=1)
    y, dx, _ = bench.step(x, dy)
    mask = bench.trick.mask[0]
    assert set(np.unique(mask)) == {0, 1 / 0.75}
    assert abs((mask == 0).mean() - 0.25) < 0.08
    W = bench.layer.W[0] * mask
    np.testing.assert_allclose(y[0], x[0] @ W + bench.layer.b[0], rtol=1e-12)
    np.testing.assert_allclose(dx[0], dy[0] @ W.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(bench.layer.dW[0], (x[0].T @ dy[0]) * mask, rtol=1e-12)


def test_the_mean_over_masks_is_the_evaluation() -> None:
    bench = Bench(Dropconnect(0.5))
    x = inputs(1, 3, (12,))
    bench.context.training = False
    expected = bench.forward(x).copy()
    bench.context.training = True
    found = []
    for step in range(3000):
        bench.context.step = step
        found.append(bench.forward(x).copy())
    error = np.mean(found, 0) - expected
    assert np.abs(error / (np.std(found, 0) / np.sqrt(3000))).max() < 4.5


def test_evaluation_uses_the_very_weights() -> None:
    bench = Bench(Dropconnect(0.5))
    bench.context.training = False
    bench.forward(inputs(1, 3, (12,)))
    assert np.shares_memory(bench.layer.Wt, bench.layer.W)
