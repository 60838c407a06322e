"""Shift: moves each image by whole pixels, up to a largest distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dltricks.core.augmentation import Augmentation
from dltricks.core.errors import UsageError
from dltricks.core.layer import Shape
from dltricks.core.types import Array, Number, Size


@dataclass
class Shift(Augmentation):
    """x[i, j] <- x[i - down, j - right], and fill where that lies outside
    down, right ~ U{-pixels, ..., pixels}, for each image anew

    What leaves the image is lost.

    Reference: Simard, Steinkraus & Platt 2003, section 2, https://doi.org/10.1109/ICDAR.2003.1227801
    Suggested: 1 for images of 8x8, 2 for 28x28, 4 for 32x32.
    Does not help when the place carries the meaning, or when the network is too small to learn each place anew.
    """

    pixels: Size = 1
    """The largest distance, along the height and along the width."""
    fill: Number = 0.0
    """What comes in from outside, after scaling: the background is 0 in ``unit`` and -1 in ``symmetric``."""

    def check(self, shape: Shape, outputs: int) -> None:
        if len(shape) != 3:
            raise UsageError(f"augmentation: shift moves images, but a sample here is a row of {shape[0]} numbers")
        height, width = shape[:2]
        if self.pixels >= min(height, width):
            raise UsageError(
                f"augmentation: shift by {self.pixels} pixels can push an image of {height}x{width} out of itself; "
                f"write at most {min(height, width) - 1}"
            )

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        batch, height, width, channels = x.shape
        m = self.pixels
        wide = np.full((batch, height + 2 * m, width + 2 * m, channels), self.fill, x.dtype)
        wide[:, m:-m, m:-m] = x
        down, right = rng.integers(-m, m, (2, batch), endpoint=True)
        # (B, 2m+1, 2m+1, C, H, W): every place at which the window can stand.
        windows = sliding_window_view(wide, (height, width), axis=(1, 2))
        x[...] = np.moveaxis(windows[np.arange(batch), m - down, m - right], 1, -1)
