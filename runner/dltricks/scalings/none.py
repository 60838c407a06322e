"""No scaling: inputs keep their own units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.scaling import Interval, Scaling
from dltricks.core.types import Array


@dataclass
class None_(Scaling):
    """x <- x

    The demonstration of why inputs are scaled: a feature in the thousands drowns one in the thousandths,
    because both meet weights of the same size and one learning rate.

    Reference: LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.3,
    http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf
    Suggested: only for inputs that lie in a reasonable interval already.
    Does not help when features differ in size, or when all are far from 1.
    """

    def fit(self, x: Array, interval: Interval, rows: Array | None = None) -> tuple[Array, Array]:
        return np.zeros(()), np.ones(())
