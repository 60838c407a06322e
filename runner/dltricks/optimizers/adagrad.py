"""Adagrad: a step size per parameter, from the sum of all its squared gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Positive


@dataclass
class Adagrad(Optimizer):
    """v <- v + g^2
    p <- p - lr g / (sqrt(v) + eps)

    PyTorch's lr_decay is a schedule here (inverse_sqrt and others); its sum, too, begins at zero.

    Reference: Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html
    Suggested: lr 0.01; 0.1 for sparse inputs.
    Does not help when training is long: v only grows, so that the steps die out before the end.
    """

    lr: Positive = 0.01
    eps: Positive = 1e-10

    slots = ("v",)

    def setup(self) -> None:
        self.c_eps = self.cast(self.eps)

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array, v: Array) -> None:
        v += np.multiply(g, g, out=tmp)
        np.sqrt(v, out=tmp)
        tmp += self.c_eps
        g /= tmp
        g *= self.size
        p -= g
