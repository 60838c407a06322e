"""Compiled kernels and NumPy agree within rounding; compiled ones give the same bits on any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layers.bench import Bench, inputs
from layers.test_convolution import OPTIONS, layer
from layers.test_max_pool import OPTIONS as POOLS

from dltricks.core import registry
from dltricks.core.layer import Chain, Layer
from dltricks.core.parallel import pool
from dltricks.layers.average_pool import AveragePool
from dltricks.layers.convolution import Convolution
from dltricks.layers.max_pool import MaxPool
from dltricks.layers.residual import Residual

pytestmark = pytest.mark.compiled
IMAGE = (9, 8, 6)


def trick(kind: str, name: str) -> Any:
    return registry.load(kind, name)()


def network() -> Chain:
    """Everything that joins with a rectifier behind it, and rectifiers that have nothing to join with."""
    batch, relu = (lambda: trick("normalization", "batch")), (lambda: trick("activation", "relu"))
    body = Chain([Convolution(16, bias=False), batch(), relu(), Convolution(16), batch()])
    other = Chain([relu(), Convolution(8, stride=2), relu()])
    return Chain(
        [
            *[Convolution(16, bias=False), batch(), relu(), MaxPool(3, 1, "same")],
            *[Residual(body), relu(), Residual(other, Chain([Convolution(8, 1, 2)])), relu(), batch()],
        ]
    )


STRIDED = [
    {"size": (5, 4), "stride": (2, 3), "padding": 2},
    {"size": (3, 5), "stride": (3, 1), "groups": 2},
    {"size": (1, 2), "stride": (4, 4)},
    {"size": 3, "stride": (2, 2), "padding": "same", "dilation": 2},
]
"""Strides beyond the kernel's size, and others than it divides into."""

CASES: list[Callable[[], Layer]] = [
    *[lambda options=options: layer(**options) for options in OPTIONS],
    *[lambda options=options: Convolution(12, **options) for options in STRIDED],
    *[lambda options=options: MaxPool(**options) for options in POOLS],
    *[lambda options=options: AveragePool(**options) for options in POOLS],
    lambda: trick("normalization", "batch"),
    lambda: trick("activation", "relu"),
    network,
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: str(case())[:60])


def bench(case: Callable[[], Layer], dtype: Any, compiled: bool, shape: tuple[int, ...] = IMAGE) -> Bench:
    return Bench(case(), case(), shape=shape, dtype=dtype, compiled=compiled)


def statistics(of: Bench) -> list[np.ndarray]:
    return [array.copy() for each in of.layer.walk() for array in each.running.values()]


@EACH
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-4)])
def test_the_same_within_rounding(case: Callable[[], Layer], dtype: str, tolerance: float) -> None:
    plain, fast = bench(case, dtype, False), bench(case, dtype, True)
    x = inputs(2, 13, IMAGE, dtype)
    dy = inputs(2, 13, plain.outputs(x)[2:], dtype, seed=1)
    for training in (True, True, False):
        plain.context.training = fast.context.training = training
        for samples in (13, 5):  # a last, smaller batch
            pairs = zip(
                plain.step(x[:, :samples], dy[:, :samples]), fast.step(x[:, :samples], dy[:, :samples]), strict=True
            )
            for its, mine in pairs:
                np.testing.assert_allclose(
                    mine, its, rtol=tolerance, atol=tolerance * max(1, np.abs(its).max(initial=0))
                )
    for its, mine in zip(statistics(plain), statistics(fast), strict=True):
        np.testing.assert_allclose(mine, its, rtol=tolerance, atol=tolerance)


@EACH
def test_any_number_of_threads_gives_the_same_bits(case: Callable[[], Layer]) -> None:
    shape = (18, 17, 6)
    x = inputs(2, 61, shape, "float32")
    found = []
    for threads in (1, 2, 3):
        pool.resize(threads)
        made = bench(case, "float32", True, shape)
        dy = inputs(2, 61, made.outputs(x)[2:], "float32", seed=1)
        found.append([*made.step(x, dy), *statistics(made)])
    for mine, *others in zip(*found, strict=True):
        assert all(mine.tobytes() == its.tobytes() for its in others)


def test_a_watched_step_sees_every_layer_and_gives_the_same() -> None:
    quiet, watched = bench(network, "float64", True), bench(network, "float64", True)
    x = inputs(2, 13, IMAGE)
    dy = inputs(2, 13, quiet.outputs(x)[2:], seed=1)
    seen: dict[str, np.ndarray] = {}

    def watch(which: Layer, what: str, array: np.ndarray) -> None:
        if what == "output":
            seen[which.path] = array.copy()

    watched.context.watch = watch
    for mine, its in zip(watched.step(x, dy), quiet.step(x, dy), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-12, atol=1e-12)
    assert (seen["layer.2.batch"] < 0).any(), "what is joined is looked at before it is cut off"
    np.testing.assert_array_equal(seen["layer.3.relu"], np.maximum(seen["layer.2.batch"], 0))
