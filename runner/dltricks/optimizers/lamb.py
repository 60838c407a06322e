"""LAMB: Adam whose step in each layer is a fixed share of the layer's weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import folded, norms
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, NonNegative, Positive


@dataclass
class Lamb(Optimizer):
    """m <- b1 m + (1-b1) g          v <- b2 v + (1-b2) g^2
    u = m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps)
    u <- u + weight_decay p,  u <- u ||p|| / ||u||        for each kernel
    p <- p - lr u

    Biases and gains take Adam's step without decay, as is usual. A kernel where one of the norms is zero goes without
    their quotient. The norm of p is not bounded (the paper's phi is the identity).

    Reference: You et al. 2020, https://arxiv.org/abs/1904.00962
    Suggested: lr is the share of its weights that a layer moves by in a step: 2e-3 to 1e-2.
    Does not help when batches are small: adam does as well.
    """

    lr: Positive = 5e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-6
    weight_decay: NonNegative = 0.01

    slots = ("m", "v")
    elementwise = False

    def setup(self) -> None:
        self.c_b1, self.c_b2, self.c_decay = map(self.cast, (self.b1, self.b2, self.weight_decay))
        kernels = [parameter for parameter in self.store.parameters if parameter.role == "kernel"]
        self.kernels = [slice(kernel.start, kernel.start + kernel.size) for kernel in kernels]

    def prepare(self, lr: Array, t: int) -> None:
        # The slots hold m/(1-b1) and v/(1-b2), as in adam: u = scale * m / (sqrt(v) + eps_t)
        self.scale, self.eps_t = map(self.cast, folded(np.ones_like(lr), self.b1, self.b2, self.eps, t))
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array, m: Array, v: Array) -> None:
        m *= self.c_b1
        m += g
        v *= self.c_b2
        v += np.multiply(g, g, out=tmp)
        np.sqrt(v, out=tmp)
        tmp += self.eps_t
        u = np.divide(m, tmp, out=tmp)
        u *= self.scale
        for part in self.kernels:
            u[:, part] += np.multiply(p[:, part], self.c_decay, out=g[:, part])
            weights, update = norms(p[:, part])[:, None], norms(u[:, part])[:, None]
            r = np.ones_like(weights)
            np.divide(weights, update, out=r, where=(weights > 0) & (update > 0))
            u[:, part] *= self.cast(r)
        u *= self.size
        p -= u
