"""Value: every component of the gradient is held between -threshold and threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.clipper import Clipper
from dltricks.core.store import Store
from dltricks.core.types import Array, Positive


@dataclass
class Value(Clipper):
    """g <- min(max(g, -threshold), threshold)

    Each component for itself, so that the direction turns towards the small ones.

    Reference: Mikolov 2012, Statistical language models based on neural networks, section 3.3,
    https://www.fit.vut.cz/study/phd-thesis/283/
    Suggested: 0.01 to 1; look at how large single components are.
    Does not help when components differ much in size for good reason: all large ones become equal.
    """

    threshold: Positive = 1.0

    def setup(self, store: Store) -> None:
        threshold = np.asarray(self.threshold)
        self.high = threshold.astype(store.dtype)
        # No component is larger than the norm; the margin is for the norm's own rounding.
        self.harmless = 0.99 * threshold[:, 0]

    def clip(self, store: Store, norm: Array) -> Array | None:
        if not (norm > self.harmless).any():
            return np.zeros(len(norm), bool)
        g, high = store.g, self.high
        clipped = (np.maximum.reduce(g, -1) > high[:, 0]) | (np.minimum.reduce(g, -1) < -high[:, 0])
        if clipped.any():
            np.minimum(g, high, out=g)
            np.maximum(g, -high, out=g)
        return np.asarray(clipped)
