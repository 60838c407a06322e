from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conformance.test_gradients import check_layer
from layers.bench import Bench, inputs

from dltricks.core import columns, registry
from dltricks.core.errors import UsageError
from dltricks.layers.convolution import Convolution

IMAGE = (5, 4, 6)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"size": 1},
    {"size": (1, 3), "padding": "valid"},
    {"size": 2},
    {"stride": 2},
    {"stride": (1, 2), "padding": 1},
    {"size": 1, "stride": 2},
    {"padding": (2, 0)},
    {"padding": 3, "stride": 3},
    {"dilation": 2, "padding": "same"},
    {"dilation": (1, 2), "stride": 2, "padding": 2},
    {"groups": 2},
    {"groups": 3, "stride": 2, "bias": False},
    {"groups": 6},
    {"groups": 6, "filters": 12},
    {"groups": 6, "stride": 2, "dilation": 2, "padding": 2},
    {"bias": False},
]
EACH = pytest.mark.parametrize("options", OPTIONS, ids=str)


def layer(**options: Any) -> Convolution:
    return Convolution(**{"filters": 6, **options})


def naive(x: np.ndarray, c: Convolution, W: np.ndarray, b: np.ndarray | float) -> np.ndarray:
    """One replica's outputs by the formula, number by number."""
    window = c.window
    padded = window.pad(x, np.zeros((len(x), *window.padded, x.shape[-1])))
    group_in, group_out = W.shape[2], c.filters // c.groups
    y = np.zeros((len(x), *window.places, c.filters))
    for p, q in np.ndindex(*window.places):
        for i, j in window.taps():
            pixel = padded[
                :, p * window.stride[0] + i * window.dilation[0], q * window.stride[1] + j * window.dilation[1]
            ]
            for o in range(c.filters):
                first = o // group_out * group_in
                y[:, p, q, o] += pixel[:, first : first + group_in] @ W[i, j, :, o]
    return y + b


@EACH
def test_against_the_formula(options: dict[str, Any]) -> None:
    bench = Bench(layer(**options), shape=IMAGE)
    c: Any = bench.layer
    x = inputs(1, 3, IMAGE)
    y = bench.forward(x)
    assert y.shape[2:] == c.declare(IMAGE)
    np.testing.assert_allclose(y[0], naive(x[0], c, c.W[0], c.b[0] if c.bias else 0.0), rtol=1e-12, atol=1e-12)


@EACH
def test_gradients(options: dict[str, Any]) -> None:
    check_layer(Bench(layer(**options), layer(**options), shape=IMAGE), IMAGE)


@EACH
@pytest.mark.parametrize("values", [1, 400, 1 << 17])
def test_tiles_of_any_size_give_the_same(options: dict[str, Any], values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = inputs(2, 7, IMAGE)
    whole = Bench(layer(**options), layer(**options), shape=IMAGE)
    dy = inputs(2, 7, whole.outputs(x)[2:], seed=1)
    expected = whole.step(x, dy)
    monkeypatch.setattr(columns, "TILE", values)
    tiled = Bench(layer(**options), layer(**options), shape=IMAGE)
    for mine, its in zip(tiled.step(x, dy), expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-11, atol=1e-11)


@EACH
def test_no_gradient_of_the_input_where_none_is_needed(options: dict[str, Any]) -> None:
    x = inputs(1, 3, IMAGE)
    bench, other = Bench(layer(**options), shape=IMAGE), Bench(layer(**options), shape=IMAGE)
    dy = inputs(1, 3, bench.outputs(x)[2:], seed=1)
    _, _, expected = other.step(x, dy)
    bench.layer.needs_dx = False
    bench.forward(x)
    assert bench.layer.backward(dy.copy()) is None
    np.testing.assert_array_equal(bench.store.g, expected)


@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replica_has_the_same_bits_alone_and_in_a_stack(options: dict[str, Any], dtype: str) -> None:
    shape = (9, 8, 6)
    x = inputs(3, 21, shape, dtype)
    together = Bench(*(layer(**options) for _ in range(3)), shape=shape, dtype=dtype)
    dy = inputs(3, 21, together.outputs(x)[2:], dtype, seed=1)
    found = together.step(x, dy)
    for k in range(3):
        alone = Bench(layer(**options), shape=shape, dtype=dtype)
        alone.store.p[0] = together.store.p[k]
        for mine, its in zip(alone.step(x[k : k + 1], dy[k : k + 1]), found, strict=True):
            assert mine[0].tobytes() == its[k].tobytes()


@pytest.mark.parametrize("kind", ["normalization-weight", "dropout-dropconnect"])
@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"groups": 6}, {"size": 1}], ids=str)
def test_transforms_of_the_kernel(kind: str, options: dict[str, Any]) -> None:
    def transformed() -> Convolution:
        trick = registry.load(*kind.split("-"))()
        if hasattr(trick, "rate"):
            trick.rate = np.array([0.3, 0.3])
        return layer(**options, transforms=[trick])

    check_layer(Bench(transformed(), transformed(), shape=IMAGE), IMAGE)


def test_fans_count_what_is_summed_and_what_is_reached() -> None:
    def fan(**options: Any) -> tuple[int, int]:
        declaration = Bench(layer(**options), shape=IMAGE).declarations[0]
        return declaration.fan

    assert fan(filters=12) == (9 * 6, 9 * 12)
    assert fan(filters=12, groups=3, size=(1, 2)) == (2 * 2, 2 * 4)
    assert fan(groups=6) == (9, 9)


def test_operations() -> None:
    bench = Bench(layer(filters=12, groups=3, stride=2), shape=IMAGE)
    assert bench.layer.operations(IMAGE) == 3 * 2 * 12 * (2 * 9 * 2 + 1)


def test_vectors_and_unequal_groups_are_refused() -> None:
    with pytest.raises(UsageError, match="takes images"):
        Bench(layer(), shape=(12,))
    with pytest.raises(UsageError, match="6 channels to 6 filters cannot be split into 4"):
        Bench(layer(groups=4), shape=IMAGE)
    with pytest.raises(UsageError, match="to 7 filters cannot be split into 3"):
        Bench(layer(filters=7, groups=3), shape=IMAGE)
