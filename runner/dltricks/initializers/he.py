"""He: N(0, sqrt(2/n_in)), keeps the signal's size through layers of ReLU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Distribution, Initializer, spread
from dltricks.core.types import Array


@dataclass
class He(Initializer):
    """W ~ N(0, sqrt(2 / n_in)), the second number being the standard deviation

    ReLU halves the mean square of its input; the 2 makes up for it.

    Reference: He et al. 2015, https://arxiv.org/abs/1502.01852
    Suggested: with relu and its relatives.
    Does not help when a normalization follows every layer: the scale is then taken out again.
    Deviation: ``truncated`` is cut at two deviations and rescaled to the one above; PyTorch's trunc_normal_ does not
    rescale, which leaves 0.88 of it.
    """

    distribution: Distribution = "normal"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return spread(rng, np.sqrt(2 / fan_in), shape, self.distribution)
