"""Gaussian: N(0, 1/n_in), a deviation that falls with the number of inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Distribution, Initializer, spread
from dltricks.core.types import Array


@dataclass
class Gaussian(Initializer):
    """W ~ N(0, 1 / n_in), the second number being the standard deviation

    A unit's output then has the deviation 1/sqrt(n_in) times its inputs' root mean square: small, and
    smaller in wide layers.

    Reference: as lessons on deep learning give it; the heuristic that Glorot & Bengio 2010,
    https://proceedings.mlr.press/v9/glorot10a.html, improve on has the deviation 1/sqrt(3 n_in)
    Suggested: shallow networks.
    Does not help when the network is deep: every layer divides the signal by sqrt(n_in); lecun, glorot and he do not.
    """

    distribution: Distribution = "normal"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return spread(rng, 1 / fan_in, shape, self.distribution)
