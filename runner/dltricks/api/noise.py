"""The noise of a configuration: the same experiment with many seeds, compared with itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dltricks.api.lab import ExecutorName, Lab, Means, Silent, View
from dltricks.api.session import MAX_RUNS, Overrides, PathLike, open_study, warn
from dltricks.api.study import StudyResult, next_work, plan_of, run_study
from dltricks.core.errors import DivergedError, UsageError
from dltricks.experiment.datafiles import at_home
from dltricks.experiment.overrides import Override, apply
from dltricks.experiment.study import Study
from dltricks.experiment.tuning import larger_is_better
from dltricks.statistics.mean import mean_interval
from dltricks.statistics.noise import Alarms, Spread, false_alarms, spread
from dltricks.statistics.permutation import FEWEST
from dltricks.statistics.power import MOST, detectable

SEEDS = 20
"""Runs where nobody says how many."""
COUNTS = (6, 10, 20, 40, 100)
"""Numbers of seeds of which it is told what they can show."""
MINUTES = (1.0, 10.0, 60.0)
"""Times of which it is told what they can show."""
POWER = 0.8
"""The chance with which a difference is found that is called detectable."""


@dataclass(frozen=True)
class Detectable:
    """The smallest difference that so many seeds of two arms find with a power of 80 %."""

    seeds: int
    """Of each arm."""
    minutes: float
    """What both arms take together."""
    difference: float
    """In units of the metric; NaN where under six seeds can find nothing at all."""
    low: float
    """Its interval: the spread is known only so well."""
    high: float


@dataclass(frozen=True)
class NoiseResult:
    """What many runs of one configuration say of its noise."""

    trained: StudyResult = field(repr=False)
    metric: str
    """Of the last epoch."""
    values: tuple[float | None, ...] = field(repr=False)
    """By seed; None where a run diverged."""
    mean: float
    spread: Spread
    alarms: tuple[Alarms, ...]
    """Of verdicts on shared seeds, and on seeds of their own; see ``statistics.noise.false_alarms``."""
    by_seeds: tuple[Detectable, ...]
    by_minutes: tuple[Detectable, ...]
    seconds: float
    """That one run takes here, with as many at once as were trained."""
    measured: bool
    """Whether these seconds were measured in this very training, or estimated from a few steps."""
    confidence: float

    @property
    def diverged(self) -> int:
        """Runs without a value."""
        return sum(value is None for value in self.values)


def noise(
    file: PathLike,
    overrides: Overrides = (),
    *,
    seeds: int | None = None,
    block: int = FEWEST,
    minutes: Sequence[float] = MINUTES,
    confidence: float = 0.95,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    executor: ExecutorName | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    threads: int | None = None,
    max_runs: int = MAX_RUNS,
    quiet: bool = True,
    notify: Callable[[str], None] | None = None,
    **values: Any,
) -> NoiseResult:
    """Trains one configuration with many seeds: how far its runs spread, how often the verdict is wrong where nothing
    differs, and what difference so many seeds or minutes can find.

    Args:
        file: the experiment file, which must sweep and tune nothing.
        overrides: values laid over the file's: ``["optimizer.lr=0.1"]`` or ``{"optimizer.lr": 0.1}``.
        seeds: how many; by default those of the file, else 20.
        block: runs on each side of the comparisons of the configuration with itself, 6 or more.
        minutes: times of which to tell what they can show.
        confidence: of the intervals and verdicts.
        runs_dir: where run folders lie; these lie below the experiment's name with ``-noise``.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        fresh: whether to forget earlier runs and train anew.
        executor: ``serial``, ``processes`` or ``dask``; by default processes where they pay.
        workers: processes that train at once; by default one for each core.
        scheduler: the address of a Dask scheduler.
        threads: how many threads large networks use in each process; results do not depend on it.
        max_runs: more seeds are refused before anything is written.
        quiet: whether a download shows no progress bar.
        notify: is told warnings; by default they go to stderr.
        values: further values as arguments, such as ``dropout=0.5``.

    Raises:
        UsageError: a file that describes several configurations, too few seeds, or anything that ``train`` refuses.
        DivergedError: fewer than two runs ended with a value.
        SomeFailedError: some runs failed; the others have ended.
        StoppedError: a signal ended training; the same call goes on.
    """
    data = None if data_dir is None else Path(data_dir)
    return noise_study(
        file,
        overrides,
        values,
        seeds=seeds,
        block=block,
        minutes=minutes,
        confidence=confidence,
        means=Means(at_home(Path(runs_dir)), data, executor, workers, scheduler, threads),
        plugins=plugins,
        fresh=fresh,
        max_runs=max_runs,
        quiet=quiet,
        notify=notify or warn,
    )


def noise_study(
    file: PathLike,
    overrides: Overrides,
    values: dict[str, Any],
    *,
    seeds: int | None,
    block: int = FEWEST,
    minutes: Sequence[float] = MINUTES,
    confidence: float = 0.95,
    means: Means,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    max_runs: int = MAX_RUNS,
    quiet: bool = True,
    view: View | None = None,
    notify: Callable[[str], None],
) -> NoiseResult:
    """As ``noise``, for given means and with a view."""
    if block < FEWEST:
        raise UsageError(f"--block: found {block}, but under {FEWEST} runs no winner can be declared")
    if any(not 0 < each < math.inf for each in minutes):
        raise UsageError("--minutes: a time is above 0")
    study = _study(file, overrides, values, seeds, max_runs)
    paths = [Path(plugin) for plugin in plugins]
    with Lab(means, view or Silent(notify), quiet) as lab:
        work = next_work(study, lab, paths)
        missing = sum(len(task.runs) for task in plan_of(work, lab, fresh=fresh).tasks)
        # Of a few runs, planning and starting would be most of it.
        measured = 2 * missing >= len(work.pairs)
        estimate = 0.0 if measured else plan_of(work, lab, fresh=True).seconds
        began = time.monotonic()
        trained = run_study(study, lab, paths, fresh=fresh, most=max_runs, notify=notify)
        took = time.monotonic() - began
    trained.require_all()
    seconds = took / missing if measured else estimate / len(work.pairs)
    return _result(trained, block, minutes, confidence, seconds, measured)


def _study(file: PathLike, overrides: Overrides, values: dict[str, Any], seeds: int | None, most: int) -> Study:
    if seeds is not None:
        values = {**values, "seeds": seeds}
    study = open_study(file, overrides, values, most)
    if study.seeds is None:
        study = open_study(file, overrides, {**values, "seeds": SEEDS}, most)
    document = study.document
    if len(study.arms) > 1 or study.tune is not None:
        what = "tunes" if study.tune is not None else f"has {len(study.arms):,} arms"
        raise UsageError(
            f"{document.name}: noise is that of one configuration, and this file {what}; "
            "give one value to each swept key, as in dropout=0.5, or leave it out with sweep={}"
        )
    assert study.seeds is not None
    if len(study.seeds) < 2:
        raise UsageError(f"{document.name}: one seed shows no noise; at least 2 are needed")
    name = Override(("name",), f"{document.value.get('name') or Path(document.name).stem}-noise", "noise")
    return replace(study, document=apply(document, [name]))


def _result(
    trained: StudyResult, block: int, minutes: Sequence[float], confidence: float, seconds: float, measured: bool
) -> NoiseResult:
    metric, margin = trained.metric, trained.study.margin
    values = tuple(entry.value(metric) for entry in trained.entries)
    found = [value for value in values if value is not None and math.isfinite(value)]
    if len(found) < 2:
        raise DivergedError(f"{len(values) - len(found)} of {len(values)} runs diverged; the others show no noise")
    larger = larger_is_better(metric)
    alarms = tuple(
        false_alarms(values, block, paired=paired, larger_is_better=larger, margin=margin, confidence=confidence)
        for paired in (True, False)
    )
    own = spread(found, confidence)
    counts = sorted({*COUNTS, *([len(values)] if len(values) >= FEWEST else [])})

    def row(n: int, both: float) -> Detectable:
        unit = detectable(n, 1.0, POWER, 1 - confidence, "independent") if n >= FEWEST else math.nan
        return Detectable(n, both, *(float(unit * sd) for sd in (own.sd, own.low, own.high)))

    return NoiseResult(
        trained,
        metric,
        values,
        float(mean_interval(found, confidence).mean),
        own,
        alarms,
        tuple(row(n, 2 * n * seconds / 60) for n in counts),
        tuple(row(min(MOST, int(60 * each / (2 * seconds))), each) for each in minutes),
        seconds,
        measured,
        confidence,
    )
