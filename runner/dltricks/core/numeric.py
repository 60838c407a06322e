"""Numerical helpers that keep a replica's bits the same alone and in any stack."""

from __future__ import annotations

import numpy as np

from dltricks.core.types import Array


def power(base: Array, exponent: float) -> Array:
    """base ** exponent for a float64 (K, 1) column, value by value.

    numpy's array power takes other paths for other lengths, so that a replica's bits would depend on K.
    """
    return np.array([[float(value) ** exponent] for value in base[:, 0]])


def norms(flat: Array) -> Array:
    """Euclidean norm of each row of (K, P), as float64 (K,).

    Squares that overflow the dtype are summed again in float64, so that a huge but finite gradient has a finite norm.
    """
    squares = np.vecdot(flat, flat).astype(np.float64)
    for k in np.flatnonzero(~np.isfinite(squares)):
        largest = float(np.abs(flat[k]).max())
        if 0 < largest < np.inf:
            scaled = flat[k].astype(np.float64) / largest
            squares[k] = np.vecdot(scaled, scaled) * largest * largest
    return np.sqrt(squares)
