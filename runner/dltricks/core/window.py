"""Windows that slide over an image: where convolutions and pools look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.types import Array

Pair = tuple[int, int]
Padding = Literal["same", "valid"] | int | Pair


def pair(value: int | Sequence[int]) -> Pair:
    """(down, across) of a number that holds for both, or of two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


@dataclass(frozen=True)
class Window:
    """A window's size and steps, and how often it fits; all pairs are (down, across)."""

    size: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    """Rows and columns of padding above and to the left; where negative, so many of the image are cut off."""
    image: Pair
    """The image without padding."""
    padded: Pair
    """The image with padding on all sides, as far as windows reach."""
    places: Pair
    """How often the window fits: the outputs' height and width."""
    grid: Pair = (1, 1)
    """How far apart the image's pixels are laid in the padding; zeros lie between them."""

    @classmethod
    def over(
        cls,
        image: Pair,
        size: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = "valid",
        dilation: int | Pair = 1,
    ) -> Window:
        """Lays windows over an image.

        ``valid`` adds no padding. ``same`` adds as much as makes the output as large as the input divided by the
        stride, rounded up, an odd rest below and to the right, as TensorFlow and ONNX's SAME_UPPER do. A number is
        added on each side.

        Raises:
            UsageError: a window that is larger than the padded image.
        """
        size, stride, dilation = pair(size), pair(stride), pair(dilation)
        before, padded, places = [], [], []
        for axis in (0, 1):
            reach = (size[axis] - 1) * dilation[axis] + 1
            if padding == "same":
                count = -(-image[axis] // stride[axis])
                total = max(0, (count - 1) * stride[axis] + reach - image[axis])
                first = total // 2
            else:
                first = 0 if isinstance(padding, str) else pair(padding)[axis]
                total = 2 * first
                count = (image[axis] + total - reach) // stride[axis] + 1
            if count < 1:
                raise UsageError(
                    f"a window of {size[0]} x {size[1]}{_spread(dilation)} does not fit into an image of "
                    f"{image[0]} x {image[1]} with padding {padding}; make it smaller, or pad more"
                )
            before.append(first)
            padded.append(image[axis] + total)
            places.append(count)
        return cls(
            size, stride, dilation, (before[0], before[1]), image, (padded[0], padded[1]), (places[0], places[1])
        )

    def turned(self) -> Window:
        """The window that looks back: a convolution of outputs' gradients with it is the gradient of the inputs.

        It has to be turned around, and where this one took strides, zeros stand between the gradients.
        """
        down, across = ((size - 1) * spread for size, spread in zip(self.size, self.dilation, strict=True))
        return Window(
            self.size,
            (1, 1),
            self.dilation,
            (down - self.before[0], across - self.before[1]),
            self.places,
            (self.image[0] + down, self.image[1] + across),
            self.image,
            self.stride,
        )

    @property
    def pads(self) -> bool:
        """Whether the image is laid into padding."""
        return self.padded != self.image or self.grid != (1, 1)

    @property
    def pads_around(self) -> list[int]:
        """Rows and columns of padding as ONNX lists them: above, to the left, below, to the right."""
        after = [self.padded[axis] - self.image[axis] - self.before[axis] for axis in (0, 1)]
        return [*self.before, *after]

    def pad(self, x: Array, out: Array, fill: float = 0.0) -> Array:
        """Images (..., H, W, C) with their padding, in ``out`` (..., padded H, padded W, C); all of it is written."""
        (rows, down), (columns, across) = (self._laid(axis) for axis in (0, 1))
        if self.grid == (1, 1):
            out[..., : down.start, :, :] = fill
            out[..., down.stop :, :, :] = fill
            out[..., down, : across.start, :] = fill
            out[..., down, across.stop :, :] = fill
        else:
            out[...] = fill
        out[..., down, across, :] = x[..., rows, columns, :]
        return out

    def _laid(self, axis: int) -> tuple[slice, slice]:
        """Which pixels of the image lie in the padding along an axis, and where."""
        begin, step = self.before[axis], self.grid[axis]
        first = max(0, -(begin // step))
        last = min(self.image[axis], (self.padded[axis] - begin - 1) // step + 1)
        return slice(first, last), slice(begin + first * step, begin + (last - 1) * step + 1, step)

    def inside(self, padded: Array) -> Array:
        """The view of padded images without their padding."""
        top, left = self.before
        return padded[..., top : top + self.image[0], left : left + self.image[1], :]

    def tap(self, padded: Array, i: int, j: int) -> Array:
        """The view (..., *places, C) of what stands at (i, j) of each window over padded images."""
        down, across = i * self.dilation[0], j * self.dilation[1]
        return padded[
            ...,
            down : down + (self.places[0] - 1) * self.stride[0] + 1 : self.stride[0],
            across : across + (self.places[1] - 1) * self.stride[1] + 1 : self.stride[1],
            :,
        ]

    def taps(self) -> list[tuple[int, int]]:
        """All (i, j) of a window, row by row."""
        return [(i, j) for i in range(self.size[0]) for j in range(self.size[1])]

    def view(self, padded: Array) -> Array:
        """All windows over padded images (..., H, W, C) as a view (..., *places, *size, C)."""
        *batch, down, across, channel = padded.strides
        strides = (
            *batch,
            down * self.stride[0],
            across * self.stride[1],
            down * self.dilation[0],
            across * self.dilation[1],
            channel,
        )
        shape = (*padded.shape[:-3], *self.places, *self.size, padded.shape[-1])
        return np.lib.stride_tricks.as_strided(padded, shape, strides)


def _spread(dilation: Pair) -> str:
    return "" if dilation == (1, 1) else f" spread by {dilation[0]} x {dilation[1]}"
