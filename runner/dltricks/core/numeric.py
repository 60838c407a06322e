"""Numerical helpers that keep a replica's bits the same alone and in any stack."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, sqrt
from typing import Any

import numpy as np

from dltricks.core.types import Array

TINY = 1e-30
"""A factor below it may be no normal number in float32."""


def power(base: Any, exponent: float) -> Array:
    """base ** exponent for a float64 (K, 1) column, value by value.

    numpy's array power takes other paths for other lengths, so that a replica's bits would depend on K.
    """
    return np.array([[value**exponent] for value in base[:, 0].tolist()])


def plain(*columns: Any) -> Iterator[tuple[float, ...]]:
    """The replicas' values of float64 (K, 1) columns as plain floats, one tuple for each replica."""
    return zip(*(column[:, 0].tolist() for column in columns), strict=True)


def folded(lr: Any, b1: Any, b2: Any, eps: Any, t: int) -> tuple[list[list[float]], list[list[float]]]:
    """The two numbers of each replica that make Adam's step t: p -= size * m / (sqrt(v) + eps_t).

    The slots hold m/(1-b1) and v/(1-b2), so that all other constants move into these. It takes (K, 1) columns, gives
    lists of the same shape, and counts in plain floats: a dozen operations on tiny arrays cost as much as two passes
    over all parameters. Where all replicas have the same settings it gives a single row, (1, 1).
    """
    columns = [column[:, 0].tolist() for column in (lr, b1, b2, eps)]
    if all(column.count(column[0]) == len(column) for column in columns):
        columns = [column[:1] for column in columns]
    size, eps_t = [], []
    for rate, keep_m, keep_v, least in zip(*columns, strict=True):
        root = sqrt((1 - keep_v) / (1 - keep_v**t))
        size.append([rate * (1 - keep_m) / (1 - keep_m**t) / root])
        eps_t.append([least / root])
    return size, eps_t


def norms(flat: Array) -> Array:
    """Euclidean norm of each row of (K, P), as float64 (K,).

    A row whose squares overflow is measured again in units of its largest value, so that a huge but finite
    gradient has a finite norm.
    """
    result: Array = np.sqrt(np.vecdot(flat, flat), dtype=np.float64)
    if not isfinite(np.add.reduce(result)):
        for k in np.flatnonzero(~np.isfinite(result)):
            result[k] = _scaled_norms(flat[k, :, None])[0]
    return result


def column_norms(w: Array, tmp: Array) -> Array:
    """Euclidean norm of each column of (K, N, O), as float64 (K, 1, O); ``tmp`` has room for as many."""
    squares = np.multiply(w, w, out=tmp[: w.size].reshape(w.shape))
    result: Array = np.sqrt(np.matmul(np.ones((1, w.shape[1]), w.dtype), squares).astype(np.float64))
    for k in np.flatnonzero(~np.isfinite(result).all(-1)):
        result[k, 0] = np.where(np.isfinite(result[k, 0]), result[k, 0], _scaled_norms(w[k]))
    return result


def shrink(g: Array, factor: Array) -> None:
    """g *= factor in place, for float64 factors from 0 to 1 that may be too small for the dtype of g.

    Where a huge norm makes the factor smaller than float32's normal numbers, it is applied as its root, twice.
    """
    if min(factor.ravel().tolist()) < TINY:
        root = np.where(factor < TINY, np.sqrt(factor), 1.0)
        g *= root.astype(g.dtype)
        factor = np.where(factor < TINY, root, factor)
    narrow = factor.astype(g.dtype)
    g *= narrow.reshape(()) if narrow.size == 1 else narrow


def _scaled_norms(columns: Array) -> Array:
    """Norms of the columns of (N, O) in units of their largest values; infinity and NaN stay."""
    largest = np.abs(columns).max(0).astype(np.float64)
    scaled = columns / np.where((largest > 0) & (largest < np.inf), largest, 1.0)
    return np.asarray(largest * np.sqrt(np.square(scaled).sum(0)))


def over_batch(weights: Array, a: Array, out: Array) -> None:
    """The weighted sums, weights (1, N) times a (K, N, C), into out (K, 1, C).

    Sums over a batch belong in BLAS: many times faster than sum(axis). For one replica ``dot`` makes the same call to
    BLAS as ``matmul``, at half the cost of getting there.
    """
    if len(a) == 1:
        weights.dot(a[0], out=out[0])
    else:
        np.matmul(weights, a, out=out)


def sigmoid(x: Array, out: Array) -> Array:
    """1 / (1 + exp(-x)) into ``out``. Where exp overflows, the quotient is rightly 0."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    return np.reciprocal(out, out=out)
