"""Nesterov: momentum that measures the gradient where the velocity is about to lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Positive, Share


@dataclass
class Nesterov(Optimizer):
    """v <- gamma v - lr g(w + gamma v)
    w <- w + v

    The parameters held are p = w + gamma v, the place looked ahead to, so that the gradient at p is all that is needed:
    v <- gamma v - lr g,  p <- p + gamma v - lr g.

    PyTorch's SGD(nesterov=True) keeps v <- gamma v + g and multiplies by lr afterwards: the same path while lr is
    constant; see momentum for what differs under a schedule.

    Reference: Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html
    Suggested: gamma 0.9 and lr 0.01; it bears a higher gamma than momentum before it swings.
    Does not help when the noise of small batches outweighs the curvature: it is then momentum.
    """

    lr: Positive = 0.01
    gamma: Share = 0.9
    """The share of the velocity kept at each step."""

    slots = ("v",)

    def setup(self) -> None:
        self.c_gamma = self.cast(self.gamma)

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array, v: Array) -> None:
        v *= self.c_gamma
        g *= self.size
        v -= g
        p -= g
        p += np.multiply(v, self.c_gamma, out=tmp)
