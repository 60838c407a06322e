"""Momentum: the steps add up to a velocity, which keeps its direction through noise and narrow valleys."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Positive, Share


@dataclass
class Momentum(Optimizer):
    """v <- gamma v - lr g
    p <- p + v

    PyTorch's SGD keeps v <- gamma v + g and takes p <- p - lr v: the same path while lr is constant. When a schedule
    lowers lr, PyTorch slows the whole velocity at once; here what was gathered at a high lr runs out over
    1/(1-gamma) steps.

    Reference: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5
    Suggested: gamma 0.9 and lr 0.01; the steady velocity is lr g/(1-gamma), so raise one and lower the other.
    Does not help when lr is already as high as the noise allows: then it acts like a larger lr.
    """

    lr: Positive = 0.01
    gamma: Share = 0.9
    """The share of the velocity kept at each step; 1 is motion without friction, which need not settle."""

    slots = ("v",)

    def setup(self) -> None:
        self.c_gamma = self.cast(self.gamma)

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array, v: Array) -> None:
        v *= self.c_gamma
        g *= self.size
        v -= g
        p += v
