"""Orthogonal: a random rotation, which keeps every length."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.initializer import Initializer
from dltricks.core.types import Array, Positive


def orthonormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A random kernel (..., outputs) with orthonormal columns, or orthonormal rows where it is wider than high."""
    rows, columns = prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    # QR alone prefers some rotations; with a positive diagonal of r all are equally likely (Mezzadri 2007).
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return np.asarray(q if rows >= columns else q.T).reshape(shape)


@dataclass
class Orthogonal(Initializer):
    """W^T W = gain^2 I (W W^T where there are more outputs than inputs), uniform over all such W

    Reference: Saxe, McClelland & Ganguli 2014, https://arxiv.org/abs/1312.6120
    Suggested: gain 1 for linear and tanh networks, 1.41 for relu.
    Does not help when a normalization follows every layer: the scale is then taken out again.
    """

    gain: Positive = 1.0

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return self.gain * orthonormal(rng, shape)
