"""Batch normalization: every channel gets mean 0 and variance 1 over the batch."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import Normalization
from dltricks.core.numeric import over_batch
from dltricks.core.types import Array, Positive


@dataclass
class Batch(Normalization):
    """m = mean(x), v = mean((x - m)^2) over the batch (and the places of an image), for each channel
    x^ = (x - m) / sqrt(v + eps)          y = gain x^ + bias
    dx = gain / sqrt(v + eps) (dy - mean(dy) - x^ mean(dy x^))

    Evaluation uses running statistics: running <- (1 - momentum) running + momentum new, the variance with n - 1.

    Reference: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167
    Suggested: deep networks, batches of 32 or more, with a larger learning rate than without it.
    Does not help when batches are small or their samples depend on one another: the statistics are then noise.
    As in PyTorch, ``momentum`` is the share of the new batch; in Keras it is that of the old.
    """

    momentum: Annotated[float, Gt(0), Le(1)] = 0.1
    eps: Positive = 1e-5

    needs_batch = True
    cancels_bias = True

    def declare(self, shape: Shape) -> Shape:
        self.affine(shape[-1])
        # Means above variances in one array, so that one sweep updates both.
        self.moving = self.statistic("moving", (2, shape[-1]), 0.0)
        self.moving[:, 1] = 1.0
        self.rectifies = self.compiled and len(shape) == 3
        self.running = {"mean": self.moving[:, 0], "variance": self.moving[:, 1]}
        return shape

    def bound(self) -> None:
        self.gain_row, self.dgain_row = self.gain[:, None], self.dgain[:, None]
        self.bias_row, self.dbias_row = self.bias[:, None], self.dbias[:, None]

    def allocate(self, shape: Shape) -> Shape:
        replicas, channels, self.n = shape[0], shape[-1], prod(shape[1:-1])
        self.shape, self.flat = shape, (replicas, self.n, channels)
        self.y = self.buffer("y", shape)
        self.rows = self.y.reshape(self.flat)
        if self.rectifies:
            from dltricks.compiled.batch import Sweeps

            self.sweeps = Sweeps(self.flat, self.buffer)
        else:
            self.centred, self.tmp = self.buffer("centred", self.flat), self.buffer("tmp", self.flat)
            self.average = np.full((1, self.n), 1 / self.n, self.dtype)
        self.moments = self.buffer("moments", (replicas, 2, channels))
        self.mean, self.variance = self.moments[:, :1], self.moments[:, 1:]
        self.means = self.buffer("means", (replicas, 2, channels))
        self.mean_dy, self.mean_product = self.means[:, :1], self.means[:, 1:]
        self.inverse = self.buffer("inverse", (replicas, 1, channels))
        self.scale = self.buffer("scale", (replicas, 1, channels))
        self.c_eps = self._whole(self.eps)
        self._weigh(0)
        return shape

    def forward(self, x: Array, context: Context) -> Array:
        self.x = x = x.reshape(self.flat)
        self.training = context.training
        self.cut = self.joined and context.watch is None
        if self.training:
            self._measure(x)
            mean, variance = self.mean, self.variance
            if context.estimating != self.estimating:
                self._weigh(context.estimating)
            self.moving *= self.keep
            self.moving += np.multiply(self.moments, self.take, out=self.means)
        else:
            mean, variance = self.moving[:, :1], self.moving[:, 1:]
        np.add(variance, self.c_eps, out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)
        np.multiply(self.inverse, self.gain_row, out=self.scale)
        if self.rectifies:
            # As it was in this pass: the gradient must know where the output was cut off.
            self.affine_of = tuple(np.ascontiguousarray(each[:, 0]) for each in (mean, self.scale, self.bias_row))
            self.sweeps.scale(x, self.affine_of, self.rows, self.cut)
            return self.y
        if not self.training:
            np.subtract(x, mean, out=self.centred)
        np.multiply(self.centred, self.scale, out=self.rows)
        np.add(self.rows, self.bias_row, out=self.rows)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        mean, variance = (graph.constant(self.running[name][0]) for name in ("mean", "variance"))
        gain, bias = graph.constant(self.gain[0]), graph.constant(self.bias[0])
        return graph.node("BatchNormalization", x, gain, bias, mean, variance, epsilon=graph.single(self.eps))

    def _measure(self, x: Array) -> None:
        """Mean and variance of each channel, and without sweeps the distances from the mean, which are needed again."""
        if self.rectifies:
            self.sweeps.moments(x, self.moments)
            return
        over_batch(self.average, x, self.mean)
        np.subtract(x, self.mean, out=self.centred)
        np.multiply(self.centred, self.centred, out=self.tmp)
        over_batch(self.average, self.tmp, self.variance)

    def backward(self, dy: Array) -> Array | None:
        dy, product = np.ascontiguousarray(dy).reshape(self.flat), self.mean_product
        if self.rectifies:
            self.sweeps.products(self.x, dy, self.affine_of, self.means, self.cut)
        else:
            over_batch(self.average, dy, self.mean_dy)
            np.multiply(dy, self.centred, out=self.tmp)
            over_batch(self.average, self.tmp, product)
        np.multiply(self.mean_dy, self.n, out=self.dbias_row)
        np.multiply(product, self.inverse, out=product)
        np.multiply(product, self.n, out=self.dgain_row)
        if self.training:
            np.multiply(product, self.inverse, out=product)
            if self.rectifies:
                shift, slope = (np.ascontiguousarray(each) for each in self.means.swapaxes(0, 1))
                self.sweeps.pull(self.x, dy, self.affine_of, shift, slope)
                return dy.reshape(self.shape)
            np.subtract(dy, self.mean_dy, out=dy)
            np.multiply(self.centred, product, out=self.tmp)
            np.subtract(dy, self.tmp, out=dy)
        return np.multiply(dy, self.scale, out=dy).reshape(self.shape)

    def _weigh(self, estimating: int) -> None:
        """Sets the shares of old and new moments; the n-th batch of an estimation weighs 1/n."""
        self.estimating = estimating
        share = 1 / estimating if estimating else np.asarray(self.momentum, np.float64)
        self.keep = self._whole(1 - share)
        # The variance was divided by n, the running one is by n - 1.
        self.take = np.concatenate([self._whole(share), self._whole(share * self.n / max(1, self.n - 1))], 1)

    def _whole(self, value: float | Array) -> Array:
        # Spread over the channels: numpy adds equal shapes in half the time.
        column = self.column(value, 3)
        return np.ascontiguousarray(np.broadcast_to(column, (self.flat[0], 1, self.flat[2])))
