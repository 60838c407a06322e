"""SWA: the plain mean of the weights at the ends of the last epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.averager import Averager
from dltricks.core.errors import UsageError
from dltricks.core.store import Store
from dltricks.core.types import Array, Size


@dataclass
class Swa(Averager):
    """w_avg = mean of the weights after epochs start, start + 1, ..., now

    Before epoch ``start`` the weights are their own average. Statistics of batch normalization are measured
    anew for the average, over the training part.

    Reference: Izmailov et al. 2018, https://arxiv.org/abs/1803.05407
    Suggested: start at half to three quarters of the epochs, with a learning rate that stays rather high.
    Does not help when the learning rate ends near zero: all the averaged weights are then nearly the same.
    """

    start: Size = 10
    """The first epoch whose weights are averaged, counted from 1."""

    slots = ("sum",)
    reestimates_statistics = True

    def check(self, epochs: int) -> None:
        if self.start >= epochs:
            raise UsageError(
                f"start: the average would begin with epoch {self.start}, but training ends with {epochs}, and an "
                "average needs two; lower start, or raise epochs"
            )

    def after_epoch(self, store: Store, epoch: int, *slots: Array) -> None:
        if epoch >= self.start:
            (total,) = slots
            total += store.p

    def weights(self, t: int, epoch: int, *slots: Array) -> Array | None:
        averaged = epoch - self.start + 1
        return np.asarray(slots[0] / slots[0].dtype.type(averaged)) if averaged > 0 else None
