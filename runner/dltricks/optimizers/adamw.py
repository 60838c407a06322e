"""AdamW: Adam with weight decay applied to the weights themselves instead of to the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import folded
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, NonNegative, Positive


@dataclass
class Adamw(Optimizer):
    """p <- p (1 - lr weight_decay)        for kernels
    m <- b1 m + (1-b1) g          v <- b2 v + (1-b2) g^2
    p <- p - lr * m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps)

    Only kernels decay, not biases and gains; torch.optim.AdamW decays all that it is given (there biases need a group
    of their own). As in PyTorch, lr multiplies the decay; in the paper only the schedule's factor does.

    Reference: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101
    Suggested: lr 1e-3 with weight_decay 0.01; up to 0.1 where training is long and the network large.
    Does not help when the network does not overfit, or training is so short that lr * weight_decay * steps is small.
    """

    lr: Positive = 1e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.01

    slots = ("m", "v")

    def setup(self) -> None:
        self.c_b1, self.c_b2 = self.cast(self.b1), self.cast(self.b2)

    def prepare(self, lr: Array, t: int) -> None:
        # The slots hold m/(1-b1) and v/(1-b2), as in adam: p -= size * m / (sqrt(v) + eps_t)
        self.size, self.eps_t = map(self.cast, folded(lr, self.b1, self.b2, self.eps, t))
        self.keep = self.cast(1 - lr * self.weight_decay)

    def decay(self, kernels: Array) -> None:
        kernels *= self.keep

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
