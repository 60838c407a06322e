"""LARS: momentum whose step in each layer is a fixed share of the layer's weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import norms
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, NonNegative, Positive, Share


@dataclass
class Lars(Optimizer):
    """r = trust ||p|| / (||g|| + weight_decay ||p||)        for each kernel
    v <- gamma v + lr r (g + weight_decay p)
    p <- p - v

    Biases and gains have r = 1 and no decay, as is usual. A kernel whose weights or gradient are all zero has r = 1,
    too: the paper's r would hold it at zero for ever.

    Reference: You, Gitman & Ginsburg 2017, https://arxiv.org/abs/1708.03888
    Suggested: lr * trust is the share of its weights that a layer moves by in a step, before momentum. The paper takes
    trust 0.001 and an lr above 1 for batches of thousands; a smaller lr with a larger trust is kinder to biases.
    Does not help when batches are small: plain momentum does as well.
    """

    lr: Positive = 0.1
    gamma: Share = 0.9
    """The share of the velocity kept at each step."""
    trust: Positive = 0.02
    weight_decay: NonNegative = 1e-4

    slots = ("v",)
    elementwise = False

    def setup(self) -> None:
        self.c_gamma, self.c_decay = self.cast(self.gamma), self.cast(self.weight_decay)
        kernels = [parameter for parameter in self.store.parameters if parameter.role == "kernel"]
        self.kernels = [slice(kernel.start, kernel.start + kernel.size) for kernel in kernels]

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array, v: Array) -> None:
        for part in self.kernels:
            weights, gradient = norms(p[:, part])[:, None], norms(g[:, part])[:, None]
            g[:, part] += np.multiply(p[:, part], self.c_decay, out=tmp[:, part])
            r = np.ones_like(weights)
            whole = gradient + self.weight_decay * weights
            np.divide(self.trust * weights, whole, out=r, where=(weights > 0) & (gradient > 0))
            g[:, part] *= self.cast(r)
        v *= self.c_gamma
        g *= self.size
        v += g
        p -= v
