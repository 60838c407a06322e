"""RMSprop: a step size per parameter, from a running mean of its squared gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Decay, Positive, Share


@dataclass
class Rmsprop(Optimizer):
    """v <- alpha v + (1-alpha) g^2
    d <- gamma d + g / (sqrt(v) + eps)
    p <- p - lr d

    The slots hold v/(1-alpha) and d sqrt(1-alpha), so that 1-alpha moves into one number. As in PyTorch, eps stands
    outside the root, v begins at zero uncorrected (the first steps are up to 1/sqrt(1-alpha) times lr), and lr
    multiplies the whole of d. PyTorch's ``centered`` is left out.

    Reference: Tieleman & Hinton 2012, lecture 6.5, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf
    Suggested: lr 1e-3; alpha 0.9 forgets faster. gamma 0.9 adds momentum; divide lr by ten then.
    Does not help when adam is at hand: adam adds the correction of the first steps, and usually momentum.
    """

    lr: Positive = 1e-3
    alpha: Decay = 0.99
    eps: Positive = 1e-8
    gamma: Share = 0.0
    """The share of the velocity kept at each step; 0 is RMSprop as first taught, without momentum."""

    slots = ("v", "d")

    def setup(self) -> None:
        root = np.sqrt(1 - np.asarray(self.alpha))
        self.c_alpha, self.c_gamma, self.c_eps = map(self.cast, (self.alpha, self.gamma, self.eps / root))
        self.root = root

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr / self.root)

    def step(self, p: Array, g: Array, tmp: Array, v: Array, d: Array) -> None:
        v *= self.c_alpha
        v += np.multiply(g, g, out=tmp)
        np.sqrt(v, out=tmp)
        tmp += self.c_eps
        g /= tmp
        d *= self.c_gamma
        d += g
        p -= np.multiply(d, self.size, out=tmp)
