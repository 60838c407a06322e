"""Flip: mirrors images left to right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.augmentation import Augmentation
from dltricks.core.errors import UsageError
from dltricks.core.layer import Shape
from dltricks.core.types import Array, Share


@dataclass
class Flip(Augmentation):
    """x[i, j] <- x[i, W - 1 - j]   with the probability, for each image anew

    Reference: Krizhevsky, Sutskever & Hinton 2012, section 4.1,
    https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks
    Suggested: 0.5, for photographs.
    Does not help when a mirror image means something else, as with digits and letters.
    """

    probability: Share = 0.5

    def check(self, shape: Shape, outputs: int) -> None:
        if len(shape) != 3:
            raise UsageError(f"augmentation: flip mirrors images, but a sample here is a row of {shape[0]} numbers")

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        chosen = rng.random(len(x)) < self.probability
        # The right side is a copy: a mask picks its elements, and only then are they reversed.
        x[chosen] = x[chosen][:, :, ::-1]
