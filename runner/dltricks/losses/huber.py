"""Huber: squared for small errors, straight for large ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dltricks.core.loss import Loss
from dltricks.core.types import Array, Positive


@dataclass
class Huber(Loss):
    """e = z - t, c = e cut at -delta and delta          L = mean_c c (e - c/2)          dL/dz = c / C

    That is e^2/2 up to delta, and delta (|e| - delta/2) beyond it. A mean over the outputs as well as the batch, as in
    PyTorch.

    Reference: Huber 1964, https://doi.org/10.1214/aoms/1177703732
    Suggested: delta 1 for targets of variance 1: about the size of an ordinary error.
    Does not help when there are no outliers: mse then uses the data better.
    """

    delta: Positive = 1.0

    tasks = ("regression",)

    def prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.highest = np.asarray(self.delta, np.float64).reshape(-1, 1, 1).astype(dtype)
        self.cut = np.empty(shape, dtype)
        self.inverse_outputs: Array = np.asarray(1 / shape[2], dtype)
        self.slope: Array = np.asarray(1 / (shape[1] * shape[2]), dtype)

    def forward(self, z: Array, target: Array) -> Array:
        error = np.subtract(z, target, out=self.tmp)
        np.minimum(error, self.highest, out=self.cut)
        np.maximum(self.cut, -self.highest, out=self.cut)
        np.multiply(self.cut, 0.5, out=self.dz)
        np.subtract(error, self.dz, out=self.dz)
        return np.asarray(np.vecdot(self.cut, self.dz) * self.inverse_outputs)

    def backward(self) -> Array:
        return np.multiply(self.cut, self.slope, out=self.dz)
