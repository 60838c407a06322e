"""Norm: a gradient longer than the threshold is shortened to the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.clipper import Clipper
from dltricks.core.numeric import plain, shrink
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

    def setup(self, store: Store) -> None:
        self.limits = [limit for (limit,) in plain(self.threshold)]

    def clip(self, store: Store, norm: Array) -> Array | None:
        # In plain floats, as few numbers are quicker done; a NaN, some diverged replica's, is above no limit.
        factors = [limit / n if n > limit else 1.0 for limit, n in zip(self.limits, norm.tolist(), strict=True)]
        if min(factors) < 1.0:
            shrink(store.g, np.array(factors)[:, None])
        return np.array([factor < 1.0 for factor in factors])
