"""Crop: adds a border to each image, then cuts the old size out at a random place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dltricks.core.augmentation import Augmentation
from dltricks.core.errors import UsageError
from dltricks.core.layer import Shape
from dltricks.core.types import Array, Number, Size


@dataclass
class Crop(Augmentation):
    """w = x with a border of ``padding`` pixels on every side          x[i, j] <- w[i + top, j + left]
    top, left ~ U{0, ..., 2 padding}, for each image anew

    With a number as border this draws from the same images as ``shift`` by so many pixels; ``edge`` and ``reflect`` let
    no empty bars come in.

    Reference: He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385
    Suggested: padding 4 with flip for photographs of 32x32; reflect where nothing is background.
    Does not help when the objects are already at all places of the image.
    Deviation: torchvision's RandomCrop usually stands before Normalize, where 0 is black; here x is scaled.
    """

    padding: Size = 1
    """Pixels that are added on every side."""
    border: Number | Literal["edge", "reflect"] = 0.0
    """A value after scaling (background is 0 in ``unit``, -1 in ``symmetric``), the outermost pixels, or a mirror."""

    def check(self, shape: Shape, outputs: int) -> None:
        if len(shape) != 3:
            raise UsageError(f"augmentation: crop cuts images, but a sample here is a row of {shape[0]} numbers")
        height, width = shape[:2]
        if self.padding >= min(height, width):
            raise UsageError(
                f"augmentation: crop with padding {self.padding} can leave nothing of an image of {height}x{width}; "
                f"write at most {min(height, width) - 1}"
            )

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        batch, height, width, _ = x.shape
        m = self.padding
        sides = ((0, 0), (m, m), (m, m), (0, 0))
        if isinstance(self.border, str):
            wide = np.pad(x, sides, mode=self.border)
        else:
            wide = np.pad(x, sides, constant_values=self.border)
        top, left = rng.integers(0, 2 * m, (2, batch), endpoint=True)
        # (B, 2m+1, 2m+1, C, H, W): every place at which the window can stand.
        windows = sliding_window_view(wide, (height, width), axis=(1, 2))
        x[...] = np.moveaxis(windows[np.arange(batch), top, left], 1, -1)
