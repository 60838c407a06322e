"""Moons: two half circles that reach into each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.types import NonNegative


@dataclass
class Moons(Dataset):
    """class 0: (cos t, sin t)        class 1: (1 - cos t, 1/2 - sin t)        t ~ U(0, pi), plus N(0, noise)

    Reference: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html (where t is
    evenly spaced; here it is random)
    Suggested: noise 0.2.
    Does not help when the question is about many features.
    """

    samples: Annotated[int, Ge(2)] = 1000
    noise: NonNegative = 0.2
    generated: ClassVar[bool] = True

    def load(self, files: Files, seed: int) -> Data:
        rng = np.random.Generator(np.random.Philox(seed))
        y = np.arange(self.samples) % 2
        t = rng.uniform(0.0, np.pi, self.samples)
        upper = np.stack([np.cos(t), np.sin(t)], axis=1)
        x = np.where(y[:, np.newaxis] == 0, upper, [1.0, 0.5] - upper)
        x += rng.normal(0.0, self.noise, x.shape)
        return Data("classification", x, y.astype(np.int64), classes=["0", "1"], features=["x0", "x1"])
