"""Adaptive: the gradient of each unit is held to a share of the size of its weights (AGC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.clipper import Clipper
from dltricks.core.numeric import column_norms, shrink
from dltricks.core.store import Store
from dltricks.core.types import Array, Positive


@dataclass
class Adaptive(Clipper):
    """G_i <- G_i * factor * max(||W_i||, eps) / ||G_i||   where ||G_i|| > factor * max(||W_i||, eps)

    W_i are the weights of unit i: a column of a kernel (I, O), that is, one output's weights. A vector
    (biases, gains) is one unit as a whole, as in the authors' code. The network's last layer is left alone,
    as the paper found best, unless ``last_layer`` is set or there is no other layer.

    Reference: Brock et al. 2021, https://arxiv.org/abs/2102.06171
    Suggested: factor 0.01; up to 0.16 for small batches.
    Does not help when a normalization follows every layer: it was made for networks without one.
    """

    factor: Positive = 0.01
    """The longest gradient allowed, relative to the weights."""
    eps: Positive = 1e-3
    """The length that weights are taken to have at least, so that zeros can grow."""
    last_layer: bool = False
    """Whether the last layer is clipped, too."""

    def setup(self, store: Store) -> None:
        self.share, self.floor = (np.asarray(column)[..., None] for column in (self.factor, self.eps))
        layers = [parameter.path.rpartition(".")[0] for parameter in store.parameters]
        kernels = [layer for layer, p in zip(layers, store.parameters, strict=True) if p.role == "kernel"]
        exempt = "" if self.last_layer or len(kernels) < 2 else kernels[-1]
        self.units = []
        for layer, (parameter, w), (_, g) in zip(layers, store.views(store.p), store.views(store.g), strict=True):
            if layer != exempt:
                columns = (store.replicas, -1, parameter.shape[-1] if parameter.role == "kernel" else 1)
                self.units.append((w.reshape(columns, copy=False), g.reshape(columns, copy=False)))
        self.tmp = np.empty(max(w.size for w, _ in self.units), store.dtype)

    def clip(self, store: Store, norm: Array) -> Array | None:
        clipped = np.zeros(store.replicas, bool)
        for w, g in self.units:
            length = np.maximum(column_norms(w, self.tmp), self.floor)
            length *= self.share
            size = column_norms(g, self.tmp)
            over = size > length
            if over.any():
                shrink(g, np.divide(length, size, out=np.ones_like(size), where=over))
                clipped |= over.any((1, 2))
        return clipped
