"""How long a step takes in stacks of several sizes, by trying it for a few milliseconds on this machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass

from dltricks.engine.footprint import replica_bytes
from dltricks.engine.loop import step
from dltricks.engine.numerics import exact
from dltricks.engine.trainer import Trainer
from dltricks.execution.data import Datasets
from dltricks.execution.stack import build
from dltricks.experiment.resolve import Experiment

LARGEST = 64
"""Runs in a stack at most: larger ones gain nothing, and lose more when a process dies."""
TRIALS = 4
"""Steps of which the fastest counts, after one that makes the buffers."""
ENOUGH = 0.25
"""Seconds of steps after which no further one is timed: of so long ones the first tells as much."""
WORTH = 0.95
"""A larger stack must need less than this share of the time per run to be preferred, where training is long."""
LIGHT, UNTRIED = 1e-3, 16
"""A step that is shorter than this many seconds is worth stacks of this size, if there is no time to try."""
SHORT = 60.0
"""Seconds of training up to which stacks that are as good are preferred large: few tasks share out more evenly. Where
a step is ``LIGHT`` too, no size is tried between one and the largest."""


@dataclass(frozen=True)
class Measured:
    """The stack size that served best."""

    size: int
    seconds: float
    """Of one run's whole training in such a stack, were it to take all its epochs."""


def measure(
    experiments: Sequence[Experiment], datasets: Datasets, most: int, memory: int | None, seconds: float
) -> Measured:
    """Tries stacks of some of the runs, beginning with small ones, and tells which size serves best.

    Args:
        experiments: that may share a stack.
        datasets: the process's data.
        most: runs in a stack at most.
        memory: bytes that one stack may take; None for no bound.
        seconds: how long this may take; the smallest stack is tried in any case.

    Raises:
        UsageError, DamagedError: runs that cannot be trained.
    """
    began = time.perf_counter()
    best: Measured | None = None
    most, tried, light = min(most, LARGEST, len(experiments)), 0, False
    for size in _sizes(most):
        size = min(size, most)
        if size <= tried or (light and size < most):
            continue
        tried = size
        # A plugin may print, and stdout is for results.
        with redirect_stdout(sys.stderr):
            trainer = build(experiments[:size], datasets)
            step_seconds = _step_seconds(trainer)
        needed = step_seconds / size * trainer.steps * experiments[0].recipe.epochs
        if best is None or needed < (1 / WORTH if needed * size < SHORT else WORTH) * best.seconds:
            best = Measured(size, needed)
        if size == 1:
            light = step_seconds < LIGHT and needed * most < SHORT
        if memory is not None:
            most = min(most, max(1, memory // replica_bytes(trainer)))
            if best.size > most:
                best = Measured(most, best.seconds)
        if time.perf_counter() - began > seconds:
            if best.size == size and step_seconds < LIGHT:
                # Not tried, and yet sure to be better: so short a step is mostly calls, which a stack shares.
                best = Measured(max(size, min(most, UNTRIED)), best.seconds)
            break
    assert best is not None
    return best


def _sizes(most: int) -> Iterator[int]:
    """One, which tells what a run needs of memory, then a small stack, the largest, and one between them."""
    yield 1
    small = -(-most // 8)
    yield small
    if most > 2 * small:
        yield -(-most // 2)
    yield most


def _step_seconds(trainer: Trainer) -> float:
    with exact():
        trainer.begin_epoch()
        seconds = []
        before = time.perf_counter()
        for batch in trainer.batches():
            step(trainer, batch, trainer.lr[:, trainer.step, None])
            now = time.perf_counter()
            seconds.append(now - before)
            before = now
            # The first one makes the buffers. It may also compile kernels, which says nothing of the others.
            telling = seconds[1:] if trainer.recipes[0].kernels == "compiled" else seconds
            if len(seconds) > TRIALS or sum(telling) > ENOUGH:
                break
    return min(seconds[1:] or seconds)
