"""Constant: one value for every weight, so that all units of a layer learn the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Initializer
from dltricks.core.types import Array, Number


@dataclass
class Constant(Initializer):
    """W = value

    Equal units get equal gradients and stay equal: a layer of any width is one unit.

    Reference: Goodfellow, Bengio & Courville 2016, section 8.4, https://www.deeplearningbook.org (breaking symmetry)
    Suggested: to see why weights are drawn at random.
    Does not help when there is a hidden layer, unless dropout breaks the symmetry.
    """

    value: Number = 0.01

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return np.full(shape, self.value, np.float64)
