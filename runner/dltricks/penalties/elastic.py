"""Elastic: L1 and L2 together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.penalty import Penalty, blocks
from dltricks.core.store import Store
from dltricks.core.types import NonNegative


@dataclass
class Elastic(Penalty):
    """L_total = L + l1 * sum |w| + l2/2 * sum w^2          dw += l1 * sign(w) + l2 * w

    Over kernels only: no biases, no gains of normalizations. sign(0) = 0.

    Reference: Zou & Hastie 2005, https://doi.org/10.1111/j.1467-9868.2005.00503.x
    Suggested: 1e-5 to 1e-3 each.
    Does not help when one of the two alone does: there are two numbers to tune.
    """

    l1: NonNegative = 1e-4
    """Strength of the sum of absolute values."""
    l2: NonNegative = 1e-4
    """Strength of half the sum of squares."""

    def setup(self, store: Store) -> None:
        self.c_l1, self.c_l2 = (np.asarray(c).astype(store.dtype) for c in (self.l1, self.l2))
        self.blocks = blocks(store)

    def add_gradient(self, store: Store) -> None:
        for w, dw, tmp in self.blocks:
            np.sign(w, out=tmp)
            tmp *= self.c_l1
            dw += tmp
            dw += np.multiply(w, self.c_l2, out=tmp)
