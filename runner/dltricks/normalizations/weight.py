"""Weight normalization: length and direction of each unit's weights are learned apart."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import Normalization
from dltricks.core.types import Array


@dataclass
class Weight(Normalization):
    """W = gain v / ||v||, for each output's column v of the kernel
    dgain = v . dW / ||v||          dv = gain / ||v|| (dW - v (v . dW) / ||v||^2)

    At the start gain = ||v||, so that W is what the initializer drew.

    Reference: Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868
    Suggested: where batch statistics are not wanted, with the learning rate of a network without normalization.
    Does not help when a penalty or max_norm is set: they act on v, whose length has no effect on W.
    The data-dependent start of the paper is the initializer ``lsuv``.
    """

    on_weights = True

    def declare(self, shape: Shape) -> Shape:
        self.parameter("gain", (shape[-1],), "gain", 1.0)
        return shape

    def bound(self) -> None:
        self.gain_row, self.dgain_row = self.gain[:, None], self.dgain[:, None]

    def started_on(self, W: Array) -> None:
        v = W.reshape(len(W), -1, W.shape[-1]).astype(np.float64)
        norms = np.sqrt(np.add.reduce(v * v, 1))
        if not norms.all():
            raise UsageError(
                f"{self.path}: weight normalization divides by the length of each unit's weights, and the initializer "
                "made it zero; choose another one, such as he"
            )
        self.gain[...] = norms

    def allocate(self, shape: Shape) -> Shape:
        replicas, inputs, outputs = shape[0], prod(shape[1:-1]), shape[-1]
        self.flat = (replicas, inputs, outputs)
        self.W = self.buffer("W", shape)
        self.tmp = self.buffer("tmp", self.flat)
        self.ones = np.ones((1, inputs), self.dtype)
        self.norm = self.buffer("norm", (replicas, 1, outputs))
        self.scale = self.buffer("scale", (replicas, 1, outputs))
        self.along = self.buffer("along", (replicas, 1, outputs))
        return shape

    def forward(self, x: Array, context: Context) -> Array:
        self.v = x.reshape(self.flat)
        np.multiply(self.v, self.v, out=self.tmp)
        np.matmul(self.ones, self.tmp, out=self.norm)
        np.sqrt(self.norm, out=self.norm)
        np.divide(self.gain_row, self.norm, out=self.scale)
        np.multiply(self.v, self.scale, out=self.W.reshape(self.flat))
        return self.W

    def backward(self, dy: Array) -> Array | None:
        dW, along = dy.reshape(self.flat), self.along
        np.multiply(self.v, dW, out=self.tmp)
        np.matmul(self.ones, self.tmp, out=along)
        np.divide(along, self.norm, out=self.dgain_row)
        np.divide(self.dgain_row, self.norm, out=along)
        np.multiply(self.v, along, out=self.tmp)
        np.subtract(dW, self.tmp, out=dW)
        np.multiply(dW, self.scale, out=dW)
        return dy
