"""Sums and cuts of whole arrays in one sweep, on all threads."""

from __future__ import annotations

from dltricks.compiled.jit import kernel
from dltricks.core.parallel import pool, share
from dltricks.core.types import Array

SHARED = 1 << 20
"""Values of an array from which on its parts go to other threads: fewer are done before these are awake. No value
depends on another."""


@kernel
def _add(a, b, y, cut):
    zero = a.dtype.type(0)
    if cut:
        for i in range(len(a)):
            total = a[i] + b[i]
            y[i] = zero if total < zero else total
    else:
        for i in range(len(a)):
            y[i] = a[i] + b[i]


@kernel
def _rectify(x, y):
    zero = x.dtype.type(0)
    for i in range(len(x)):
        y[i] = zero if x[i] < zero else x[i]


@kernel
def _mask(y, dy):
    zero = y.dtype.type(0)
    for i in range(len(y)):
        dy[i] = dy[i] if y[i] > zero else zero


@kernel
def _split(y, dy, copy, cut):
    zero = y.dtype.type(0)
    for i in range(len(y)):
        value = dy[i] if y[i] > zero or not cut else zero
        dy[i], copy[i] = value, value


def _threads(array: Array) -> int:
    return pool.threads if array.size >= SHARED else 1


def add(a: Array, b: Array, y: Array, cut: bool) -> None:
    """y = a + b, or max(a + b, 0) where ``cut``."""
    a, b, y = a.reshape(-1), b.reshape(-1), y.reshape(-1)

    def job(_: int, first: int, last: int) -> None:
        _add(a[first:last], b[first:last], y[first:last], cut)

    share(a.size, _threads(a), job)


def rectify(x: Array, y: Array) -> None:
    """y = max(x, 0)."""
    x, y = x.reshape(-1), y.reshape(-1)
    share(x.size, _threads(x), lambda _, first, last: _rectify(x[first:last], y[first:last]))


def mask(y: Array, dy: Array) -> None:
    """dy <- dy where y > 0, else 0. Both are contiguous."""
    y, dy = y.reshape(-1), dy.reshape(-1)
    share(y.size, _threads(y), lambda _, first, last: _mask(y[first:last], dy[first:last]))


def split(y: Array, dy: Array, copy: Array, cut: bool) -> None:
    """The same, and a copy of it; only the copy where nothing was ``cut``. All are contiguous."""
    y, dy, copy = y.reshape(-1), dy.reshape(-1), copy.reshape(-1)

    def job(_: int, first: int, last: int) -> None:
        _split(y[first:last], dy[first:last], copy[first:last], cut)

    share(y.size, _threads(y), job)
