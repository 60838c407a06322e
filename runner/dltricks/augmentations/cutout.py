"""Cutout: hides a square of each image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.augmentation import Augmentation
from dltricks.core.errors import UsageError
from dltricks.core.layer import Shape
from dltricks.core.types import Array, Number, Size


@dataclass
class Cutout(Augmentation):
    """x[i, j] <- fill   where 0 <= i - top < size and 0 <= j - left < size

    The middle of the square, (top, left) + size // 2, is any pixel of the image with the same probability, for each
    image anew. So a part of the square may lie outside; where all of it is inside, size^2 pixels are hidden.

    Reference: DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552
    Suggested: half of the image's side (CIFAR-10: 16), with shift or crop and flip before it.
    Does not help when the network still underfits, or when one small spot decides the class.
    """

    size: Size = 4
    """The side of the square in pixels."""
    fill: Number = 0.0
    """What covers the square, after scaling; 0 is the mean in ``standardize``, as in the paper."""

    def check(self, shape: Shape, outputs: int) -> None:
        if len(shape) != 3:
            raise UsageError(f"augmentation: cutout hides pixels, but a sample here is a row of {shape[0]} numbers")
        height, width = shape[:2]
        if self.size >= min(height, width):
            raise UsageError(
                f"augmentation: cutout of size {self.size} can hide an image of {height}x{width} as a whole; "
                f"write at most {min(height, width) - 1}"
            )

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        batch, height, width, _ = x.shape
        rows = _covered(height, self.size, batch, rng)
        columns = _covered(width, self.size, batch, rng)
        x[rows[:, :, None] & columns[:, None, :]] = self.fill


def _covered(length: int, size: int, batch: int, rng: np.random.Generator) -> Array:
    """Which of an axis' pixels lie within each image's square, (B, length)."""
    first = rng.integers(0, length, (batch, 1)) - size // 2
    pixels = np.arange(length)
    return np.asarray((pixels >= first) & (pixels < first + size))
