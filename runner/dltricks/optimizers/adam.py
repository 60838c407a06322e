"""Adam: a step size per parameter, from running moments of the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import folded
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, Positive


@dataclass
class Adam(Optimizer):
    """m <- b1 m + (1-b1) g          v <- b2 v + (1-b2) g^2
    p <- p - lr * m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps)

    The slots hold m/(1-b1) and v/(1-b2): the constants move into two numbers per step, and two passes over
    memory are saved.

    Reference: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980
    Suggested: lr 1e-3; 3e-4 where it is unstable.
    Does not help when the best test accuracy counts more than speed: well-tuned momentum with decay often ends higher.
    """

    lr: Positive = 1e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8

    slots = ("m", "v")

    def setup(self) -> None:
        self.c_b1, self.c_b2 = self.cast(self.b1), self.cast(self.b2)

    def prepare(self, lr: Array, t: int) -> None:
        # With the slots' constants folded in: p -= size * m / (sqrt(v) + eps_t)
        self.size, self.eps_t = map(self.cast, folded(lr, self.b1, self.b2, self.eps, t))

    def step(self, p: Array, g: Array, tmp: Array, m: Array, v: Array) -> None:
        m *= self.c_b1
        m += g
        v *= self.c_b2
        v += np.multiply(g, g, out=tmp)
        np.sqrt(v, out=tmp)
        tmp += self.eps_t
        np.divide(m, tmp, out=tmp)
        tmp *= self.size
        p -= tmp
