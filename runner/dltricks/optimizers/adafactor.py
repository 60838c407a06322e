"""Adafactor: a second moment kept as sums over rows and columns, and steps relative to the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.numeric import norms
from dltricks.core.optimizer import Optimizer
from dltricks.core.types import Array, NonNegative, Positive


@dataclass
class Adafactor(Optimizer):
    """b = 1 - t^-decay          a = min(lr, 1/sqrt(t)) max(eps2, rms(p))
    p <- p (1 - lr weight_decay)                                    for kernels
    r <- b r + (1-b) rows(g^2)   c <- b c + (1-b) columns(g^2)      means, for kernels as matrices (inputs, outputs)
    V = r c / max(mean(r), eps1)      or V <- b V + (1-b) g^2       for all else
    u = g / max(sqrt(V), eps1)
    p <- p - a u / max(1, rms(u)/d)

    The formulas are those of torch.optim.Adafactor, which departs from the paper: lr instead of 0.01 as the bound, a
    decay of the weights, and eps1 as a bound at the end where the paper adds it to g^2. PyTorch's default eps1 is the
    dtype's resolution, which in float32 bends V once gradients are below 3e-4; here it is the paper's. PyTorch decays
    all that it is given; here only kernels decay.

    Reference: Shazeer & Stern 2018, https://arxiv.org/abs/1804.04235
    Suggested: lr 0.01, the share of its weights that a layer moves by in a step.
    Does not help when memory is no concern: it saves one slot, and adam has momentum.
    """

    lr: Positive = 0.01
    decay_rate: Positive = 0.8
    eps1: Positive = 1e-30
    eps2: Positive = 1e-3
    """The least size a parameter counts as having, so that zeros can leave zero."""
    d: Positive = 1.0
    """The greatest root mean square of an update."""
    weight_decay: NonNegative = 0.0

    slots = ("v",)
    elementwise = False

    def setup(self) -> None:
        self.c_eps1 = self.cast(self.eps1)
        self.plan: list[tuple[slice, slice, tuple[int, int] | None, bool]] = []
        end = 0
        for parameter in self.store.parameters:
            matrix = (prod(parameter.shape[:-1]), parameter.shape[-1]) if len(parameter.shape) > 1 else None
            part = slice(parameter.start, parameter.start + parameter.size)
            place = slice(end, end + (sum(matrix) if matrix else parameter.size))
            self.plan.append((part, place, matrix, parameter.role == "kernel"))
            end = place.stop

    def widths(self) -> Sequence[int]:
        return [self.plan[-1][1].stop]

    def prepare(self, lr: Array, t: int) -> None:
        # Value by value, for the same reason as core.numeric.power.
        new = np.array([[float(t) ** -float(rate)] for rate in np.ravel(self.decay_rate)])
        self.new, self.b = self.cast(new), self.cast(1 - new)
        self.bound = np.minimum(lr, 1 / np.sqrt(t))
        self.keep = self.cast(1 - lr * self.weight_decay)

    def step(self, p: Array, g: Array, tmp: Array, v: Array) -> None:
        for part, place, matrix, decays in self.plan:
            w, dw, u, moment = p[:, part], g[:, part], tmp[:, part], v[:, place]
            size = np.sqrt(w.shape[1])
            a = self.bound * np.maximum(self.eps2, norms(w)[:, None] / size)
            if decays:
                w *= self.keep
            np.multiply(dw, dw, out=u)
            if matrix:
                self.factored(u.reshape(-1, *matrix), moment)
            else:
                moment *= self.b
                u *= self.new
                moment += u
                np.sqrt(moment, out=u)
            np.maximum(u, self.c_eps1, out=u)
            np.divide(dw, u, out=u)
            u *= self.cast(a / np.maximum(1, norms(u)[:, None] / (size * self.d)))
            w -= u

    def factored(self, u: Array, moment: Array) -> None:
        """Takes squares u (K, R, C) into the R row means and C column means of ``moment``; u becomes sqrt(V)."""
        _, rows, columns = u.shape
        b, new, eps1 = self.b[..., None], self.new[..., None], self.c_eps1[..., None]
        across, down = np.full((columns, 1), 1 / columns, u.dtype), np.full((1, rows), 1 / rows, u.dtype)
        r, c = moment[:, :rows, None], moment[:, None, rows:]
        r *= b
        r += new * (u @ across)
        c *= b
        c += new * (down @ u)
        # Root by root: the product r c of small squares would vanish in float32.
        np.multiply(np.sqrt(r / np.maximum(down @ r, eps1)), np.sqrt(c), out=u)
