"""Adadelta: steps in the units of the parameters, from running means of squared gradients and squared steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, Positive


@dataclass
class Adadelta(Optimizer):
    """v <- rho v + (1-rho) g^2
    d = g sqrt(u + eps) / sqrt(v + eps)
    u <- rho u + (1-rho) d^2
    p <- p - lr d

    The slots hold v/(1-rho) and u/(1-rho): the constant leaves the quotient and moves into eps. The paper has no lr
    (it is 1); PyTorch has the same lr and eps as here.

    Reference: Zeiler 2012, https://arxiv.org/abs/1212.5701
    Suggested: lr 1. A larger eps (1e-4) makes the first steps larger: they have the size sqrt(eps).
    Does not help when training is short: the steps must first grow from sqrt(eps).
    """

    lr: Positive = 1.0
    rho: Decay = 0.9
    eps: Positive = 1e-6

    slots = ("v", "u")

    def setup(self) -> None:
        self.c_rho, self.c_eps = self.cast(self.rho), self.cast(self.eps / (1 - self.rho))

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array, v: Array, u: Array) -> None:
        v *= self.c_rho
        v += np.multiply(g, g, out=tmp)
        # Two roots instead of one of the quotient: a large v would make that vanish.
        for moment, apply in ((v, np.divide), (u, np.multiply)):
            np.add(moment, self.c_eps, out=tmp)
            apply(g, np.sqrt(tmp, out=tmp), out=g)
        u *= self.c_rho
        u += np.multiply(g, g, out=tmp)
        g *= self.size
        p -= g
