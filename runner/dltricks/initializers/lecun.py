"""LeCun: N(0, 1/sqrt(n_in)), keeps the variance of a linear layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Distribution, Initializer, spread
from dltricks.core.types import Array


@dataclass
class Lecun(Initializer):
    """W ~ N(0, 1 / sqrt(n_in)), the second number being the standard deviation

    The sum of n inputs with weights of variance 1/n has the variance of one input.

    Reference: LeCun et al. 1998, section 4.6, https://doi.org/10.1007/3-540-49430-8_2
    Suggested: with selu, and with tanh.
    Does not help when the activation is relu: it halves the mean square, and he makes up for that.
    Deviation: ``truncated`` is cut at two deviations and rescaled to the one above; PyTorch's trunc_normal_ does not
    rescale, which leaves 0.88 of it.
    """

    distribution: Distribution = "normal"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return spread(rng, 1 / np.sqrt(fan_in), shape, self.distribution)
