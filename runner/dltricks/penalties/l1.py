"""L1: pulls every weight towards zero with the same force, so that many arrive there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.penalty import Penalty, blocks
from dltricks.core.store import Store
from dltricks.core.types import NonNegative


@dataclass
class L1(Penalty):
    """L_total = L + strength * sum |w|          dw += strength * sign(w)

    Over kernels only: no biases, no gains of normalizations. sign(0) = 0.

    Reference: Tibshirani 1996, https://doi.org/10.1111/j.2517-6161.1996.tb02080.x
    Suggested: 1e-5 to 1e-3.
    Does not help when weights must be exactly zero: gradient steps only hover around it.
    """

    strength: NonNegative = 1e-4

    def setup(self, store: Store) -> None:
        self.force = np.asarray(self.strength).astype(store.dtype)
        self.blocks = blocks(store)

    def add_gradient(self, store: Store) -> None:
        for w, dw, tmp in self.blocks:
            np.sign(w, out=tmp)
            tmp *= self.force
            dw += tmp
