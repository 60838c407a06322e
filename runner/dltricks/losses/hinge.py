"""Hinge: the true class must win by a margin; a win by more counts no further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dltricks.core.loss import Loss
from dltricks.core.types import Array, Positive


@dataclass
class Hinge(Loss):
    """h_c = max(0, margin (1 - t_c) + z_c - t . z)          L = mean_c h_c
    dL/dz = ([h > 0] - t sum_c [h_c > 0]) / C

    For a true class y, t . z is z_y: every other class is to stay a margin below it. This is PyTorch's MultiMarginLoss.

    Reference: Weston & Watkins 1999, https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf
    Suggested: margin 1, where only the decision counts.
    Does not help when probabilities are wanted: the softmax of these outputs is not calibrated.
    """

    margin: Positive = 1.0

    def prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        replicas, batch, classes = shape
        self.c_margin = np.asarray(self.margin, np.float64).reshape(-1, 1, 1).astype(dtype)
        self.ones = np.ones((classes, 1), dtype)
        self.sums = np.empty((replicas, batch, 1), dtype)
        self.inverse_outputs: Array = np.asarray(1 / classes, dtype)
        self.slope: Array = np.asarray(1 / (batch * classes), dtype)

    def forward(self, z: Array, target: Array) -> Array:
        self.target = target
        np.vecdot(target, z, out=self.sums[..., 0])
        np.subtract(z, self.sums, out=self.tmp)
        np.subtract(1, target, out=self.dz)
        np.multiply(self.dz, self.c_margin, out=self.dz)
        np.add(self.tmp, self.dz, out=self.tmp)
        np.maximum(self.tmp, 0, out=self.tmp)
        np.matmul(self.tmp, self.ones, out=self.sums)
        return np.asarray(self.sums[..., 0] * self.inverse_outputs)

    def backward(self) -> Array:
        active = np.greater(self.tmp, 0, out=self.tmp)
        np.matmul(active, self.ones, out=self.sums)
        np.multiply(self.target, self.sums, out=self.dz)
        np.subtract(active, self.dz, out=self.dz)
        return np.multiply(self.dz, self.slope, out=self.dz)
