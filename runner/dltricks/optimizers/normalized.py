"""Normalized gradient descent: every step has the length lr, whatever the size of the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import norms
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, Positive

EXTREME = 1e15
"""Norms beyond this or below its inverse are taken out of the gradient in float64, where their squares are safe."""


@dataclass
class Normalized(Optimizer):
    """p <- p - lr g / ||g||        with the Euclidean norm of the whole gradient; no step where it is zero

    Lessons also teach this formula under the name Adagrad. Adagrad as published is another rule: it divides each
    coordinate by the root of its own sum of squares; see adagrad.

    Reference: Nesterov 1984; Hazan, Levy & Shalev-Shwartz 2015, https://arxiv.org/abs/1507.02030
    Suggested: lr 0.1 with a schedule that lowers it, for lr is the distance travelled at each step.
    Does not help when lr stays constant: it then circles the minimum at a distance of about lr.
    """

    lr: Positive = 0.1

    elementwise = False

    def prepare(self, lr: Array, t: int) -> None:
        self.rate = lr

    def step(self, p: Array, g: Array, tmp: Array) -> None:
        norm = norms(g)
        for k in np.flatnonzero((norm < 1 / EXTREME) | (norm > EXTREME)):
            wide = g[k] / (np.float64(np.abs(g[k]).max()) or 1)
            g[k] = wide / (np.sqrt(np.vecdot(wide, wide)) or 1)  # zeros stay zeros
            norm[k] = 1
        g *= self.cast(self.rate / norm[:, None])
        p -= g
