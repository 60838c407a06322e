from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conformance.test_gradients import check_layer
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.layers.max_pool import MaxPool

IMAGE = (5, 6, 3)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"size": 3, "stride": 1, "padding": "same"},
    {"size": 3, "stride": 2, "padding": 1},
    {"size": 2, "padding": "same"},
    {"size": (1, 2), "stride": (2, 1)},
    {"size": 2, "stride": 3},
]
EACH = pytest.mark.parametrize("options", OPTIONS, ids=str)


@EACH
def test_against_the_formula(options: dict[str, Any]) -> None:
    bench = Bench(MaxPool(**options), shape=IMAGE)
    x = inputs(1, 4, IMAGE)
    window: Any = bench.layer.window
    padded = window.pad(x[0], np.empty((4, *window.padded, 3)), -np.inf)
    np.testing.assert_array_equal(bench.forward(x)[0], window.view(padded).max((-3, -2)))


@EACH
def test_gradients(options: dict[str, Any]) -> None:
    check_layer(Bench(MaxPool(**options), MaxPool(**options), shape=IMAGE), IMAGE)


def test_of_equal_values_the_first_gets_the_gradient() -> None:
    bench = Bench(MaxPool(), shape=(4, 4, 2))
    x = np.zeros((1, 1, 4, 4, 2))
    x[0, 0, 2:, 2:, 1] = [[-1, 3], [3, 3]]
    dy = np.arange(1.0, 9.0).reshape(1, 1, 2, 2, 2)
    _, dx, _ = bench.step(x, dy)
    assert dx[0, 0, :, :, 0].tolist() == [[1, 0, 3, 0], [0] * 4, [5, 0, 7, 0], [0] * 4]
    assert dx[0, 0, :, :, 1].tolist() == [[2, 0, 4, 0], [0] * 4, [6, 0, 0, 8], [0] * 4]


def test_a_window_of_many_places_finds_one() -> None:
    bench = Bench(MaxPool(17), shape=(17, 17, 1))
    x = np.zeros((1, 1, 17, 17, 1))
    x[0, 0, 16, 16, 0] = 1
    _, dx, _ = bench.step(x, np.ones((1, 1, 1, 1, 1)))
    np.testing.assert_array_equal(dx, x)


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 1)])
def test_what_is_not_finite_is_not_lost(place: tuple[int, int]) -> None:
    x = np.full((1, 1, 2, 2, 1), 5.0)
    x[0, 0, place[0], place[1], 0] = np.nan
    assert np.isnan(Bench(MaxPool(), shape=(2, 2, 1)).forward(x)).all()


def test_padding_never_wins() -> None:
    bench = Bench(MaxPool(3, 1, "same"), shape=(2, 2, 1))
    assert (bench.forward(np.full((1, 1, 2, 2, 1), -7.0)) == -7).all()


def test_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match="pooling takes images"):
        Bench(MaxPool(), shape=(12,))
