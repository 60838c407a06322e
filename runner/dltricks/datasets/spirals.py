"""Spirals: arms wound around one centre; easy to see, hard to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.errors import UsageError
from dltricks.core.types import NonNegative, Positive


@dataclass
class Spirals(Dataset):
    """(r cos a, r sin a)        r ~ U(0, 1)        a = 2 pi (turns * r + class / classes), plus N(0, noise)

    Reference: Lang & Witbrock 1988, Learning to tell two spirals apart;
    https://rdrr.io/pkg/mlbench/man/mlbench.spirals.html
    Suggested: turns 1; from 2 on only deep or wide networks separate the arms.
    Does not help when a trick is to be tried on a smooth problem.
    """

    samples: Annotated[int, Ge(2)] = 1000
    noise: NonNegative = 0.02
    classes: Annotated[int, Ge(2)] = 2
    turns: Positive = 1.0
    generated: ClassVar[bool] = True

    def load(self, files: Files, seed: int) -> Data:
        if self.samples < self.classes:
            raise UsageError(f"spirals: {self.samples} samples are too few for {self.classes} classes")
        rng = np.random.Generator(np.random.Philox(seed))
        y = np.arange(self.samples) % self.classes
        r = rng.uniform(0.0, 1.0, self.samples)
        a = 2 * np.pi * (self.turns * r + y / self.classes)
        x = np.stack([r * np.cos(a), r * np.sin(a)], axis=1)
        x += rng.normal(0.0, self.noise, x.shape)
        names = [str(i) for i in range(self.classes)]
        return Data("classification", x, y.astype(np.int64), classes=names, features=["x0", "x1"])
