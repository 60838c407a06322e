"""Lion: every parameter moves by exactly lr, in the direction of an interpolated momentum's sign."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, NonNegative, Positive


@dataclass
class Lion(Optimizer):
    """p <- p (1 - lr weight_decay)        for kernels
    p <- p - lr sign(b1 m + (1-b1) g)
    m <- b2 m + (1-b2) g

    The slot holds m/(1-b2). Only kernels decay, not biases and gains.

    Reference: Chen et al. 2023, https://arxiv.org/abs/2302.06675
    Suggested: a third to a tenth of adamw's lr, and three to ten times its weight_decay.
    Does not help when batches are small: a sign makes a full step out of noise.
    """

    lr: Positive = 3e-4
    b1: Decay = 0.9
    b2: Decay = 0.99
    weight_decay: NonNegative = 0.0

    slots = ("m",)

    def setup(self) -> None:
        self.c_b2 = self.cast(self.b2)
        # A sign does not see a positive factor: b1 m + (1-b1) g, divided by 1-b1.
        self.share = self.cast(self.b1 * (1 - self.b2) / (1 - self.b1))

    def prepare(self, lr: Array, t: int) -> None:
        self.size, self.keep = self.cast(lr), self.cast(1 - lr * self.weight_decay)

    def decay(self, kernels: Array) -> None:
        kernels *= self.keep

    def step(self, p: Array, g: Array, tmp: Array, m: Array) -> None:
        np.multiply(m, self.share, out=tmp)
        tmp += g
        np.sign(tmp, out=tmp)
        tmp *= self.size
        p -= tmp
        m *= self.c_b2
        m += g
