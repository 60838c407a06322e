"""L2: pulls every weight towards zero in proportion to its size (weight decay through the gradient)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.penalty import Penalty, blocks
from dltricks.core.store import Store
from dltricks.core.types import NonNegative


@dataclass
class L2(Penalty):
    """L_total = L + strength/2 * sum w^2          dw += strength * w

    Over kernels only: no biases, no gains of normalizations.

    Reference: Krogh & Hertz 1991,
    https://proceedings.neurips.cc/paper/1991/hash/8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html
    Suggested: 1e-5 to 1e-3.
    Does not help when the optimizer divides by the gradient's size, as Adam does: large gradients then shrink
    the decay of their weights; adamw decays beside the gradient instead.
    Deviation: PyTorch's ``weight_decay`` is the same force, but on biases and gains as well.
    """

    strength: NonNegative = 1e-4

    def setup(self, store: Store) -> None:
        self.force = np.asarray(self.strength).astype(store.dtype)
        self.blocks = blocks(store)

    def add_gradient(self, store: Store) -> None:
        for w, dw, tmp in self.blocks:
            dw += np.multiply(w, self.force, out=tmp)
