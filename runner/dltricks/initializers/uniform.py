"""Uniform: one fixed interval around zero, whatever the layer's width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Initializer
from dltricks.core.types import Array, Positive


@dataclass
class Uniform(Initializer):
    """W ~ U(-limit, limit)

    Reference: Keras' plain ``uniform``, whose default limit this is, https://keras.io/api/layers/initializers/
    Suggested: as the naive start against which the others are compared.
    Does not help when the network is deep: a scale that ignores the width shrinks or blows up the signal
    layer by layer.
    """

    limit: Positive = 0.05

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return rng.uniform(-self.limit, self.limit, shape)
