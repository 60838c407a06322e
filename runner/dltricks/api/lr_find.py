"""Looks for a learning rate by a range test on a copy of the experiment; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dltricks.api.session import Overrides, PathLike, open_experiment, use_threads
from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.engine.range_test import range_test, smooth, suggestion


@dataclass(frozen=True)
class RangeTest:
    """The curve of a range test and the rate that it suggests."""

    rates: Array = field(repr=False)
    losses: Array = field(repr=False)
    smoothed: Array = field(repr=False)
    suggestion: float | None
    """The rate of steepest descent; None where the loss never fell."""


def lr_find(
    file: PathLike,
    overrides: Overrides = (),
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    threads: int | None = None,
    quiet: bool = True,
    **values: Any,
) -> RangeTest:
    """Trains for ``steps`` steps at rates that grow geometrically from low to high.

    The rates take the place of the optimizer's and of the schedule's. The arrays end where the loss blew up.

    Args:
        file: the experiment file.
        overrides: values laid over the file's: ``["optimizer.lr=0.1"]`` or ``{"optimizer.lr": 0.1}``.
        low: the first rate.
        high: the last rate.
        steps: how many steps lead from the one to the other.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        threads: how many threads large networks use (all cores by default); results do not depend on it.
        quiet: whether a download shows no progress bar.
        values: further values as arguments, such as ``dropout=0.5``.

    Raises:
        UsageError: an experiment that ``train`` would refuse, or bounds that make no range.
    """
    if not 0 < low < high < float("inf"):
        raise UsageError(f"the range of learning rates must satisfy 0 < low < high; found low {low:g}, high {high:g}")
    if not 20 <= steps <= 100_000:
        raise UsageError(f"steps: found {steps}, allowed: a whole number from 20 to 100000")
    opened = open_experiment(file, overrides, values, plugins=plugins)
    use_threads(threads)
    constant = registry.load("schedule", "constant")()
    recipe = replace(opened.experiment.recipe, schedule=constant, monitor="none")
    trainer = replace(opened, experiment=replace(opened.experiment, recipe=recipe)).trainer(data_dir, quiet=quiet)
    rates, losses = range_test(trainer, low, high, steps)
    return RangeTest(rates, losses, smooth(losses), suggestion(rates, losses))
