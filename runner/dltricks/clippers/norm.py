"""Norm: a gradient longer than the threshold is shortened to the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.clipper import Clipper
from dltricks.core.numeric import shrink
from dltricks.core.store import Store
from dltricks.core.types import Array, Positive


@dataclass
class Norm(Clipper):
    """g <- g * threshold / ||g||   where ||g|| > threshold

    The norm is that of all parameters' gradients together, so that the direction stays.

    Reference: Pascanu, Mikolov & Bengio 2013, https://arxiv.org/abs/1211.5063
    Suggested: 1.0, or about twice the ``grad_norm`` of a run that trains well.
    Does not help when the optimizer divides by the gradient's size anyway (Adam takes the same step for g and
    g/10, once its moments have seen them), nor when every step is clipped: then lower the learning rate.
    Deviation: PyTorch's clip_grad_norm_ divides by ||g|| + 1e-6 and so ends just below the threshold.
    """

    threshold: Positive = 1.0

    def clip(self, store: Store, norm: Array) -> Array | None:
        factor = np.minimum(1.0, self.threshold / norm[:, None])
        if np.fmin.reduce(factor, None) < 1:  # a NaN is some other replica's
            shrink(store.g, factor)
        return np.asarray(factor[:, 0] < 1)
