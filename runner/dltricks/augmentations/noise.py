"""Noise: adds normal noise to every input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.augmentation import Augmentation
from dltricks.core.types import Array, NonNegative


@dataclass
class Noise(Augmentation):
    """x <- x + deviation n          n ~ N(0, 1), for each number anew

    For a linear network and squared errors it is on average the penalty deviation^2 ||W||^2 on its weights. Images and
    tables alike; nothing is clipped, so that values may leave the interval of the scaling.

    Reference: Bishop 1995, https://doi.org/10.1162/neco.1995.7.1.108
    Suggested: 0.05 to 0.2 in units of the scaled inputs, on few samples.
    Does not help when the inputs are noisy already, or when small differences between them decide the class.
    """

    deviation: NonNegative = 0.1

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        noise = rng.standard_normal(x.shape, x.dtype)
        noise *= self.deviation
        x += noise
