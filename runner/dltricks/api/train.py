"""Trains all runs that an experiment file describes, or goes on with them, or finds them done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltricks.api.lab import ExecutorName, Lab, Means, Silent, View
from dltricks.api.session import MAX_RUNS, Overrides, PathLike, Run, open_study, warn
from dltricks.api.study import StudyResult, run_study
from dltricks.core.errors import UsageError
from dltricks.engine.hooks import Hook
from dltricks.experiment.datafiles import at_home

if TYPE_CHECKING:
    from dltricks.api.until import UntilResult


def train(
    file: PathLike,
    overrides: Overrides = (),
    *,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    executor: ExecutorName | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    threads: int | None = None,
    max_runs: int = MAX_RUNS,
    until: Literal["decided"] | None = None,
    max_seeds: int | None = None,
    budget: str | float | None = None,
    quiet: bool = True,
    hooks: Sequence[Hook] = (),
    notify: Callable[[str], None] | None = None,
    **values: Any,
) -> list[Run]:
    """Trains an experiment and returns its runs, in the order of the plan.

    A run that is finished already is read, an interrupted one goes on where its last checkpoint left it.

    Args:
        file: the experiment file.
        overrides: values laid over the file's: ``["optimizer.lr=0.1", "dropout=0,0.5"]`` or ``{"optimizer.lr": 0.1}``.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        fresh: whether to forget earlier runs and train anew.
        executor: ``serial``, ``processes`` or ``dask``; by default processes where they pay.
        workers: processes that train at once; by default one for each core.
        scheduler: the address of a Dask scheduler.
        threads: how many threads large networks use in each process; results do not depend on it.
        max_runs: a larger study is refused before anything is written.
        until: ``decided`` adds seeds until the verdict on each arm is decided or ``max_seeds`` are used up, under a
            rule that is declared in study.json; the runs are then a ``DecidedRuns``, which holds the verdicts.
        max_seeds: with ``until``: of each arm; by default those of the file, else 40.
        budget: with ``until``: a time such as ``"10m"`` or a number of seconds, after which nothing more is trained.
        quiet: whether a download shows no progress bar.
        hooks: called by the training loop of a single run, after those that record it.
        notify: is told warnings; by default they go to stderr.
        values: further values as arguments, such as ``dropout=0.5`` or ``seeds=10``.

    Returns:
        The runs; ``run.metrics["val_loss"]`` is an array with one value per epoch. A run that diverged is
        returned like any other, with ``run.status == "diverged"``. Tuning runs are not among them.

    Raises:
        UsageError: anything wrong with the file, its values or the data they name; nothing has been written.
        DamagedError, LockedError, FileSystemError: of the run's folder or the data set.
        SomeFailedError: some runs of several failed; the others have ended.
        StoppedError: a signal ended training; the same call goes on.
    """
    means = Means(
        at_home(Path(runs_dir)),
        None if data_dir is None else Path(data_dir),
        executor,
        workers,
        scheduler,
        threads,
    )
    if hooks and (until is not None or not means.local or open_study(file, overrides, values, max_runs).several):
        raise UsageError("hooks see the loop of a single run in this process; leave them out for several, or elsewhere")
    common: dict[str, Any] = {"means": means, "plugins": plugins, "fresh": fresh, "max_runs": max_runs, "quiet": quiet}
    check_until(until, max_seeds, budget)
    if until is not None:
        decided = train_until(
            file, overrides, values, max_seeds=max_seeds, budget=budget, notify=notify or warn, **common
        )
        decided.trained.require_all()
        return DecidedRuns(decided)
    result = train_study(file, overrides, values, hooks=hooks, notify=notify or warn, **common)
    result.require_all()
    return result.runs


class DecidedRuns(list[Run]):
    """The runs of a study that added seeds until it was decided."""

    def __init__(self, result: UntilResult) -> None:
        super().__init__(result.trained.runs)
        self.result = result
        """The rule, and how each arm stands: ``runs.result.standings[0].word``."""


def check_until(until: str | None, max_seeds: int | None, budget: str | float | None) -> None:
    """Refuses what only a study that ends when it is decided can be told.

    Raises:
        UsageError: an unknown end, or options without one.
    """
    if until not in (None, "decided"):
        raise UsageError(f"--until: found {until!r}, allowed: decided")
    if until is None and (max_seeds, budget) != (None, None):
        option = "--max-seeds" if max_seeds is not None else "--budget"
        raise UsageError(f"{option} belongs to --until decided; add it, or write seeds=N")


def train_until(
    file: PathLike,
    overrides: Overrides,
    values: dict[str, Any],
    *,
    max_seeds: int | None,
    budget: str | float | None,
    means: Means,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    max_runs: int = MAX_RUNS,
    quiet: bool = True,
    view: View | None = None,
    notify: Callable[[str], None],
    tell: Callable[[str], None] | None = None,
) -> UntilResult:
    """As ``train`` with ``until``; ``tell`` hears how each look came out."""
    from dltricks.api.until import run_until, seconds, widened  # statistics that no other training needs

    time = None if budget is None else seconds(budget)
    study = widened(open_study(file, overrides, values, max_runs), max_seeds, max_runs)
    paths = [Path(plugin) for plugin in plugins]
    with Lab(means, view or Silent(notify), quiet) as lab:
        return run_until(study, lab, paths, budget=time, fresh=fresh, most=max_runs, tell=tell or notify)


def train_study(
    file: PathLike,
    overrides: Overrides,
    values: dict[str, Any],
    *,
    means: Means,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    max_runs: int = MAX_RUNS,
    quiet: bool = True,
    hooks: Sequence[Hook] = (),
    view: View | None = None,
    notify: Callable[[str], None],
) -> StudyResult:
    """As ``train``, with a view of several runs, and failures as part of the result."""
    study = open_study(file, overrides, values, max_runs)
    paths = [Path(plugin) for plugin in plugins]
    with Lab(means, view or Silent(notify), quiet) as lab:
        return run_study(study, lab, paths, fresh=fresh, most=max_runs, hooks=hooks, notify=notify)
