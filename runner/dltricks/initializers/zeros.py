"""Zeros: every weight zero, so that hidden units never learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Initializer
from dltricks.core.types import Array


@dataclass
class Zeros(Initializer):
    """W = 0

    No unit passes a signal on or a gradient back: in a network with hidden layers only the last bias learns.

    Reference: Goodfellow, Bengio & Courville 2016, section 8.4, https://www.deeplearningbook.org (breaking symmetry)
    Suggested: to see why weights are drawn at random; it does no harm to the architecture ``linear``.
    Does not help when there is a hidden layer.
    """

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return np.zeros(shape)
