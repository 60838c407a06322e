from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, run
from layers.bench import SHAPES, Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.normalizations.batch import Batch


def naive(x: np.ndarray, bench: Bench, eps: float) -> np.ndarray:
    axes = tuple(range(1, x.ndim - 1))
    m, v = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    gain, bias = (a.reshape(m.shape) for a in (bench.trick.gain, bench.trick.bias))
    return gain * (x - m) / np.sqrt(v + eps) + bias


@pytest.mark.parametrize("shape", SHAPES)
def test_five_steps_against_the_formula(shape: tuple[int, ...]) -> None:
    bench = Bench(Batch(momentum=0.3, eps=1e-3), shape=shape)
    mean, variance = np.zeros(shape[-1]), np.ones(shape[-1])
    for step in range(5):
        x = 3 + inputs(1, 6, shape, seed=step)
        np.testing.assert_allclose(bench.forward(x), naive(x, bench, 1e-3), rtol=1e-12, atol=1e-14)
        rows = x.reshape(-1, shape[-1])
        mean = 0.7 * mean + 0.3 * rows.mean(0)
        variance = 0.7 * variance + 0.3 * rows.var(0, ddof=1)
    np.testing.assert_allclose(bench.trick.running["mean"][0], mean, rtol=1e-12)
    np.testing.assert_allclose(bench.trick.running["variance"][0], variance, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_evaluation_is_the_closed_form_of_the_running_statistics(shape: tuple[int, ...]) -> None:
    bench = Bench(Batch(), shape=shape)
    for step in range(3):
        bench.forward(2 + inputs(1, 6, shape, seed=step))
    kept = {name: array.copy() for name, array in bench.trick.running.items()}
    bench.context.training = False
    x = inputs(1, 4, shape, seed=9)
    trick = bench.trick
    expected = trick.gain * (x - kept["mean"]) / np.sqrt(kept["variance"] + 1e-5) + trick.bias
    np.testing.assert_allclose(bench.forward(x), expected, rtol=1e-12)
    for name, array in trick.running.items():
        np.testing.assert_array_equal(array, kept[name])


def test_an_estimation_is_the_mean_over_its_batches() -> None:
    bench = Bench(Batch(), shape=(12,))
    bench.forward(inputs(1, 8, (12,)))
    batches = [inputs(1, 8, (12,), seed=seed) for seed in range(1, 5)]
    for number, x in enumerate(batches, 1):
        bench.context.estimating = number
        bench.forward(x)
    bench.context.estimating = 0
    np.testing.assert_allclose(bench.trick.running["mean"][0], np.mean([x[0].mean(0) for x in batches], 0))
    np.testing.assert_allclose(bench.trick.running["variance"][0], np.mean([x[0].var(0, ddof=1) for x in batches], 0))
    # Then the momentum is what it was.
    before = bench.trick.running["mean"].copy()
    bench.forward(batches[0])
    np.testing.assert_allclose(bench.trick.running["mean"], 0.9 * before + 0.1 * batches[0].mean(1), rtol=1e-12)


def test_shifted_and_scaled_inputs_come_out_the_same() -> None:
    bench = Bench(Batch(eps=1e-12), shape=(12,))
    x = inputs(1, 32, (12,))
    np.testing.assert_allclose(bench.forward(x).copy(), bench.forward(1000 + 50 * x), atol=1e-9)


def test_a_large_mean_does_not_drown_the_variance() -> None:
    bench = Bench(Batch(), shape=(12,), dtype="float32")
    x = 1000 + inputs(1, 64, (12,), "float32")
    expected = naive(x.astype(np.float64), bench, 1e-5)
    assert np.abs(bench.forward(x) - expected).max() < 1e-3


def test_the_layer_before_has_no_bias_and_the_statistics_are_stored() -> None:
    outcome = run(recipe(normalization="batch"))[0]
    assert list(outcome.weights) == [
        *("2.linear.W", "5.linear.W", "3.batch.gain", "3.batch.bias", "5.linear.b"),
        *("3.batch.mean", "3.batch.variance"),
    ]
    assert outcome.weights["3.batch.mean"].shape == (16,)


def test_a_batch_of_one_is_refused() -> None:
    with pytest.raises(UsageError, match="single sample"):
        run(recipe(normalization="batch", batch_size=1))
