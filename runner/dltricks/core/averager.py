"""Model averaging: an average of weights over the steps or epochs of one training."""

from __future__ import annotations

from typing import ClassVar

from dltricks.core.component import Component
from dltricks.core.store import Store
from dltricks.core.types import Array


class Averager(Component):
    """Base. In a stack every numeric field is a float64 (K, 1) column.

    Where ``weights`` returns an array, evaluation, ``best``, early stopping and the stored weights all use it.
    """

    kind = "averaging"
    slots: ClassVar[tuple[str, ...]] = ()
    """Names of the (K, P) arrays kept between steps, zero before the first."""
    reestimates_statistics: ClassVar[bool] = False
    """True where batch statistics must be measured anew for the averaged weights."""

    def check(self, epochs: int) -> None:
        """Refuses what does not fit into a training of that many epochs.

        Raises:
            UsageError: an average that would never begin.
        """

    def setup(self, store: Store) -> None:
        """Derives constants; called once."""

    def after_step(self, store: Store, t: int, *slots: Array) -> None:
        """Takes in the parameters after step t, counted from 1."""

    def after_epoch(self, store: Store, epoch: int, *slots: Array) -> None:
        """Takes in the parameters after an epoch, counted from 1."""

    def weights(self, t: int, epoch: int, *slots: Array) -> Array | None:
        """The averaged parameters (K, P) after step t and epoch ``epoch``, or None to use the parameters themselves."""
        return None
