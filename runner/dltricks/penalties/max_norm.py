"""Max-norm: no unit's weights may be longer than a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.numeric import column_norms, shrink
from dltricks.core.penalty import Penalty
from dltricks.core.store import Store
from dltricks.core.types import Positive


@dataclass
class MaxNorm(Penalty):
    """W_i <- W_i * limit / ||W_i||   where ||W_i|| > limit, after each update

    W_i are the weights into unit i: a column of a kernel (I, O). Biases and gains are free.

    Reference: Srebro, Rennie & Jaakkola 2004,
    https://papers.nips.cc/paper/2004/hash/e0688d13958a19e087e123148555e4b4-Abstract.html; for networks:
    Srivastava et al. 2014, section 5.1, https://jmlr.org/papers/v15/srivastava14a.html
    Suggested: 3 to 4, with dropout and a large learning rate.
    Does not help when a normalization follows the layer: it takes the length of the weights out again.
    """

    limit: Positive = 3.0
    """The greatest Euclidean norm of a unit's incoming weights."""

    def setup(self, store: Store) -> None:
        self.bound = np.asarray(self.limit)[..., None]
        self.columns = [
            w.reshape(store.replicas, -1, parameter.shape[-1], copy=False)
            for parameter, w in store.views(store.p)
            if parameter.role == "kernel"
        ]
        self.tmp = np.empty(max(w.size for w in self.columns), store.dtype)

    def project(self, store: Store) -> None:
        for w in self.columns:
            size = column_norms(w, self.tmp)
            over = size > self.bound
            if over.any():
                shrink(w, np.divide(self.bound, size, out=np.ones_like(size), where=over))
