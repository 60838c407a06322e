"""Blobs: round clouds on a circle; the easiest problem there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.errors import UsageError
from dltricks.core.types import NonNegative

_RADIUS = 4.0


@dataclass
class Blobs(Dataset):
    """x ~ N(centre of the class, noise)        centre = 4 (cos a, sin a)        a = 2 pi class / classes

    ``noise`` is the standard deviation along each axis. The best classifier takes the nearest centre.

    Reference: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_blobs.html (where the
    centres are random; here they are as far apart as the circle lets them be)
    Suggested: to see whether a network learns at all.
    Does not help when anything beyond straight borders is to be learned.
    """

    samples: Annotated[int, Ge(2)] = 1000
    noise: NonNegative = 1.0
    classes: Annotated[int, Ge(2)] = 3
    generated: ClassVar[bool] = True

    def load(self, files: Files, seed: int) -> Data:
        if self.samples < self.classes:
            raise UsageError(f"blobs: {self.samples} samples are too few for {self.classes} classes")
        rng = np.random.Generator(np.random.Philox(seed))
        y = np.arange(self.samples) % self.classes
        a = 2 * np.pi * y / self.classes
        x = _RADIUS * np.stack([np.cos(a), np.sin(a)], axis=1) + rng.normal(0.0, self.noise, (self.samples, 2))
        names = [str(i) for i in range(self.classes)]
        return Data("classification", x, y.astype(np.int64), classes=names, features=["x0", "x1"])
