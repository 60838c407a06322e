"""Functions of whole arrays, value by value in one sweep, on all threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dltricks.compiled.awake import share, take, threads_for
from dltricks.compiled.jit import kernel
from dltricks.core.types import Array


@kernel
def _add(turn, a, b, y, cut):
    zero = a.dtype.type(0)
    first, last = take(turn)
    while first < last:
        left, right, into = a[first:last], b[first:last], y[first:last]
        if cut:
            for i in range(len(into)):
                total = left[i] + right[i]
                into[i] = zero if total < zero else total
        else:
            for i in range(len(into)):
                into[i] = left[i] + right[i]
        first, last = take(turn)


@kernel
def _rectify(turn, x, y):
    zero = x.dtype.type(0)
    first, last = take(turn)
    while first < last:
        values, into = x[first:last], y[first:last]
        for i in range(len(into)):
            into[i] = zero if values[i] < zero else values[i]
        first, last = take(turn)


@kernel
def _mask(turn, y, dy):
    zero = y.dtype.type(0)
    first, last = take(turn)
    while first < last:
        values, into = y[first:last], dy[first:last]
        for i in range(len(into)):
            into[i] = into[i] if values[i] > zero else zero
        first, last = take(turn)


@kernel
def _split(turn, y, dy, copy, cut):
    zero = y.dtype.type(0)
    first, last = take(turn)
    while first < last:
        values, into, other = y[first:last], dy[first:last], copy[first:last]
        for i in range(len(into)):
            value = into[i] if values[i] > zero or not cut else zero
            into[i], other[i] = value, value
        first, last = take(turn)


@kernel
def _tanh(turn, x, y):
    # Eigen's and XLA's rational function, to a relative error below 5e-7; it is 1 from 7.9 on.
    most = np.float32(7.90531110763549805)
    first, last = take(turn)
    while first < last:
        values, into = x[first:last], y[first:last]
        for i in range(len(into)):
            v = values[i]
            v = -most if v < -most else v
            v = most if v > most else v
            s = v * v
            p = np.float32(-2.76076847742355e-16) * s + np.float32(2.00018790482477e-13)
            p = p * s + np.float32(-8.60467152213735e-11)
            p = p * s + np.float32(5.12229709037114e-08)
            p = p * s + np.float32(1.48572235717979e-05)
            p = p * s + np.float32(6.37261928875436e-04)
            p = p * s + np.float32(4.89352455891786e-03)
            q = np.float32(1.19825839466702e-06) * s + np.float32(1.18534705686654e-04)
            q = q * s + np.float32(2.26843463243900e-03)
            q = q * s + np.float32(4.89352518554385e-03)
            into[i] = v * (p / q)
        first, last = take(turn)


@kernel
def _tanh_back(turn, y, dy):
    one = y.dtype.type(1)
    first, last = take(turn)
    while first < last:
        values, into = y[first:last], dy[first:last]
        for i in range(len(into)):
            into[i] *= one - values[i] * values[i]
        first, last = take(turn)


def add(a: Array, b: Array, y: Array, cut: bool) -> None:
    """y = a + b, or max(a + b, 0) where ``cut``."""
    _run(_add, (a, b, y), cut)


def rectify(x: Array, y: Array) -> None:
    """y = max(x, 0)."""
    _run(_rectify, (x, y))


def mask(y: Array, dy: Array) -> None:
    """dy <- dy where y > 0, else 0. Both are contiguous."""
    _run(_mask, (y, dy))


def split(y: Array, dy: Array, copy: Array, cut: bool) -> None:
    """As ``mask``, and a copy of the result; where nothing was ``cut``, only the copy. All are contiguous."""
    _run(_split, (y, dy, copy), cut)


def tanh(x: Array, y: Array) -> None:
    """y = tanh(x), in float32."""
    _run(_tanh, (x, y))


def tanh_back(y: Array, dy: Array) -> None:
    """dy <- dy (1 - y^2). Both are contiguous."""
    _run(_tanh_back, (y, dy))


def _run(sweep: Callable[..., None], arrays: Sequence[Array], *options: bool) -> None:
    """A kernel over arrays of one size, flat."""
    flat = [array.reshape(-1) for array in arrays]
    share(flat[0].size, threads_for(flat[0].size), lambda _, turn: sweep(turn, *flat, *options))
