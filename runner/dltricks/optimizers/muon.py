"""Muon: momentum made orthogonal, so that a step turns all directions of a weight matrix equally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.numeric import folded, norms
from dltricks.core.optimizer import Optimizer
from dltricks.core.parallel import matmul
from dltricks.core.types import Array, Decay, NonNegative, Positive, Size

A, B, C = 3.4445, -4.7750, 2.0315
"""The quintic's coefficients as published: steepest at zero, singular values end between about 0.7 and 1.2."""
SMALLEST = 1e-7
"""The least norm to divide by, as published."""


@dataclass
class Muon(Optimizer):
    """For the kernels of hidden layers, as matrices (inputs, outputs):
    m <- gamma m + (1-gamma) g             X = gamma m + (1-gamma) g,  X <- X/||X||
    X <- a X + (b S + c S^2) X with S = X X^T, five times: all singular values come near 1
    p <- p (1 - lr weight_decay) - lr sqrt(max(1, outputs/inputs)) X

    The first and the last kernel, biases and gains take adamw's step at ``adam_lr`` (times the schedule's factor),
    as the author recommends; all kernels decay, each at its own rate. A network without a kernel in between is refused.

    The iteration runs in the dtype of training; torch.optim.Muon's runs in bfloat16, and it refuses all but matrices.

    Reference: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
    Suggested: lr 0.02 and adam_lr as for adamw.
    Does not help when hidden layers are few or small: the products then cost more than they gain.
    """

    lr: Positive = 0.02
    """The rate of the hidden kernels."""
    gamma: Decay = 0.95
    weight_decay: NonNegative = 0.01
    iterations: Size = 5
    """Rounds of the Newton-Schulz iteration."""
    adam_lr: Positive = 1e-3
    """The rate of everything else."""
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8

    slots = ("m", "v")
    elementwise = False

    def setup(self) -> None:
        kernels = [parameter for parameter in self.store.parameters if parameter.role == "kernel"]
        hidden = kernels[1:-1]
        if not hidden:
            raise UsageError(
                "optimizer: muon is for kernels between the first and the last, and this network has none; "
                "take two or more hidden layers, or adamw"
            )
        # Kernels lie in order and before all else, so that adamw's share is what lies before and behind the hidden.
        self.first, self.last = hidden[0].start, kernels[-1].start
        self.hidden = []
        for kernel in hidden:
            matrix = (prod(kernel.shape[:-1]), kernel.shape[-1])
            square = (2, self.store.replicas, min(matrix), min(matrix))
            part = slice(kernel.start, kernel.start + kernel.size)
            self.hidden.append((part, matrix, np.empty(square, self.store.dtype)))
        self.c_gamma, self.c_b1, self.c_b2 = map(self.cast, (self.gamma, self.b1, self.b2))

    def widths(self) -> Sequence[int]:
        return [self.store.size, self.store.size - (self.last - self.first)]

    def prepare(self, lr: Array, t: int) -> None:
        self.rate, self.keep = lr, self.cast(1 - lr * self.weight_decay)
        adam_lr = self.adam_lr * (lr / self.lr)
        self.adam_keep = self.cast(1 - adam_lr * self.weight_decay)
        # The slots hold m/(1-gamma) or m/(1-b1), and v/(1-b2), as in adam: p -= size * m / (sqrt(v) + eps_t)
        self.size, self.eps_t = map(self.cast, folded(adam_lr, self.b1, self.b2, self.eps, t))

    def step(self, p: Array, g: Array, tmp: Array, m: Array, v: Array) -> None:
        first, last, stop = self.first, self.last, self.store.kernels.stop
        p[:, :first] *= self.adam_keep
        p[:, last:stop] *= self.adam_keep
        for part, place in ((slice(0, first), slice(0, first)), (slice(last, None), slice(first, None))):
            self.adam(p[:, part], g[:, part], tmp[:, part], m[:, part], v[:, place])
        for part, matrix, squares in self.hidden:
            w, x, y, moment = (flat[:, part] for flat in (p, g, tmp, m))
            moment *= self.c_gamma
            moment += x
            x += np.multiply(moment, self.c_gamma, out=y)
            fresh = 1 - np.asarray(self.gamma)
            x *= self.cast(fresh / np.maximum(fresh * norms(x)[:, None], SMALLEST))
            x = orthogonalize(x.reshape(-1, *matrix), y.reshape(-1, *matrix), squares, self.iterations)
            x *= self.cast(self.rate[..., None] * sqrt(max(1, matrix[1] / matrix[0])))
            w *= self.keep
            w -= x.reshape(w.shape)

    def adam(self, p: Array, g: Array, tmp: Array, m: Array, v: Array) -> None:
        """Adam's step for the rest; see adam."""
        m *= self.c_b1
        m += g
        v *= self.c_b2
        v += np.multiply(g, g, out=tmp)
        np.sqrt(v, out=tmp)
        tmp += self.eps_t
        np.divide(m, tmp, out=tmp)
        tmp *= self.size
        p -= tmp


def orthogonalize(x: Array, y: Array, squares: Array, iterations: int) -> Array:
    """Brings the singular values of matrices x (K, R, C) of norm 1 near 1; works in x and y, and returns one of them.

    ``squares`` is room for (2, K, n, n) with n the smaller of R and C: the smaller of x x^T and x^T x serves.
    """
    s, polynomial = squares
    diagonal = polynomial.reshape(len(x), -1)[:, :: s.shape[-1] + 1]
    wide = x.shape[-2] <= x.shape[-1]
    for _ in range(iterations):
        xt = x.swapaxes(-1, -2)
        left, right = (x, xt) if wide else (xt, x)
        matmul(left, right, s)
        matmul(s, s, polynomial)
        polynomial *= C
        s *= B
        polynomial += s
        diagonal += A
        left, right = (polynomial, x) if wide else (x, polynomial)
        matmul(left, right, y)
        x, y = y, x
    return x
