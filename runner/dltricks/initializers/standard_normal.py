"""Standard normal: N(0, 1), not a good idea; it shows why the others scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.initializer import Initializer
from dltricks.core.types import Array


@dataclass
class StandardNormal(Initializer):
    """W ~ N(0, 1)

    The sum of n inputs with weights of variance 1 has n times the variance: the output's deviation grows with sqrt(n).

    Reference: LeCun et al. 1998, section 4.6, https://doi.org/10.1007/3-540-49430-8_2, on why this saturates units
    Suggested: to demonstrate the harm.
    Does not help when anything is to be learned, unless a normalization follows every layer.
    """

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return rng.standard_normal(shape)
