"""AMSGrad: Adam whose step sizes never grow again, for it divides by the largest second moment so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import folded
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, Positive


@dataclass
class Amsgrad(Optimizer):
    """m <- b1 m + (1-b1) g          v <- b2 v + (1-b2) g^2          h <- max(h, v)
    p <- p - lr * m/(1-b1^t) / (sqrt(h/(1-b2^t)) + eps)

    The paper has neither of the corrections 1-b^t nor eps; they are here as in torch.optim.Adam(amsgrad=True).

    Reference: Reddi, Kale & Kumar 2018, https://openreview.net/forum?id=ryQu7f-RZ
    Suggested: as for adam, lr 1e-3.
    Does not help when gradients were huge once, early: it remembers them for ever, and the steps stay small.
    """

    lr: Positive = 1e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8

    slots = ("m", "v", "h")

    def setup(self) -> None:
        self.c_b1, self.c_b2 = self.cast(self.b1), self.cast(self.b2)

    def prepare(self, lr: Array, t: int) -> None:
        # The slots hold m/(1-b1), v/(1-b2) and h/(1-b2), as in adam: p -= size * m / (sqrt(h) + eps_t)
        self.size, self.eps_t = map(self.cast, folded(lr, self.b1, self.b2, self.eps, t))

    def step(self, p: Array, g: Array, tmp: Array, m: Array, v: Array, h: Array) -> None:
        m *= self.c_b1
        m += g
        v *= self.c_b2
        v += np.multiply(g, g, out=tmp)
        np.maximum(h, v, out=h)
        np.sqrt(h, out=tmp)
        tmp += self.eps_t
        np.divide(m, tmp, out=tmp)
        tmp *= self.size
        p -= tmp
