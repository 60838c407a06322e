"""EMA: an exponential moving average of the weights over the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.averager import Averager
from dltricks.core.numeric import power
from dltricks.core.store import Store
from dltricks.core.types import Array, Decay


@dataclass
class Ema(Averager):
    """w_avg = (1-d)/(1-d^t) * sum over steps s of d^(t-s) w_s

    A weighted mean of all weights so far, the latest counting most; the divisor makes the shares sum to one,
    so that averages are right from the first step. The slot holds the sum.

    Reference: Polyak & Juditsky 1992, https://doi.org/10.1137/0330046; the divisor as in Kingma & Ba 2015,
    https://arxiv.org/abs/1412.6980, section 3
    Suggested: such that 1/(1-decay) steps are one or a few epochs: 0.99 for 50 steps in an epoch, 0.999 for
    1,000.
    Does not help when the learning rate ends near zero: the last weights barely move, and their mean is where
    they are.
    Deviation: PyTorch's get_ema_multi_avg_fn starts from the first weights, which then count d^t more. Batch
    normalization's running statistics are those of the current weights.
    """

    decay: Decay = 0.99
    """The share of the past that each step keeps."""

    slots = ("sum",)

    def setup(self, store: Store) -> None:
        self.d = np.asarray(self.decay).astype(store.dtype)

    def after_step(self, store: Store, t: int, *slots: Array) -> None:
        (total,) = slots
        total *= self.d
        total += store.p

    def weights(self, t: int, epoch: int, *slots: Array) -> Array | None:
        wide = np.asarray(self.decay)
        return np.asarray(slots[0] * ((1 - wide) / (1 - power(wide, t))).astype(slots[0].dtype))
