"""NAdam: Adam with Nesterov's look ahead, and a momentum that grows over the first steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dltricks.core.numeric import power
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, NonNegative, Positive


@dataclass
class Nadam(Optimizer):
    """mu_t = b1 (1 - 0.96^(t momentum_decay) / 2)
    m <- b1 m + (1-b1) g          v <- b2 v + (1-b2) g^2
    d = (1-mu_t) g / (1 - mu_1...mu_t) + mu_{t+1} m / (1 - mu_1...mu_{t+1})
    p <- p - lr d / (sqrt(v/(1-b2^t)) + eps)

    As in PyTorch, m itself decays by b1, not by mu_t.

    Reference: Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
    Suggested: lr 2e-3.
    Does not help when adam is already stable at the lr wanted: the difference is then small.
    """

    lr: Positive = 2e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8
    momentum_decay: NonNegative = 4e-3
    """How fast the momentum rises from b1/2 to b1; 0 leaves it at b1/2."""

    slots = ("m", "v")

    def setup(self) -> None:
        self.c_b1, self.c_b2 = self.cast(self.b1), self.cast(self.b2)
        self.steps, self.product = 0, np.ones_like(self.b1)

    def mu(self, t: int) -> Any:
        # Value by value, for the same reason as core.numeric.power.
        decays = [[0.96 ** (t * float(decay))] for decay in np.ravel(self.momentum_decay)]
        return self.b1 * (1 - 0.5 * np.array(decays))

    def prepare(self, lr: Array, t: int) -> None:
        if t <= self.steps:
            self.steps, self.product = 0, np.ones_like(self.b1)
        # After a restart the product is made again, factor by factor: the same bits as without one.
        while self.steps < t:
            self.steps += 1
            self.product = self.product * self.mu(self.steps)
        mu, ahead = self.mu(t), self.mu(t + 1)
        # The slots hold m/(1-b1) and v/(1-b2), as in adam.
        root = np.sqrt((1 - self.b2) / (1 - power(self.b2, t)))
        self.size_g = self.cast(lr * (1 - mu) / (1 - self.product) / root)
        self.size_m = self.cast(lr * ahead * (1 - self.b1) / (1 - self.product * ahead) / root)
        self.eps_t = self.cast(self.eps / root)

    def step(self, p: Array, g: Array, tmp: Array, m: Array, v: Array) -> None:
        m *= self.c_b1
        m += g
        v *= self.c_b2
        v += np.multiply(g, g, out=tmp)
        g *= self.size_g
        g += np.multiply(m, self.size_m, out=tmp)
        np.sqrt(v, out=tmp)
        tmp += self.eps_t
        g /= tmp
        p -= g
