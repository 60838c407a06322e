"""Cross entropy: the surprise at the true class, of a softmax over the outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dltricks.core.loss import Loss
from dltricks.core.types import Array, Rate


@dataclass
class CrossEntropy(Loss):
    """q = softmax(z)          L = -sum_c t_c log q_c          dL/dz = q - t

    With label smoothing s, t becomes (1 - s) t + s / C.

    Reference: Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28; label smoothing: Szegedy et al. 2016,
    https://arxiv.org/abs/1512.00567
    Suggested: the loss for classification; smoothing 0.1 where classes overlap or labels are noisy.
    Does not help when smoothing is on and the network is not overconfident: its probabilities become too modest.
    """

    smoothing: Rate = 0.0

    def prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        replicas, batch, classes = shape
        s = np.asarray(self.smoothing, np.float64).reshape(-1, 1, 1)
        self.keep, self.floor = (1 - s).astype(dtype), (s / classes).astype(dtype)
        self.smooths = bool((s > 0).any())
        self.ones = np.ones((classes, 1), dtype)
        self.rows = np.arange(replicas * batch).reshape(replicas, batch) * classes
        self.highest = np.empty((replicas, batch), dtype)
        self.sums = np.empty((replicas, batch, 1), dtype)
        self.sums_row = self.sums[..., 0]
        self.soft = np.empty(shape, dtype)

    def forward(self, z: Array, target: Array) -> Array:
        if self.smooths:
            np.multiply(target, self.keep, out=self.soft)
            target = np.add(self.soft, self.floor, out=self.soft)
        self.target = target
        # The largest output of each sample, by its place: several times faster than a maximum over a short axis.
        self.top = z.argmax(-1)
        z.take(self.top + self.rows, out=self.highest, mode="clip")
        shifted = np.subtract(z, self.highest[..., None], out=self.tmp)
        np.exp(shifted, out=self.dz)
        np.matmul(self.dz, self.ones, out=self.sums)
        # The targets sum to one, so -sum t log q = log sum exp - t . z
        losses: Array = np.log(self.sums_row) - np.vecdot(target, shifted)
        return losses

    def backward(self) -> Array:
        np.divide(self.dz, self.sums, out=self.dz)
        np.subtract(self.dz, self.target, out=self.dz)
        return np.multiply(self.dz, self.inverse_batch, out=self.dz)
