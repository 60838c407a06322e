"""The noise is normal, of the deviation that was asked for, and new for each number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltricks.augmentations.noise import Noise

TARGET = np.zeros((9, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 4), (9, 3, 4, 2)])
def test_it_is_the_formula(shape: tuple[int, ...], dtype: Any) -> None:
    original = np.random.default_rng(0).normal(size=shape).astype(dtype)
    x = original.copy()
    Noise(deviation=0.3).apply(x, TARGET, np.random.default_rng(1))
    expected = original + dtype(0.3) * np.random.default_rng(1).standard_normal(shape, dtype)
    np.testing.assert_array_equal(x, expected)
    Noise().check(shape[1:], 2)


def test_it_has_mean_zero_and_its_deviation() -> None:
    x = np.zeros((200, 50))
    Noise(deviation=2.0).apply(x, TARGET, np.random.default_rng(2))
    assert abs(x.mean()) < 5 * 2 / np.sqrt(x.size)
    assert abs(x.std() - 2) < 5 * 2 / np.sqrt(2 * x.size)
    # A third lies beyond one deviation, as in a normal distribution.
    assert abs((np.abs(x) > 2).mean() - 0.3173) < 5 * 0.47 / np.sqrt(x.size)


def test_its_mean_effect_on_a_linear_network_is_the_penalty_of_the_card() -> None:
    rng = np.random.default_rng(3)
    sample, weights, wanted = rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal(size=2)
    x = np.repeat(sample[None], 200_000, 0)
    Noise(deviation=0.5).apply(x, TARGET, rng)
    without = np.square(sample @ weights - wanted).sum()
    found = np.square(x @ weights - wanted).sum(-1)
    assert abs(found.mean() - without - 0.25 * np.square(weights).sum()) < 5 * found.std() / np.sqrt(len(x))
