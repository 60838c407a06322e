"""RAdam: Adam that starts as momentum and adapts only as far as its second moment can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import power
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, Positive


@dataclass
class Radam(Optimizer):
    """m <- b1 m + (1-b1) g          v <- b2 v + (1-b2) g^2
    rho_inf = 2/(1-b2) - 1           rho = rho_inf - 2 t b2^t/(1-b2^t)
    rho > 5:  r = sqrt( (rho-4)(rho-2) rho_inf / ((rho_inf-4)(rho_inf-2) rho) )
              p <- p - lr * r * m/(1-b1^t) * sqrt(1-b2^t) / (sqrt(v) + eps)
    else:     p <- p - lr * m/(1-b1^t)

    The paper switches at rho > 4 and has no eps; 5 and eps as here are PyTorch's, eps beside the uncorrected sqrt(v).

    Reference: Liu et al. 2020, https://arxiv.org/abs/1908.03265
    Suggested: lr 1e-3, without warmup: the rectification is one.
    Does not help when warmup is used anyway, or b2 is 2/3 or less: then it never adapts.
    """

    lr: Positive = 1e-3
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8

    slots = ("m", "v")

    def setup(self) -> None:
        self.c_b1, self.c_b2 = self.cast(self.b1), self.cast(self.b2)

    def prepare(self, lr: Array, t: int) -> None:
        past = power(self.b2, t)
        longest = 2 / (1 - self.b2) - 1
        rho = longest - 2 * t * past / (1 - past)
        trusted = rho > 5
        rho, longest = np.maximum(rho, 5), np.maximum(longest, 5)
        r = np.sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho))
        # The slots hold m/(1-b1) and v/(1-b2): p -= size * m / (adapt * sqrt(v) + eps_t), adapt being 1 or 0
        root = np.sqrt(1 - self.b2)
        plain = lr * (1 - self.b1) / (1 - power(self.b1, t))
        self.size = self.cast(np.where(trusted, plain * r * np.sqrt(1 - past) / root, plain))
        self.eps_t = self.cast(np.where(trusted, self.eps / root, 1))
        self.adapt, self.all_adapt = self.cast(trusted), bool(trusted.all())

    def step(self, p: Array, g: Array, tmp: Array, m: Array, v: Array) -> None:
        m *= self.c_b1
        m += g
        v *= self.c_b2
        v += np.multiply(g, g, out=tmp)
        np.sqrt(v, out=tmp)
        if not self.all_adapt:
            tmp *= self.adapt
        tmp += self.eps_t
        np.divide(m, tmp, out=tmp)
        tmp *= self.size
        p -= tmp
