"""Pools: layers that look through a window and keep one value of each channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Layer, Shape
from dltricks.core.types import Array
from dltricks.core.window import Padding, Pair, Window, pair


def take_images(shape: Shape) -> None:
    """Refuses samples that are no images."""
    if len(shape) != 3:
        raise UsageError(f"pooling takes images (height, width, channels), not samples of shape {shape}")


@dataclass
class Pool(Layer):
    """Base: x (K, B, H, W, C) to y (K, B, H', W', C). The stride is the window's size unless given."""

    size: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"

    def over(self, height: int, width: int) -> Window:
        """The windows over images of that size.

        Raises:
            UsageError: a window that does not fit, or that could lie in the padding as a whole.
        """
        window = Window.over((height, width), self.size, self.stride or self.size, self.padding)
        widest = (0, 0) if isinstance(self.padding, str) else pair(self.padding)
        if widest[0] >= window.size[0] or widest[1] >= window.size[1]:
            raise UsageError(
                f"pooling with padding {self.padding} would look at nothing but padding through a window of "
                f"{window.size[0]} x {window.size[1]}; pad less than the window's size"
            )
        return window

    def declare(self, shape: Shape) -> Shape:
        take_images(shape)
        self.window = self.over(*shape[:2])
        return (*self.window.places, shape[-1])

    def allocate(self, shape: Shape) -> Shape:
        self.shape = shape
        self.y: Array = self.buffer("y", (*shape[:2], *self.window.places, shape[-1]))
        if self.compiled:
            # To compiled kernels the samples of all replicas are alike.
            self.images, self.outputs = (-1, *shape[2:]), (-1, *self.y.shape[2:])
        else:
            self.padded = (*shape[:2], *self.window.padded, shape[-1])
        return self.y.shape

    def cut(self, padded: Array, dx: Array) -> Array:
        """The gradients without those of the padding, in ``dx``."""
        if self.window.pads:
            np.copyto(dx, self.window.inside(padded))
        return dx
