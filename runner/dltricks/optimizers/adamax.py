"""AdaMax: Adam that divides by a decaying maximum of the gradient instead of a root of squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import power
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, Positive


@dataclass
class Adamax(Optimizer):
    """m <- b1 m + (1-b1) g          u <- max(b2 u, |g| + eps)
    p <- p - lr * m/(1-b1^t) / u

    The slot holds m/(1-b1), as in adam. The paper has no eps; it is here as in PyTorch, against 0/0.

    Reference: Kingma & Ba 2015, section 7.1, https://arxiv.org/abs/1412.6980
    Suggested: lr 2e-3.
    Does not help when single large gradients are noise: one of them shortens the steps for 1/(1-b2) steps.
    """

    lr: Positive = 2e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8

    slots = ("m", "u")

    def setup(self) -> None:
        self.c_b1, self.c_b2, self.c_eps = map(self.cast, (self.b1, self.b2, self.eps))

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr * (1 - self.b1) / (1 - power(self.b1, t)))

    def step(self, p: Array, g: Array, tmp: Array, m: Array, u: Array) -> None:
        m *= self.c_b1
        m += g
        u *= self.c_b2
        np.abs(g, out=g)
        g += self.c_eps
        np.maximum(u, g, out=u)
        np.divide(m, u, out=tmp)
        tmp *= self.size
        p -= tmp
