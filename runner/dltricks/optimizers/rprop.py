"""Rprop: each parameter's step grows while its gradient keeps its sign, and shrinks when that turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Positive


@dataclass
class Rprop(Optimizer):
    """s <- s * eta_plus where g and the last g agree in sign, s * eta_minus where they differ; within the bounds
    p <- p - s sign(g);  where the signs differ g counts as 0, in this step and as the last g of the next

    s begins at lr. PyTorch does not look at lr again; here a schedule's factor multiplies every step, and at a constant
    lr the paths are the same. The slot keeps the sign of the last gradient alone, not the gradient: a product of two
    tiny ones cannot vanish.

    Reference: Riedmiller & Braun 1993, https://doi.org/10.1109/ICNN.1993.298623; without backtracking, as iRprop- of
    Igel & Huesken 2000 and PyTorch
    Suggested: lr 0.01 and ``batch_size: full``; the other numbers hardly matter.
    Does not help when batches are small: signs that flip by chance shrink every step to the smallest.
    """

    lr: Positive = 0.01
    eta_minus: Annotated[float, Gt(0), Lt(1)] = 0.5
    eta_plus: Annotated[float, Gt(1)] = 1.2
    smallest: Positive = 1e-6
    """The least step."""
    largest: Positive = 50.0
    """The greatest step."""

    slots = ("last", "s")

    def __post_init__(self) -> None:
        if self.smallest > self.largest:
            raise ValueError(f"smallest ({self.smallest}) must not be above largest ({self.largest})")

    def setup(self) -> None:
        # (b a + c) a + 1 is eta_plus, 1 or eta_minus for a of 1, 0 or -1
        self.b = self.cast((self.eta_plus + self.eta_minus) / 2 - 1)
        self.c = self.cast((self.eta_plus - self.eta_minus) / 2)
        self.low, self.high = self.cast(self.smallest), self.cast(self.largest)

    def start(self, slots: Sequence[Array]) -> None:
        slots[1][...] = self.cast(self.lr)

    def prepare(self, lr: Array, t: int) -> None:
        self.factor = self.cast(lr / self.lr)

    def step(self, p: Array, g: Array, tmp: Array, last: Array, s: Array) -> None:
        np.sign(g, out=g)
        agreement = np.multiply(g, last, out=tmp)
        growth = np.multiply(agreement, self.b, out=last)
        growth += self.c
        growth *= agreement
        growth += 1
        s *= growth
        np.maximum(s, self.low, out=s)
        np.minimum(s, self.high, out=s)
        # 1 + min(agreement, 0) is 0 where the signs differ, else 1
        np.minimum(agreement, 0, out=tmp)
        tmp += 1
        np.multiply(g, tmp, out=g)
        last[...] = g
        g *= s
        g *= self.factor
        p -= g
