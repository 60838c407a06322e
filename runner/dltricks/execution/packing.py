"""From the runs of a plan to stacks for workers: what may share a stack, how large, and what it will take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from math import ceil
from pathlib import Path
from typing import Any

from dltricks.core.component import Component, numeric_fields
from dltricks.core.dataset import Data
from dltricks.core.errors import DltricksError, UsageError
from dltricks.core.registry import KINDS
from dltricks.engine.fitting import check_fit
from dltricks.engine.recipe import Recipe
from dltricks.execution import memory
from dltricks.execution.data import Datasets
from dltricks.execution.measure import LARGEST, Measured, measure
from dltricks.execution.stack import build
from dltricks.execution.task import PlannedRun, Task, cut

SECONDS = 0.2
"""For all measurements of a plan."""
MEMORY = 0.5
"""The share of the available memory that stacks may fill."""
START = 0.2
"""Seconds that worker processes take to start and end: less work than that is not worth them."""
BESIDE, FILES = 1.25, 0.005
"""What a run takes in all: a multiple of its steps, for evaluation and metrics, and seconds for its files."""

ONE_BY_ONE = {"scaling", "augmentation", "schedule", "early_stopping"}
"""Kinds that the engine asks for each run apart, so that they may be anything in a stack."""


@dataclass(frozen=True)
class Group:
    """Runs that may share a stack and are still to be trained."""

    runs: tuple[PlannedRun, ...]
    size: int
    """Runs in each of its stacks, at most."""
    seconds: float
    """Estimated, of one run in such a stack."""


@dataclass(frozen=True)
class Plan:
    """Everything that is to happen."""

    runs: tuple[PlannedRun, ...]
    """All of the study, in its order."""
    done: Mapping[int, str]
    """What has become of runs that are not to be trained, by number: finished, diverged or damaged."""
    groups: tuple[Group, ...]
    tasks: tuple[Task, ...]
    """The longest first."""
    workers: int
    """How many tasks are trained at once."""
    seconds: float
    """Estimated, until the last of them ends."""
    title: str = ""
    """What it is for, where a study has several plans: tuning, which comes first."""


def pack(
    runs: Sequence[PlannedRun],
    done: Mapping[int, str],
    datasets: Datasets,
    *,
    workers: int,
    chosen: bool = False,
    data_dir: Path | None = None,
) -> Plan:
    """Groups the runs that are not done, measures, and cuts the groups into tasks.

    Args:
        runs: all of the study.
        done: status by number of those that need no training.
        datasets: the process's data.
        workers: processes at most.
        chosen: whether the user asked for so many; else little work is done by one.
        data_dir: handed on to the tasks.

    Raises:
        UsageError, DamagedError: runs that cannot be trained.
    """
    _check([run for run in runs if run.number not in done], datasets)
    groups = _measured(_grouped([run for run in runs if run.number not in done]), datasets, workers)
    total = sum(len(group.runs) * group.seconds for group in groups) or 1e-9
    if not chosen and total / workers + START > total:
        workers = 1
    tasks: list[tuple[float, Task]] = []
    for group in groups:
        seconds = len(group.runs) * group.seconds
        # No stack may be longer than all take together when they are shared out evenly.
        stacks = max(ceil(len(group.runs) / group.size), min(len(group.runs), round(seconds * workers / total)))
        tasks += [(len(part) * group.seconds, Task(tuple(part), data_dir)) for part in cut(group.runs, stacks)]
    tasks.sort(key=lambda each: -each[0])
    workers = max(1, min(workers, len(tasks)))
    return Plan(
        tuple(runs),
        done,
        tuple(groups),
        tuple(task for _, task in tasks),
        workers,
        _makespan([seconds for seconds, _ in tasks], workers),
    )


def _check(runs: Sequence[PlannedRun], datasets: Datasets) -> None:
    """Refuses what could only fail, before any of it is trained."""
    datas: dict[str, Data] = {}
    checked = set()
    for run in runs:
        recipe = run.experiment.recipe
        # Generated sets of other seeds have the same shapes.
        data = f"{type(recipe.dataset)} {recipe.dataset}"
        key = (data, recipe.validation, recipe.limit, recipe.batch_size, recipe.seeds.split, repr(recipe.augmentation))
        if key in checked:
            continue
        checked.add(key)
        with named(run):
            if data not in datas:
                datas[data] = datasets.load(run.experiment)
            check_fit(recipe, datas[data])


@contextmanager
def named(run: PlannedRun) -> Iterator[None]:
    """Says which of several runs is refused."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{error} (in the run {run.label})" if run.label else str(error)) from error


def stack_key(recipe: Recipe) -> tuple[Any, ...]:
    """What runs must share to train as one stack: everything but seeds and numeric fields."""
    settings = [getattr(recipe, field.name) for field in fields(recipe) if field.name not in (*KINDS, "seeds")]
    data = repr(recipe.dataset), type(recipe.dataset)
    parts = [_shape(getattr(recipe, kind)) for kind in KINDS if kind not in ONE_BY_ONE | {"dataset", "initializer"}]
    # Only what draws from data needs the whole stack.
    initializer = _shape(recipe.initializer) if recipe.initializer.data_dependent else None
    return (*settings, data, initializer, *parts)


def _shape(component: Component) -> tuple[Any, ...]:
    cls = type(component)
    if cls not in _shared:
        numeric = numeric_fields(cls)
        _shared[cls] = [field.name for field in fields(cls) if field.name not in numeric]
    return cls, *(repr(getattr(component, name)) for name in _shared[cls])


_shared: dict[type[Component], list[str]] = {}
"""Names of the fields in which runs of a stack must agree; to find them takes longer than the rest of a run's key."""


def _grouped(runs: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    groups: dict[tuple[Any, ...], list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault(stack_key(run.experiment.recipe), []).append(run)
    # Runs of the same seed side by side: what a stack draws for one of them serves the others.
    return [sorted(group, key=lambda run: astuple(run.experiment.recipe.seeds)) for group in groups.values()]


def _measured(groups: Sequence[Sequence[PlannedRun]], datasets: Datasets, workers: int) -> list[Group]:
    """The groups with their stack sizes; when time is up, later ones are taken to be like those before."""
    free = memory.available()
    bound = None if free is None else int(free * MEMORY) // workers
    end = time.perf_counter() + SECONDS
    found: list[Measured] = []
    for runs in groups:
        left = end - time.perf_counter()
        if left < 0:
            break
        most = ceil(len(runs) / workers) if len(groups) < workers else min(LARGEST, len(runs))
        experiments = [run.experiment for run in runs]
        try:
            with named(runs[0]):
                found.append(measure(experiments, datasets, most, bound, left / (len(groups) - len(found))))
        except DltricksError:
            raise
        except Exception:
            # Whatever it is, the run itself will meet it, and the others must not suffer from it.
            found.append(Measured(1, 0.0))
    if not groups:
        return []
    if not found:
        found = [Measured(1, 0.0)]
    for runs in groups[len(found) :]:
        if time.perf_counter() > end + SECONDS / 2:
            break
        try:  # what cannot be built is told now, if there is time
            with named(runs[0]):
                build([runs[0].experiment], datasets)
        except DltricksError:
            raise
        except Exception:
            continue
    rest = Measured(min(one.size for one in found), sum(one.seconds for one in found) / len(found))
    found += [rest] * (len(groups) - len(found))
    return [Group(tuple(runs), one.size, one.seconds * BESIDE + FILES) for runs, one in zip(groups, found, strict=True)]


def _makespan(seconds: Sequence[float], workers: int) -> float:
    """When the last of the tasks ends, if each goes to the worker that is free first."""
    ends = [0.0] * workers
    for each in seconds:
        ends[ends.index(min(ends))] += each
    return max(ends)
