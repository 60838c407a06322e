"""What every layer and loss must do, whatever it is: read from the registry, so that a new one is held to it, too."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from layers.bench import Bench, benches, inputs, layer_classes, variants
from losses.bench import targets

from dltricks.core import registry
from dltricks.core.component import stack

LAYERS = pytest.mark.parametrize("cls", layer_classes(), ids=lambda cls: f"{cls.kind}-{cls.name()}")
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
CLASSIFIERS = [name for name in registry.names("loss") if "classification" in registry.load("loss", name).tasks]
LOSSES = pytest.mark.parametrize("name", registry.names("loss"))
BATCH = 61
"""With this many samples, three replicas of the widest input have more than 8,192 values: numpy's buffers end there."""


def wide(cls: Any, replicas: int, **options: Any) -> list[Bench]:
    """Benches at shapes that fill numpy's buffers more than once; channels as in the small ones."""
    found = []
    for bench in benches(cls, replicas, width=53, **options):
        shape = (96,) if len(bench.sample) == 1 else (5, 3, 16)
        found.append(Bench(*variants(cls, replicas), shape=shape, width=53, **options))
    return found


def everything(bench: Bench, x: np.ndarray, dy: np.ndarray) -> list[np.ndarray]:
    """All that comes out of two training steps and an evaluation, as copies."""
    found: list[np.ndarray] = []
    for step in (6, 7):
        bench.context.training, bench.context.step = True, step
        found += bench.step(x, dy)
    bench.context.training = False
    found.append(bench.forward(x).copy())
    return found + [a.copy() for layer in bench.layer.walk() for a in layer.running.values()]


@LAYERS
@DTYPES
def test_a_replica_has_the_same_bits_alone_and_in_a_stack(cls: Any, dtype: str) -> None:
    for bench in wide(cls, 3, dtype=dtype):
        x = inputs(3, BATCH, bench.sample, dtype)
        assert x.size > 8192
        dy = inputs(3, BATCH, bench.outputs(x)[2:], dtype, seed=1)
        together = everything(bench, x, dy)
        for k, trick in enumerate(variants(cls, 3)):
            alone = Bench(trick, shape=bench.sample, dtype=dtype, width=53)
            alone.only(k)
            alone.store.p[0] = bench.store.p[k]
            for mine, its in zip(everything(alone, x[k : k + 1], dy[k : k + 1]), together, strict=True):
                assert mine.dtype == its.dtype == dtype
                assert mine[0].tobytes() == its[k].tobytes()


@LAYERS
def test_a_replica_that_is_not_finite_leaves_its_neighbours_alone(cls: Any) -> None:
    for sound in benches(cls, 2):
        x = inputs(2, 8, sound.sample)
        dy = np.ones(sound.outputs(x))
        expected = everything(sound, x, dy)
        mixed = Bench(*variants(cls, 2), shape=sound.sample)
        x[0], dy[0] = np.nan, np.inf
        with np.errstate(all="ignore"):
            found = everything(mixed, x, dy)
        for mine, its in zip(found, expected, strict=True):
            assert mine[1].tobytes() == its[1].tobytes()


@LAYERS
def test_nothing_left_in_a_buffer_reaches_a_result(cls: Any) -> None:
    for clean in benches(cls, 2, dtype="float32"):
        poisoned = Bench(*variants(cls, 2), shape=clean.sample, dtype="float32")
        x = inputs(2, 8, clean.sample, "float32")
        dy = inputs(2, 8, clean.outputs(x)[2:], "float32", seed=1)
        for step in range(3):
            for bench in (clean, poisoned):
                bench.context.step = step
            poisoned.forward(x)
            poisoned.layer.poison()
            for layer, state in zip(poisoned.layer.walk(), clean.layer.walk(), strict=True):
                for name, array in layer.running.items():
                    array[...] = state.running[name]
            for mine, its in zip(poisoned.step(x, dy), clean.step(x, dy), strict=True):
                assert np.isfinite(its).all()
                assert mine.tobytes() == its.tobytes()


@LAYERS
def test_a_smaller_batch_between_two_others_changes_nothing(cls: Any) -> None:
    for bench in benches(cls, 2):
        full, part = inputs(2, 9, bench.sample), inputs(2, 4, bench.sample, seed=1)
        dy = inputs(2, 9, bench.outputs(full)[2:], seed=2)
        before = bench.step(full, dy)
        fresh = Bench(*variants(cls, 2), shape=bench.sample)
        for mine, its in zip(bench.step(part, dy[:, :4]), fresh.step(part, dy[:, :4]), strict=True):
            np.testing.assert_array_equal(mine, its)
        for mine, its in zip(bench.step(full, dy), before, strict=True):
            np.testing.assert_array_equal(mine, its)


@LAYERS
def test_inputs_and_outputs_survive_the_step(cls: Any) -> None:
    for bench in benches(cls, 2):
        x = inputs(2, 4, bench.sample)
        kept = x.copy()
        y = bench.forward(x)
        out = y.copy()
        bench.layer.backward(np.ones(y.shape))
        np.testing.assert_array_equal(x, kept)
        # The engine scores the network's outputs after the backward pass.
        np.testing.assert_array_equal(y, out)


@LAYERS
def test_a_step_allocates_nothing_large(cls: Any) -> None:
    for bench in benches(cls, 1, dtype="float32", width=12):
        x = inputs(1, 4000, bench.sample, "float32")
        dy = np.ones(bench.outputs(x), "float32")
        # Noise is drawn for the steps to come when the step is a new one.
        bench.forward(x)
        bench.layer.backward(dy)
        tracemalloc.start()
        try:
            bench.forward(x)
            bench.layer.backward(dy)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < x.nbytes / 4


@LAYERS
def test_evaluation_is_the_same_for_a_sample_alone_and_in_a_batch(cls: Any) -> None:
    for bench in benches(cls, 1):
        bench.context.training = False
        x = inputs(1, 6, bench.sample)
        together = bench.forward(x).copy()
        np.testing.assert_allclose(bench.forward(x[:, 2:3]), together[:, 2:3], rtol=1e-12, atol=1e-12)


def loss_of(tricks: list[Any], z: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    loss = stack(tricks)
    loss.allocate(z.shape, z.dtype)
    value = loss.forward(z, target)
    return value.copy(), loss.backward().copy()


@LOSSES
@DTYPES
def test_a_loss_has_the_same_bits_alone_and_in_a_stack(name: str, dtype: str) -> None:
    cls = registry.load("loss", name)
    for task in cls.tasks:
        z = inputs(3, 300, (10,), dtype)
        target = targets(task, z.shape).astype(dtype)
        assert z.size > 8192
        together = loss_of(variants(cls, 3), z, target)
        assert [a.dtype for a in together] == [dtype, dtype]
        assert together[0].shape == (3, 300)
        for k, trick in enumerate(variants(cls, 3)):
            for mine, its in zip(loss_of([trick], z[k : k + 1], target[k : k + 1]), together, strict=True):
                assert mine[0].tobytes() == its[k].tobytes()


@LOSSES
def test_a_loss_leaves_its_arguments_and_works_in_any_order(name: str) -> None:
    cls = registry.load("loss", name)
    for task in cls.tasks:
        z = inputs(2, 9, (4,))
        target = targets(task, z.shape)
        kept = z.copy(), target.copy()
        expected = loss_of(variants(cls, 2), z, target)
        loss = stack(variants(cls, 2))
        # A last, smaller batch in between, and buffers full of NaN.
        for samples in (9, 4, 9):
            loss.allocate((2, samples, 4), z.dtype)
            loss.dz.fill(np.nan)
            loss.tmp.fill(np.nan)
            value = loss.forward(z[:, :samples], target[:, :samples])
            gradient = loss.backward()
        np.testing.assert_array_equal(value, expected[0])
        np.testing.assert_array_equal(gradient, expected[1])
        np.testing.assert_array_equal(z, kept[0])
        np.testing.assert_array_equal(target, kept[1])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_class_shares_sum_to_one_and_keep_the_order(name: str) -> None:
    z = np.random.default_rng(0).normal(0, 2, (50, 5))
    shares = registry.load("loss", name)().probabilities(z)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-12)
    np.testing.assert_array_equal(shares.argmax(-1), z.argmax(-1))
