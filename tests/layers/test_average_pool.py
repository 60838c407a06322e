from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conformance.test_gradients import check_layer
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.layers.average_pool import AveragePool

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
    bench = Bench(AveragePool(**options), shape=IMAGE)
    x = inputs(1, 4, IMAGE)
    window: Any = bench.layer.window
    padded = window.pad(x[0], np.empty((4, *window.padded, 3)), np.nan)
    np.testing.assert_allclose(bench.forward(x)[0], np.nanmean(window.view(padded), (-3, -2)), rtol=1e-13)


@EACH
def test_gradients(options: dict[str, Any]) -> None:
    check_layer(Bench(AveragePool(**options), AveragePool(**options), shape=IMAGE), IMAGE)


def test_padding_is_not_counted() -> None:
    bench = Bench(AveragePool(3, 1, "same"), shape=(2, 2, 1))
    np.testing.assert_allclose(bench.forward(np.full((1, 1, 2, 2, 1), -7.0)), -7, rtol=1e-15)


def test_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match="pooling takes images"):
        Bench(AveragePool(), shape=(12,))
