"""SGD: a step against the gradient, scaled by the learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Positive


@dataclass
class Sgd(Optimizer):
    """p <- p - lr g

    Reference: Robbins & Monro 1951, https://doi.org/10.1214/aoms/1177729586
    Suggested: lr 0.1, divided by ten until training is stable; with a schedule that lowers it.
    Does not help when directions differ much in curvature: the steepest one bounds lr, and the flat ones crawl.
    """

    lr: Positive = 0.1

    def prepare(self, lr: Array, t: int) -> None:
        self.size = self.cast(lr)

    def step(self, p: Array, g: Array, tmp: Array) -> None:
        g *= self.size
        p -= g
