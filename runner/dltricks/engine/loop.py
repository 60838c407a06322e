"""The training loop, whole."""

from __future__ import annotations

from collections.abc import Sequence

from dltricks.core.types import Array
from dltricks.engine.batches import Batch
from dltricks.engine.hooks import Hook
from dltricks.engine.numerics import exact
from dltricks.engine.trainer import Outcome, Trainer


def step(run: Trainer, batch: Batch, lr: Array) -> Array:
    """One step of all runs at the rates ``lr``, float64 (K, 1); returns the losses of the samples, (K, B)."""
    z = run.network.forward(batch.x, training=True)
    run.loss.allocate(z.shape, z.dtype)
    losses = run.loss.forward(z, batch.target)
    run.network.backward(run.loss.backward())
    run.penalty.add_gradient(run.store)
    norm = run.check(batch, losses)
    clipped = run.clipping.clip(run.store, norm)
    run.update(lr, run.t + 1)
    run.penalty.project(run.store)
    run.averaging.after_step(run.store, run.t + 1, *run.average_slots)
    run.count(batch, z, clipped)
    return losses


def train(run: Trainer, hooks: Sequence[Hook] = ()) -> list[Outcome | None]:
    """Trains all runs of a stack to their end and returns their outcomes in the order handed in.

    Hooks are called in the order given, at the places shown here.
    """
    with exact():
        for hook in hooks:
            hook.on_train_begin(run)
        while run.active:
            run.begin_epoch()
            for batch in run.batches():
                step(run, batch, run.lr[:, run.step, None])
                for hook in hooks:
                    hook.on_step_end(run)
            if run.active:
                run.end_epoch()
            for hook in hooks:
                hook.on_epoch_end(run)
        for hook in hooks:
            hook.on_train_end(run)
    return run.outcomes
