"""Pooling in one sweep, on all threads. Windows are clipped to the image, so that nothing is padded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dltricks.compiled.awake import share, take, threads_for
from dltricks.compiled.jit import kernel
from dltricks.core.types import Array
from dltricks.core.window import Window


@kernel
def _max(turn, x, y, found, size, stride, before):
    height, width, channels = x.shape[1:]
    first, last = take(turn)
    while first < last:
        for n in range(first, last):
            for p in range(y.shape[1]):
                top = p * stride[0] - before[0]
                for q in range(y.shape[2]):
                    left = q * stride[1] - before[1]
                    out, place = y[n, p, q], found[n, p, q]
                    fresh = True
                    for i in range(max(0, -top), min(size[0], height - top)):
                        for j in range(max(0, -left), min(size[1], width - left)):
                            pixel, tap = x[n, top + i, left + j], found.dtype.type(i * size[1] + j)
                            if fresh:
                                for c in range(channels):
                                    out[c], place[c] = pixel[c], tap
                                fresh = False
                            else:
                                for c in range(channels):
                                    # What is not a number stays, as in NumPy: nobody may miss it.
                                    larger = (pixel[c] > out[c]) | (pixel[c] != pixel[c])
                                    out[c] = pixel[c] if larger else out[c]
                                    place[c] = tap if larger else place[c]
        first, last = take(turn)


@kernel
def _max_back(turn, dy, dx, found, size, stride, before):
    height, width, channels = dx.shape[1:]
    zero = dy.dtype.type(0)
    first, last = take(turn)
    while first < last:
        for n in range(first, last):
            dx[n] = 0
            for p in range(dy.shape[1]):
                top = p * stride[0] - before[0]
                for q in range(dy.shape[2]):
                    left = q * stride[1] - before[1]
                    gradient, place = dy[n, p, q], found[n, p, q]
                    for i in range(max(0, -top), min(size[0], height - top)):
                        for j in range(max(0, -left), min(size[1], width - left)):
                            pixel, tap = dx[n, top + i, left + j], found.dtype.type(i * size[1] + j)
                            for c in range(channels):
                                pixel[c] += gradient[c] if place[c] == tap else zero
        first, last = take(turn)


@kernel
def _mean(turn, x, y, shares, size, stride, before):
    height, width, channels = x.shape[1:]
    sums = np.empty((width, channels), x.dtype)
    row = sums.reshape(-1)
    first, last = take(turn)
    while first < last:
        for n in range(first, last):
            for p in range(y.shape[1]):
                top = p * stride[0] - before[0]
                # Whole rows first: few channels fill no vector.
                row[:] = 0
                for i in range(max(0, -top), min(size[0], height - top)):
                    pixels = x[n, top + i].reshape(-1)
                    for c in range(len(row)):
                        row[c] += pixels[c]
                for q in range(y.shape[2]):
                    left = q * stride[1] - before[1]
                    out, each = y[n, p, q], shares[p, q, 0]
                    near, far = max(0, left), min(width, left + size[1])
                    for c in range(channels):
                        total = sums[near, c]
                        for j in range(near + 1, far):
                            total += sums[j, c]
                        out[c] = total * each
        first, last = take(turn)


@kernel
def _mean_back(turn, dy, dx, shares, size, stride, before):
    height, width, channels = dx.shape[1:]
    first, last = take(turn)
    while first < last:
        for n in range(first, last):
            dx[n] = 0
            for p in range(dy.shape[1]):
                top = p * stride[0] - before[0]
                for q in range(dy.shape[2]):
                    left = q * stride[1] - before[1]
                    gradient, each = dy[n, p, q], shares[p, q, 0]
                    for i in range(max(0, -top), min(size[0], height - top)):
                        for j in range(max(0, -left), min(size[1], width - left)):
                            pixel = dx[n, top + i, left + j]
                            for c in range(channels):
                                pixel[c] += gradient[c] * each
        first, last = take(turn)


def max_pool(x: Array, y: Array, found: Array, window: Window) -> None:
    """y (N, H', W', C) of x (N, H, W, C); ``found`` keeps which place of each window was the first largest."""
    _run(_max, x, y, found, window)


def max_pool_back(dy: Array, dx: Array, found: Array, window: Window) -> None:
    """dx of dy, by what ``max_pool`` found."""
    _run(_max_back, dy, dx, found, window)


def average_pool(x: Array, y: Array, shares: Array, window: Window) -> None:
    """y of x; ``shares`` (H', W', 1) is what each pixel of a window counts."""
    _run(_mean, x, y, shares, window)


def average_pool_back(dy: Array, dx: Array, shares: Array, window: Window) -> None:
    """dx of dy."""
    _run(_mean_back, dy, dx, shares, window)


def _run(sweep: Callable[..., None], a: Array, b: Array, beside: Array, window: Window) -> None:
    def job(_: int, turn: Array) -> None:
        sweep(turn, a, b, beside, window.size, window.stride, window.before)

    share(len(a), threads_for(max(a.size, b.size)), job)
