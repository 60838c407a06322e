"""Averaged weights in the place of a stack's own, for as long as something is measured or kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dltricks.engine.state import snapshot

if TYPE_CHECKING:
    from dltricks.engine.trainer import Trainer


@contextmanager
def averaged(run: Trainer) -> Iterator[None]:
    """At the end of an epoch: within it the network holds the averaged weights, where there are any."""
    average = run.averaging.weights(run.t, run.epoch + 1, *run.average_slots)
    if average is None:
        yield
        return
    own_p, own_statistics = snapshot(run.network)
    run.store.p[...] = average
    try:
        if run.averaging.reestimates_statistics and own_statistics:
            _estimate_statistics(run)
        yield
    finally:
        run.store.p[...] = own_p
        for path, array in run.network.statistics().items():
            array[...] = own_statistics[path]


def _estimate_statistics(run: Trainer) -> None:
    """Measures batch statistics anew, over the training part in the epoch's order."""
    context = run.network.context
    for number, batch in enumerate(run.train_data.batches(run.order, run.batch_size), 1):
        context.estimating, context.step = number, number - 1
        run.network.forward(batch.x, training=True)
    context.estimating = 0
