"""Convolutions without columns: tiles of outputs are summed straight from the images.

One routine serves all three products. It walks over the places of one image at a time, small enough for the cache
with its padding, and asks ``tile.product`` for a row of outputs, or for the gradients of one row of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product as pairs
from math import prod

import numpy as np

from dltricks.compiled.awake import share, take
from dltricks.compiled.jit import kernel
from dltricks.compiled.tile import product
from dltricks.core.parallel import pool
from dltricks.core.types import Array
from dltricks.core.window import Window

SHARED = 1_000_000
"""Multiplications from which on images are shared out over threads; to hand fewer over takes longer than they do."""
PIECED = 4_000_000
"""Multiplications of a replica from which on its gradients of the kernel are summed in pieces."""
PIECES = 8
"""Into how many parts a batch is split where its gradients of the kernel are summed apart."""

NARROW = 8
"""A row of fewer outputs makes tiles that wait for their own sums, so that samples take the place of pixels."""
TOGETHER = 16
"""How many samples then make a tile."""


@kernel
def pad(x, padded, begin, grid):
    """Each image among zeros from ``begin`` on, its pixels ``grid`` apart; what lies outside is cut off."""
    height, width, channels = x.shape[1:]
    high, wide, left = padded.shape[1], padded.shape[2], begin[1]
    for n in range(len(x)):
        for i in range(height):
            row = begin[0] + i * grid[0]
            if 0 <= row < high:
                if grid[1] == 1:
                    first, last = max(0, -left), min(width, wide - left)
                    source = x[n, i, first:last].reshape(-1)
                    target = padded[n, row, left + first : left + last].reshape(-1)
                    for c in range(len(source)):
                        target[c] = source[c]
                else:
                    for j in range(width):
                        column = left + j * grid[1]
                        if 0 <= column < wide:
                            for c in range(channels):
                                padded[n, row, column, c] = x[n, i, j, c]


@kernel
def inside(at, size, step, first, end):
    """First and last of the taps t < size for which at + t step lies in first to end; one at least."""
    low, high = 0, size
    if at < first:
        low = min(size - 1, -((at - first) // step))
    if at + (size - 1) * step >= end:
        high = max(low + 1, (end - 1 - at) // step + 1)
    return low, high


@kernel
def correlate(turn, x, W, bias, y, padded, pads, begin, grid, stride, dilation, groups):
    """Outputs y (N, H', W', O) of the images x (N, H, W, C) under each replica's W (K, h, w, I, O).

    ``pads`` says whether images are copied into ``padded`` (samples, H, W, C) first, from ``begin`` on and ``grid``
    apart. Where there is room for several samples, they are the rows of a tile, else the pixels of a row are.
    """
    size = x.itemsize
    high, wide, inputs, filters = W.shape[1:]
    batch, together = len(x) // len(W), len(padded)
    rows, columns, outs = y.shape[1], y.shape[2], filters // groups
    image, width, channels = padded[0].size, padded.shape[2], x.shape[3]
    # Beyond these are zeros, which need not be multiplied.
    below, right = begin[0] + (x.shape[1] - 1) * grid[0] + 1, begin[1] + (x.shape[2] - 1) * grid[1] + 1
    # Neighbouring pixels of a window lie side by side and are summed in one run, if nothing comes between them.
    joined = groups == 1 and dilation[1] == 1
    parts = 1 if joined else wide
    spots, a_row, c_row = 1, stride[1] * channels, y.strides[2] // size
    if together > 1:
        spots, a_row, c_row = columns, image, y.strides[0] // size
    if pads:
        padded[...] = 0
    first, last = take(turn)
    while first < last:
        n = first
        while n < last:
            k = n // batch
            samples = min(together, last - n, (k + 1) * batch - n)
            count = columns if together == 1 else samples
            images = x[n].ctypes.data
            if pads:
                pad(x[n : n + samples], padded, begin, grid)
                images = padded.ctypes.data
            for row in range(rows):
                top, bottom = inside(row * stride[0], high, dilation[0], begin[0], below)
                for spot in range(spots):
                    left, after = 0, wide
                    if together > 1 and joined:
                        left, after = inside(spot * stride[1], wide, 1, begin[1], right)
                    steps = (after - left) * inputs if joined else inputs
                    for g in range(groups):
                        out = y[n, row, spot].ctypes.data + g * outs * size
                        start, again = bias[k].ctypes.data + g * outs * size, 0
                        for j in range(parts):
                            pixel = (row * stride[0] + top * dilation[0]) * width
                            pixel += spot * stride[1] + j * dilation[1] + left
                            tap = top * wide + j + left
                            at = images + (pixel * channels + g * inputs) * size
                            kernel = W[k].ctypes.data + (tap * inputs * filters + g * outs) * size
                            how = (
                                bottom - top, steps, dilation[0] * width * channels, 1, a_row,
                                wide * inputs * filters, filters, again, c_row,
                            )  # fmt: skip
                            product(x, at, kernel, start, out, how, count, outs)
                            start, again = out, c_row
            n += samples
        first, last = take(turn)


@kernel
def weigh(turn, x, dy, partial, zeros, padded, pads, begin, stride, dilation, groups, batch):
    """The gradients of the kernel, partial (K, pieces, h, w, I, O).

    The innermost sum is over several samples where ``padded`` has room for them, else over the pixels of a row.
    """
    size = x.itemsize
    pieces, high, wide, inputs, filters = partial.shape[1:]
    rows, columns, outs, together = dy.shape[1], dy.shape[2], filters // groups, len(padded)
    image, width, channels = padded[0].size, padded.shape[2], x.shape[3]
    joined = groups == 1 and dilation[1] == 1
    parts, steps = (1, wide * inputs) if joined else (wide, inputs)
    down, across = stride[0] * width * channels, stride[1] * channels
    if pads:
        padded[...] = 0
    first, last = take(turn)
    while first < last:
        for place in range(first, last):
            k, piece = place // pieces, place % pieces
            start, end = k * batch + batch * piece // pieces, k * batch + batch * (piece + 1) // pieces
            for n in range(start, end, together):
                samples = min(together, end - n)
                images = x[n].ctypes.data
                if pads:
                    pad(x[n : n + samples], padded, begin, (1, 1))
                    images = padded.ctypes.data
                for i in range(high):
                    # Rows of dy under which this row of the kernel lies on the image.
                    top, bottom = inside(i * dilation[0], rows, stride[0], begin[0], begin[0] + x.shape[1])
                    how = (bottom - top, columns, down, across, 1, columns * filters, filters)
                    if together > 1:
                        how = (columns, samples, across, image, 1, filters, dy[0].size)
                    for row in range(top, top + 1 if together == 1 else bottom):
                        again = n > start or row > top
                        for g in range(groups):
                            for j in range(parts):
                                pixel = (i * dilation[0] * width + j * dilation[1]) * channels + g * inputs
                                at = images + (row * down + pixel) * size
                                gradients = dy[n, row].ctypes.data + g * outs * size
                                to = partial[k, piece, i].ctypes.data + (j * inputs * filters + g * outs) * size
                                origin, apart = (to, filters) if again else (zeros.ctypes.data, 0)
                                product(x, at, gradients, origin, to, (*how, apart, filters), steps, outs)
        first, last = take(turn)


@dataclass
class _Phase:
    """Every s-th row and t-th column of images under a stride of (s, t).

    Only every s-th and t-th tap of the kernel touches them, so that their gradients are a convolution of dy with these
    taps, turned around, without the zeros that would else lie between the gradients.
    """

    rows: slice
    columns: slice
    taps: tuple[slice, slice]
    before: tuple[int, int]
    """Zeros above and to the left of dy; where negative, so much of it is cut off."""
    room: Array
    """For dy among zeros: (threads, samples, H, W, O)."""
    kernel: Array
    """(K, h, w, O / groups, C)"""


class Direct:
    """A convolution's three products for one shape of batch, as ``core.columns.Columns`` makes them with NumPy."""

    def __init__(
        self, window: Window, kernel: tuple[int, ...], groups: int, shape: tuple[int, ...], buffer: Callable[..., Array]
    ) -> None:
        """``kernel`` is (h, w, C / groups, O), ``shape`` that of x (K, B, H, W, C), ``buffer`` the layer's."""
        replicas, batch, channels = shape[0], shape[1], shape[-1]
        self.groups, self.kernel = groups, kernel
        if window.size == (1, 1) and window.stride == (1, 1) and not window.pads:
            # What looks at single pixels needs no rows, and long ones make better tiles.
            window = Window.over((1, prod(window.image)), 1)
        self.window = window
        self.x = (replicas * batch, *window.image, channels)
        self.y = (replicas * batch, *window.places, kernel[-1])
        multiplications = prod(self.y) * prod(kernel[:3]) // replicas
        self.threads = pool.threads if multiplications * replicas >= SHARED else 1
        self.pieces = min(batch, PIECES) if multiplications >= PIECED else 1
        self.batch = batch
        self.zeros = np.zeros((replicas, max(kernel[-1], channels)), buffer("partial", (0,)).dtype)
        self.partial = buffer("partial", (replicas, self.pieces, *kernel))
        there, back = (TOGETHER if places[1] < NARROW else 1 for places in (window.places, window.image))
        self.padded = buffer("padded", (self.threads, min(batch, there), *window.padded, channels))
        self.back = window.turned()
        self.phases: list[_Phase] | None = None
        if window.dilation == (1, 1) and window.stride != (1, 1):
            down, across = map(range, window.stride)
            self.phases = [self._phase(at, replicas, buffer) for at in pairs(down, across)]
        else:
            self.spread = buffer("spread", (self.threads, min(batch, back), *self.back.padded, kernel[-1]))
            self.turned = buffer("turned", (replicas, *window.size, kernel[-1] // groups, channels))

    def forward(self, x: Array, W: Array, bias: Array | None, y: Array) -> None:
        """y = x * W + bias."""
        window, bias = self.window, self.zeros if bias is None else bias
        x, y = x.reshape(self.x), y.reshape(self.y)

        def job(thread: int, turn: Array) -> None:
            correlate(
                turn, x, W, bias, y, self.padded[thread], window.pads, window.before, (1, 1), window.stride,
                window.dilation, self.groups,
            )  # fmt: skip

        share(len(x), self.threads, job)

    def weights(self, x: Array, dy: Array, dW: Array) -> None:
        """dW, the sum over all places of x's window with dy."""
        window = self.window
        x, dy = x.reshape(self.x), dy.reshape(self.y)

        def job(thread: int, turn: Array) -> None:
            weigh(
                turn, x, dy, self.partial, self.zeros, self.padded[thread], window.pads, window.before, window.stride,
                window.dilation, self.groups, self.batch,
            )  # fmt: skip

        share(len(self.partial) * self.pieces, self.threads, job)
        np.copyto(dW, self.partial[:, 0])
        for piece in range(1, self.pieces):
            dW += self.partial[:, piece]

    def inputs(self, dy: Array, W: Array, dx: Array) -> None:
        """dx, in which every window's share is added up: a convolution of dy with the kernel turned around."""
        back = self.back
        dy, dx = dy.reshape(self.y), dx.reshape(self.x)
        if self.phases is not None:
            self._phase_by_phase(self.phases, dy, W, dx)
            return
        self._turn(W, self.turned)

        def job(thread: int, turn: Array) -> None:
            correlate(
                turn, dy, self.turned, self.zeros, dx, self.spread[thread], back.pads, back.before, back.grid, (1, 1),
                back.dilation, self.groups,
            )  # fmt: skip

        share(len(dy), self.threads, job)

    def _turn(self, W: Array, turned: Array) -> None:
        grouped = W.reshape(*W.shape[:-1], self.groups, -1)[:, ::-1, ::-1]
        np.copyto(turned.reshape(*turned.shape[:-1], self.groups, -1), grouped.swapaxes(3, 5))

    def _phase(self, at: tuple[int, int], replicas: int, buffer: Callable[..., Array]) -> _Phase:
        """Of the rows i with i + top = at[0] modulo the stride, and the columns likewise."""
        window, outputs = self.window, self.kernel[-1]
        slices, taps, before, room, kept = [], [], [], [], []
        for a, stride, top, size, length in zip(
            at, window.stride, window.before, window.size, window.image, strict=True
        ):
            first = max(0, -((a - top) // stride))
            tap = slice(a, None, stride)
            number = len(range(size)[tap])
            slices.append(slice(stride * first + a - top, None, stride))
            taps.append(tap)
            before.append(number - 1 - first)
            touched = len(range(length)[slices[-1]])
            room.append(max(0, touched + number - 1))
            kept.append(number)
        # The last axis was that of the columns.
        samples = min(self.batch, TOGETHER if touched < NARROW else 1)
        name = f"{at[0]} {at[1]}"
        spread = buffer(f"spread {name}", (self.threads, samples, *room, outputs))
        kernel = buffer(f"turned {name}", (replicas, *kept, outputs // self.groups, self.x[-1]))
        return _Phase(slices[0], slices[1], (taps[0], taps[1]), (before[0], before[1]), spread, kernel)

    def _phase_by_phase(self, phases: list[_Phase], dy: Array, W: Array, dx: Array) -> None:
        for phase in phases:
            part = dx[:, phase.rows, phase.columns]
            if not phase.kernel.size:
                part[...] = 0  # between the windows
            elif part.size:
                self._turn(W[:, phase.taps[0], phase.taps[1]], phase.kernel)
                self._into(part, phase, dy)

    def _into(self, part: Array, phase: _Phase, dy: Array) -> None:
        def job(thread: int, turn: Array) -> None:
            correlate(
                turn, dy, phase.kernel, self.zeros, part, phase.room[thread], True, phase.before, (1, 1), (1, 1),
                (1, 1), self.groups,
            )  # fmt: skip

        share(len(dy), self.threads, job)
