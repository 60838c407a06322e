"""Glorot: N(0, sqrt(2/(n_in + n_out))), a compromise between forward and backward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Distribution, Initializer, spread
from dltricks.core.types import Array


@dataclass
class Glorot(Initializer):
    """W ~ N(0, sqrt(2 / (n_in + n_out))), the second number being the standard deviation

    1/n_in would keep the variance of the outputs, 1/n_out that of the gradients; this is their harmonic mean.

    Reference: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    Suggested: with tanh and other activations of slope 1 at zero.
    Does not help when the activation is relu, which halves the mean square: use he.
    Deviation: ``truncated`` is cut at two deviations and rescaled to the one above; PyTorch's trunc_normal_ does not
    rescale, which leaves 0.88 of it.
    """

    distribution: Distribution = "normal"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return spread(rng, np.sqrt(2 / (fan_in + fan_out)), shape, self.distribution)
