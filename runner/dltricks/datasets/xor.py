"""Xor: four quadrants, opposite ones alike; no straight line separates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.types import NonNegative


@dataclass
class Xor(Dataset):
    """x ~ U(-1, 1)^2        y = (x0 > 0) xor (x1 > 0), then x is moved by N(0, noise)

    Reference: Minsky & Papert 1969, Perceptrons, https://mitpress.mit.edu/9780262630221/perceptrons/
    Suggested: to show that a linear network stays at 50 %, and one hidden layer does not.
    Does not help when solutions of different quality are to be compared: it is solved or not.
    """

    samples: Annotated[int, Ge(4)] = 1000
    noise: NonNegative = 0.0
    generated: ClassVar[bool] = True

    def load(self, files: Files, seed: int) -> Data:
        rng = np.random.Generator(np.random.Philox(seed))
        # Round the quadrants, so that each has its share: classes 0, 1, 0, 1.
        quadrant = np.arange(self.samples) % 4
        signs = np.array([(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)])[quadrant]
        x = signs * rng.uniform(0.0, 1.0, (self.samples, 2))
        x += rng.normal(0.0, self.noise, x.shape)
        y = (quadrant % 2).astype(np.int64)
        return Data("classification", x, y, classes=["0", "1"], features=["x0", "x1"])
