"""LSUV: orthogonal weights, rescaled until each layer's outputs have variance 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Initializer
from dltricks.core.types import Array, Positive, Size
from dltricks.initializers.orthogonal import orthonormal


@dataclass
class Lsuv(Initializer):
    """W orthonormal; then layer by layer, on the first batch: W <- W / sqrt(var(y)) until |var(y) - 1| < tolerance

    Reference: Mishkin & Matas 2016, https://arxiv.org/abs/1511.06422
    Suggested: the paper's tolerance 0.1; deep networks with activations for which no formula is known.
    Does not help when a normalization follows every layer: it does the same at every step.
    """

    tolerance: Positive = 0.1
    attempts: Size = 10

    data_dependent = True

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return orthonormal(rng, shape)

    def rescaling(self, variance: float, attempt: int) -> float:
        # A layer whose outputs are all alike cannot be rescaled to any variance.
        if attempt >= self.attempts or abs(variance - 1) < self.tolerance or variance == 0:
            return 1.0
        return float(1 / np.sqrt(variance))
