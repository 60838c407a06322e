"""Group normalization: mean 0 and variance 1 over groups of channels of one sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import Normalization
from dltricks.core.types import Array, Positive, Size


@dataclass
class Group(Normalization):
    """m = mean(x), v = mean((x - m)^2) over a group of neighbouring channels (and the places of an image)
    x^ = (x - m) / sqrt(v + eps)          y = gain x^ + bias, for each channel
    dx = (d - mean(d) - x^ mean(d x^)) / sqrt(v + eps)          where d = gain dy

    One group is layer normalization, as many groups as channels is instance normalization.

    Reference: Wu & He 2018, https://arxiv.org/abs/1803.08494
    Suggested: 16 channels to a group or 32 groups, where memory allows only small batches.
    Does not help when batches are large: batch normalization then does better.
    """

    groups: Size = 4
    eps: Positive = 1e-5

    def declare(self, shape: Shape) -> Shape:
        channels = shape[-1]
        if channels % self.groups:
            fitting = [n for n in range(1, channels + 1) if channels % n == 0]
            nearest = min(fitting, key=lambda n: abs(n - self.groups))
            raise UsageError(
                f"{self.path}: {channels} channels cannot be split into {self.groups} equal groups; "
                f"the nearest number that divides them is {nearest}"
            )
        self.affine(channels)
        return shape

    def bound(self) -> None:
        self.gain_row, self.dgain_row = self.gain[:, None], self.dgain[:, None]
        self.bias_row, self.dbias_row = self.bias[:, None], self.dbias[:, None]

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, places, channels = shape[0], shape[1], prod(shape[2:-1]), shape[-1]
        self.full = (replicas, batch, places, channels)
        self.rows = (replicas, batch * places, channels)
        self.y = self.buffer("y", shape)
        self.hat, self.tmp = self.buffer("hat", self.full), self.buffer("tmp", self.full)
        self.over_places = np.full((1, places), 1 / places, self.dtype)
        self.ones = np.ones((1, self.rows[1]), self.dtype)
        # Multiplying by this matrix puts a group's mean at each of its channels.
        size = channels // self.groups
        self.over_group = np.kron(np.eye(self.groups), np.full((size, size), 1 / size)).astype(self.dtype)
        self.sums = self.buffer("sums", (replicas, batch, channels))
        self.mean = self.buffer("mean", (replicas, batch, channels))
        self.inverse = self.buffer("inverse", (replicas, batch, channels))
        self.c_eps = self.column(self.eps, 3)
        return shape

    def _mean(self, a: Array, out: Array) -> Array:
        """The mean of a (K, B, places, C) over places and groups: ``out`` (K, B, C), seen as (K, B, 1, C)."""
        np.matmul(self.over_places, a, out=self.sums[:, :, None])
        return np.matmul(self.sums, self.over_group, out=out)[:, :, None]

    def forward(self, x: Array, context: Context) -> Array:
        x, hat = x.reshape(self.full), self.hat
        np.subtract(x, self._mean(x, self.mean), out=hat)
        inverse = self._mean(np.multiply(hat, hat, out=self.tmp), self.inverse)
        np.add(self.inverse, self.c_eps, out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)
        np.multiply(hat, inverse, out=hat)
        y = self.y.reshape(self.rows)
        np.multiply(hat.reshape(self.rows), self.gain_row, out=y)
        np.add(y, self.bias_row, out=y)
        return self.y

    def backward(self, dy: Array) -> Array | None:
        shape, tmp, hat = dy.shape, self.tmp, self.hat
        d = dy.reshape(self.rows)
        np.matmul(self.ones, d, out=self.dbias_row)
        product = np.multiply(d, hat.reshape(self.rows), out=tmp.reshape(self.rows))
        np.matmul(self.ones, product, out=self.dgain_row)
        np.multiply(d, self.gain_row, out=d)
        d = d.reshape(self.full)
        np.multiply(d, hat, out=tmp)
        np.subtract(d, self._mean(d, self.mean), out=d)
        np.multiply(hat, self._mean(tmp, self.mean), out=tmp)
        np.subtract(d, tmp, out=d)
        return np.multiply(d, self.inverse[:, :, None], out=d).reshape(shape)
