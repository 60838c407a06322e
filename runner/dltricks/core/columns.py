"""Convolutions as products of matrices: windows are copied side by side into columns, a few samples at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from dltricks.core.parallel import SHARED, pool
from dltricks.core.types import Array
from dltricks.core.window import Window

TILE = 1 << 16
"""About how many values of columns are made at once, so that they are still in a core's cache when they are used."""
PIECES = 8
"""Into how many parts a batch is split where its gradients of the kernel are summed apart."""


class Columns:
    """A convolution's three products for one shape of batch.

    What is done at once, and in which order sums are taken, follows from one replica's shape alone.
    """

    def __init__(
        self, window: Window, kernel: tuple[int, ...], groups: int, shape: tuple[int, ...], buffer: Callable[..., Array]
    ) -> None:
        """``kernel`` is (h, w, C / groups, O), ``shape`` that of x (K, B, H, W, C), ``buffer`` the layer's."""
        self.window, self.back, self.groups = window, window.turned(), groups
        replicas, batch, channels = shape[0], shape[1], shape[-1]
        self.replicas, self.batch = replicas, batch
        self.inputs_each, self.filters = kernel[2], kernel[3]
        multiplications = batch * prod(window.places) * prod(kernel)
        self.threads = pool.threads if multiplications * replicas >= SHARED else 1
        self.pieces = min(batch, PIECES) if multiplications >= SHARED else 1
        self.partial = buffer("partial", (replicas, self.pieces, *kernel))
        self.sum = buffer("sum", (self.threads, groups, prod(kernel[:3]), kernel[3] // groups))
        self.turned = buffer("turned", (replicas, *window.size, kernel[3] // groups, channels))
        # Room for each thread: padded images and columns, of x and of dy in turn.
        there = [prod(window.places) * prod(window.size) * channels, prod(window.padded) * channels]
        back = [prod(self.back.places) * prod(window.size) * kernel[3], prod(self.back.padded) * kernel[3]]
        self.tile, self.tile_back = (min(batch, max(1, TILE // values)) for values, _ in (there, back))
        rooms, pads = (max(self.tile * a, self.tile_back * b) for a, b in zip(there, back, strict=True))
        self.room = buffer("columns", (self.threads, rooms))
        self.padded = buffer("padded", (self.threads, pads))

    def forward(self, x: Array, W: Array, bias: Array | None, y: Array) -> None:
        """y = x * W + bias."""
        self._correlate(self.window, self.tile, x, W, y)
        if bias is not None:
            np.add(y, bias[:, None, None, None], out=y)

    def inputs(self, dy: Array, W: Array, dx: Array) -> None:
        """dx, in which every window's share is added up: a convolution of dy with the kernel turned around."""
        turned = self.turned
        grouped = W.reshape(*W.shape[:-1], self.groups, -1)[:, ::-1, ::-1]
        np.copyto(turned.reshape(*turned.shape[:-1], self.groups, -1), grouped.swapaxes(3, 5))
        self._correlate(self.back, self.tile_back, dy, turned, dx)

    def weights(self, x: Array, dy: Array, dW: Array) -> None:
        """dW, the sum over all places of x's window with dy."""

        def job(thread: int, start: int, stop: int) -> None:
            room = self.sum[thread]
            for place in range(start, stop):
                k, piece = divmod(place, self.pieces)
                first = self.batch * piece // self.pieces
                last = self.batch * (piece + 1) // self.pieces
                total = _by_group(self.partial[k, piece].reshape(-1, self.filters), self.groups)
                for part in _tiles(first, last, self.tile):
                    columns = self._columns(self.window, x[k, part], thread).swapaxes(-1, -2)
                    gradients = _by_group(dy[k, part].reshape(-1, self.filters), self.groups)
                    if part.start == first:
                        np.matmul(columns, gradients, out=total)
                    else:
                        total += np.matmul(columns, gradients, out=room)

        pool.share(self.replicas * self.pieces, self.threads, job)
        np.copyto(dW, self.partial[:, 0])
        for piece in range(1, self.pieces):
            dW += self.partial[:, piece]

    def _correlate(self, window: Window, tile: int, x: Array, W: Array, y: Array) -> None:
        filters = W.shape[-1]
        kernels = [_by_group(w.reshape(-1, filters), self.groups) for w in W]
        tiles = [(k, part) for k in range(len(x)) for part in _tiles(0, self.batch, tile)]

        def job(thread: int, start: int, stop: int) -> None:
            for place in range(start, stop):
                k, part = tiles[place]
                out = _by_group(y[k, part].reshape(-1, filters), self.groups)
                np.matmul(self._columns(window, x[k, part], thread), kernels[k], out=out)

        pool.share(len(tiles), self.threads, job)

    def _columns(self, window: Window, x: Array, thread: int) -> Array:
        """The windows over a tile's images as rows (groups, places, h w C / groups)."""
        if window.size == (1, 1) and window.stride == (1, 1) and not window.pads:
            return _by_group(x.reshape(-1, x.shape[-1]), self.groups)
        if window.pads:
            shape = (len(x), *window.padded, x.shape[-1])
            x = window.pad(x, self.padded[thread, : prod(shape)].reshape(shape))
        view = window.view(x)
        view = np.moveaxis(view.reshape(*view.shape[:-1], self.groups, -1), -2, 0)
        room = self.room[thread, : prod(view.shape)].reshape(view.shape)
        np.copyto(room, view)
        return room.reshape(self.groups, -1, prod(view.shape[-3:]))


def _by_group(rows: Array, groups: int) -> Array:
    """(N, columns) as (groups, N, columns / groups)."""
    return rows.reshape(len(rows), groups, -1).swapaxes(0, 1)


def _tiles(first: int, last: int, samples: int) -> list[slice]:
    return [slice(start, min(start + samples, last)) for start in range(first, last, samples)]
