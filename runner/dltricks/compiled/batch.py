"""Batch normalization of images in two sweeps forward and two backward, on all threads.

A sweep walks over pieces of a replica's values that follow from its shape alone. Channels are repeated until a row of
them is long enough for the processor's vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from dltricks.compiled.awake import share, take, threads_for
from dltricks.compiled.jit import kernel
from dltricks.core.types import Array

PIECE = 1 << 15
"""About how many values of a piece, which is read twice and should still be in the cache then."""
ROW = 256
"""The least length of a row of repeated channels."""


@kernel
def located(place, pieces, pixels, channels):
    """The replica and the number of a piece, and first and last of its values there."""
    piece = place % pieces
    return place // pieces, piece, pixels * piece // pieces * channels, pixels * (piece + 1) // pieces * channels


@kernel
def moments(turn, x, found, row):
    """Of each piece of x (K, values): each channel's mean, and its sum of squared distances from it.

    ``found`` (K, pieces, 2, C) in float64.
    """
    pieces, channels = found.shape[1], found.shape[3]
    pixels = x.shape[1] // channels
    sums, means = np.empty(row, x.dtype), np.empty(row, x.dtype)
    first, last = take(turn)
    while first < last:
        for place in range(first, last):
            k, piece, begin, end = located(place, pieces, pixels, channels)
            values, into, count = x[k], found[k, piece], (end - begin) // channels
            sums[:] = 0
            for at in range(begin, end, row):
                part = values[at : min(at + row, end)]
                for i in range(len(part)):
                    sums[i] += part[i]
            into[0] = 0
            for i in range(row):
                into[0, i % channels] += sums[i]
            for c in range(channels):
                into[0, c] /= count
            for i in range(row):
                means[i] = into[0, i % channels]
            # The mean as it was rounded is what distances are measured from; it is what counts as this piece's mean.
            sums[:] = 0
            for at in range(begin, end, row):
                part = values[at : min(at + row, end)]
                for i in range(len(part)):
                    distance = part[i] - means[i]
                    sums[i] += distance * distance
            into[1] = 0
            for i in range(row):
                into[1, i % channels] += sums[i]
            for c in range(channels):
                rest = into[0, c] - means[c]
                into[1, c] -= count * rest * rest
        first, last = take(turn)


@kernel
def combine(found, pixels, moments):
    """Mean and variance (K, 2, C) of all pixels from those of the pieces."""
    replicas, pieces, _, channels = found.shape
    for k in range(replicas):
        for c in range(channels):
            mean = 0.0
            for piece in range(pieces):
                count = pixels * (piece + 1) // pieces - pixels * piece // pieces
                mean += count * found[k, piece, 0, c]
            mean /= pixels
            square = 0.0
            for piece in range(pieces):
                count = pixels * (piece + 1) // pieces - pixels * piece // pieces
                distance = found[k, piece, 0, c] - mean
                square += found[k, piece, 1, c] + count * distance * distance
            moments[k, 0, c] = mean
            moments[k, 1, c] = square / pixels


@kernel
def scale(turn, x, mean, factor, bias, y, rectified, row, pieces):
    """y = (x - mean) factor + bias, and where it is ``rectified`` max(y, 0), for each piece."""
    channels = mean.shape[1]
    pixels = x.shape[1] // channels
    means, factors, biases = np.empty(row, x.dtype), np.empty(row, x.dtype), np.empty(row, x.dtype)
    least = x.dtype.type(0.0) if rectified else x.dtype.type(-np.inf)
    first, last = take(turn)
    while first < last:
        for place in range(first, last):
            k, _, begin, end = located(place, pieces, pixels, channels)
            for i in range(row):
                c = i % channels
                means[i], factors[i], biases[i] = mean[k, c], factor[k, c], bias[k, c]
            for at in range(begin, end, row):
                stop = min(at + row, end)
                part, out = x[k, at:stop], y[k, at:stop]
                for i in range(len(part)):
                    value = (part[i] - means[i]) * factors[i] + biases[i]
                    out[i] = least if value < least else value
        first, last = take(turn)


@kernel
def products(turn, x, dy, mean, factor, bias, found, rectified, row):
    """Sums of dy and of dy (x - mean) of each piece, found (K, pieces, 2, C) in float64.

    Where the output was ``rectified``, dy does not count, and becomes 0, where it was cut off.
    """
    pieces, channels = found.shape[1], found.shape[3]
    pixels = x.shape[1] // channels
    ones, both, means = np.empty(row, x.dtype), np.empty(row, x.dtype), np.empty(row, x.dtype)
    factors, biases = np.empty(row, x.dtype), np.empty(row, x.dtype)
    zero = x.dtype.type(0)
    first, last = take(turn)
    while first < last:
        for place in range(first, last):
            k, piece, begin, end = located(place, pieces, pixels, channels)
            for i in range(row):
                c = i % channels
                ones[i], both[i], means[i], factors[i], biases[i] = 0, 0, mean[k, c], factor[k, c], bias[k, c]
            for at in range(begin, end, row):
                stop = min(at + row, end)
                part, gradient = x[k, at:stop], dy[k, at:stop]
                if rectified:
                    for i in range(len(part)):
                        kept = (part[i] - means[i]) * factors[i] + biases[i] > zero
                        gradient[i] = gradient[i] if kept else zero
                for i in range(len(part)):
                    ones[i] += gradient[i]
                    both[i] += gradient[i] * (part[i] - means[i])
            into = found[k, piece]
            into[:] = 0
            for i in range(row):
                into[0, i % channels] += ones[i]
                into[1, i % channels] += both[i]
        first, last = take(turn)


@kernel
def average(found, pixels, means):
    """Sums of all pieces, divided by the number of pixels: means (K, 2, C)."""
    replicas, pieces, rows, channels = found.shape
    for k in range(replicas):
        for row in range(rows):
            for c in range(channels):
                total = 0.0
                for piece in range(pieces):
                    total += found[k, piece, row, c]
                means[k, row, c] = total / pixels


@kernel
def pull(turn, x, dy, mean, mean_dy, product, factor, row, pieces):
    """dy <- (dy - mean_dy - (x - mean) product) factor for each piece."""
    channels = mean.shape[1]
    pixels = x.shape[1] // channels
    means, shifts = np.empty(row, x.dtype), np.empty(row, x.dtype)
    slopes, factors = np.empty(row, x.dtype), np.empty(row, x.dtype)
    first, last = take(turn)
    while first < last:
        for place in range(first, last):
            k, _, begin, end = located(place, pieces, pixels, channels)
            for i in range(row):
                c = i % channels
                means[i], shifts[i], slopes[i], factors[i] = mean[k, c], mean_dy[k, c], product[k, c], factor[k, c]
            for at in range(begin, end, row):
                stop = min(at + row, end)
                part, gradient = x[k, at:stop], dy[k, at:stop]
                for i in range(len(part)):
                    gradient[i] = (gradient[i] - shifts[i] - (part[i] - means[i]) * slopes[i]) * factors[i]
        first, last = take(turn)


Affine = tuple[Array, ...]
"""Mean, factor and bias, contiguous (K, C) columns."""


class Sweeps:
    """The sweeps over images of one shape (K, pixels, C)."""

    def __init__(self, flat: tuple[int, int, int], buffer: Callable[..., Array]) -> None:
        replicas, self.pixels, channels = flat
        self.values = (replicas, self.pixels * channels)
        self.row = channels * -(-ROW // channels)
        self.pieces = max(1, min(self.pixels, self.pixels * channels // PIECE))
        self.found = buffer("found", (replicas, self.pieces, 2, channels), np.float64)
        self.threads = threads_for(prod(flat))

    def moments(self, x: Array, out: Array) -> None:
        """Mean and variance of each channel into out (K, 2, C)."""
        x, found = x.reshape(self.values), self.found
        share(len(x) * self.pieces, self.threads, lambda _, turn: moments(turn, x, found, self.row))
        combine(found, self.pixels, out)

    def scale(self, x: Array, affine: Affine, y: Array, rectified: bool) -> None:
        """y = (x - mean) factor + bias, with negative values cut off where ``rectified``."""
        x, y = x.reshape(self.values), y.reshape(self.values)

        def job(_: int, turn: Array) -> None:
            scale(turn, x, *affine, y, rectified, self.row, self.pieces)

        share(len(x) * self.pieces, self.threads, job)

    def products(self, x: Array, dy: Array, affine: Affine, out: Array, rectified: bool) -> None:
        """Means of dy and of dy (x - mean) into out (K, 2, C); sets dy to 0 where the output was cut off."""
        x, dy, found = x.reshape(self.values), dy.reshape(self.values), self.found

        def job(_: int, turn: Array) -> None:
            products(turn, x, dy, *affine, found, rectified, self.row)

        share(len(x) * self.pieces, self.threads, job)
        average(found, self.pixels, out)

    def pull(self, x: Array, dy: Array, affine: Affine, mean_dy: Array, product: Array) -> None:
        """dy <- (dy - mean_dy - (x - mean) product) factor, for (K, C) columns."""
        x, dy = x.reshape(self.values), dy.reshape(self.values)

        def job(_: int, turn: Array) -> None:
            pull(turn, x, dy, affine[0], mean_dy, product, affine[1], self.row, self.pieces)

        share(len(x) * self.pieces, self.threads, job)
