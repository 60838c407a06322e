"""Fair tuning: every arm tries the same grid on the same seeds, and its best point is frozen before anything is judged.

The seeds of tuning are used for nothing else, so that a choice is never judged on the luck that it was made by.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise, product
from typing import Any, NoReturn

from dltricks.core import registry
from dltricks.core.errors import DamagedError, UsageError
from dltricks.core.registry import KINDS
from dltricks.experiment.arm import Arm
from dltricks.experiment.document import Document, Where, describe
from dltricks.experiment.grids import Allowed, Edge, Grid, grown, is_number
from dltricks.experiment.overrides import Override
from dltricks.experiment.resolve import Experiment
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.experiment.values import Fail, Listed, is_whole, read_values
from dltricks.experiment.values import Grid as Spaced

EXAMPLE = "{optimizer.lr: {log: [1e-4, 1], count: 8}, seeds: 3}"
METRICS = ("val_accuracy", "val_loss", "val_rmse")
OPTIONS = ("seeds", "extend", "metric")
"""The keys of ``tune`` that are no grids."""
_TUNABLE = (*(key for key in KINDS if key != "dataset"), "epochs", "batch_size")
MOST_SEEDS = 1000
MOST_POINTS = 10_000
"""Of all grids together, for one arm."""


@dataclass(frozen=True)
class Tuning:
    """What ``tune`` asks for."""

    grids: tuple[Grid, ...]
    seeds: int = 3
    """Runs of each point, on seeds from TUNING_SEEDS upwards."""
    extend: bool = False
    """Whether a grid grows where an arm's best value is its last one."""
    metric: str | None = None
    """None for the metric that fits the task; see ``metric_of``."""

    @property
    def numbers(self) -> range:
        """The seeds themselves."""
        return range(TUNING_SEEDS, TUNING_SEEDS + self.seeds)


@dataclass(frozen=True)
class Candidate:
    """One point of the product of the grids, in one arm."""

    point: dict[str, Any]
    overrides: tuple[Override, ...]
    """Laid over the study's document after the arm's changes."""


@dataclass(frozen=True)
class Tried:
    """What the seeds of one point gave."""

    point: dict[str, Any]
    mean: float | None
    """Over the seeds that did not diverge; None if all did."""
    diverged: int


@dataclass(frozen=True)
class Choice:
    """The best point of one arm."""

    point: dict[str, Any]
    mean: float | None
    """None where every run of every point diverged; the point is then the first."""
    edges: tuple[Edge, ...]
    table: tuple[Tried, ...]
    """Every point, in grid order."""


@dataclass(frozen=True)
class Tuned:
    """A tuning that is over: what is judged, and can be recognised when the same is asked again."""

    plan: str
    """Of ``plan_hash``, for the tuning as the file asks for it."""
    metric: str
    tuning: Tuning
    """With the grids as they were in the end, extensions included."""
    choices: dict[str, Choice]
    """By the arm's label."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for study.json."""
        return json_values(self)

    @classmethod
    def from_json(cls, values: Any) -> Tuned:
        """What ``to_json`` wrote.

        Raises:
            DamagedError: anything else.
        """
        try:
            tuning = dict(values["tuning"])
            tuning["grids"] = tuple(Grid(**{**grid, "values": tuple(grid["values"])}) for grid in tuning["grids"])
            choices = {
                label: Choice(
                    dict(choice["point"]),
                    choice["mean"],
                    tuple(Edge(**edge) for edge in choice["edges"]),
                    tuple(Tried(**tried) for tried in choice["table"]),
                )
                for label, choice in values["choices"].items()
            }
            return cls(str(values["plan"]), str(values["metric"]), Tuning(**tuning), choices)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedError(f"not the result of a tuning: {type(error).__name__}: {error}") from error


def json_values(value: Tuning | Tuned) -> dict[str, Any]:
    """A dataclass of this module as JSON holds it."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(value), allow_nan=False))
    return values


def read_tuning(document: Document, value: Any) -> Tuning:
    """What stands under ``tune``.

    Raises:
        UsageError: anything wrong, one line for each key that is.
    """
    problems: list[str] = []

    def problem(where: Where, message: str) -> None:
        problems.append(document.error(("tune", *where), message))

    if not isinstance(value, dict):
        raise UsageError(document.error(("tune",), f"found {describe(value)}, allowed: a mapping such as {EXAMPLE}"))
    grids = []
    for key, given in value.items():
        if key in OPTIONS:
            continue

        def fail(below: Where, message: str, key: str = key) -> NoReturn:
            raise UsageError(document.error(("tune", key, *below), message))

        try:
            message = _key_problem(key, value)
            if message:
                fail((), message)
            grids.append(_grid(key, given, fail))
        except UsageError as error:
            problems.append(str(error))
    points = math.prod(len(grid.values) for grid in grids)
    if points > MOST_POINTS:
        problem((), f"the grids have {points} points together, allowed: at most {MOST_POINTS}")
    seeds, extend, metric = value.get("seeds", 3), value.get("extend", False), value.get("metric")
    if not is_whole(seeds) or not 1 <= seeds <= MOST_SEEDS:
        problem(
            ("seeds",),
            f"found {describe(seeds)}, allowed: how many seeds each point is tried with, from 1 to {MOST_SEEDS}",
        )
    if not isinstance(extend, bool):
        problem(("extend",), f"found {describe(extend)}, allowed: true or false")
    if "metric" in value and not isinstance(metric, str):
        problem(("metric",), f"found {describe(metric)}, allowed: {', '.join(METRICS)}")
    elif metric is not None and metric not in METRICS:
        problem(("metric",), registry.unknown("metric", metric, list(METRICS)))
    if not grids and not problems:
        problem((), f"there is nothing to tune; write the values of at least one key, as in {EXAMPLE}")
    if problems:
        raise UsageError("\n".join(problems))
    return Tuning(tuple(grids), seeds, extend, metric)


def metric_of(tuning: Tuning, document: Document, experiment: Experiment) -> str:
    """The metric by which this experiment's points are chosen.

    Raises:
        UsageError: one that it will not have.
    """
    recipe = experiment.recipe
    classes = recipe.dataset.task == "classification"
    own, foreign = ("val_accuracy", "val_rmse") if classes else ("val_rmse", "val_accuracy")
    metric = tuning.metric or ("val_accuracy" if classes else "val_loss")
    problem = None
    if recipe.validation == 0:
        problem = "points are chosen by samples kept out of training, of which validation: 0 leaves none"
    elif metric == foreign:
        problem = f"{metric} is not measured in {recipe.dataset.task}; write metric: {own} or val_loss"
    elif metric == "val_loss" and any(grid.where[0] == "loss" for grid in tuning.grids):
        problem = f"val_loss cannot choose between losses; write metric: {own}"
    if problem:
        raise UsageError(document.error(("tune", "metric") if tuning.metric else ("tune",), problem))
    return metric


def larger_is_better(metric: str) -> bool:
    """Whether the best value of a metric is the largest."""
    return metric.endswith("accuracy")


def applies(grid: Grid, arm: Arm, experiment: Experiment) -> bool:
    """Whether an arm, of which ``experiment`` is one run, has the tuned key to choose; see ``tuning_notes``."""
    return _obstacle(grid, arm, experiment) is None


def tuning_notes(tuning: Tuning, document: Document, arms: Sequence[tuple[Arm, Experiment]]) -> tuple[str, ...]:
    """A sentence for each key that some arms do not tune.

    Raises:
        UsageError: a key that no arm tunes, as where its name is wrong.
    """
    problems, notes = [], []
    for grid in tuning.grids:
        found: dict[str, list[str]] = {}
        for arm, experiment in arms:
            obstacle = _obstacle(grid, arm, experiment)
            if obstacle:
                found.setdefault(obstacle, []).append(arm.label)
        if sum(map(len, found.values())) == len(arms):
            problems.append(document.error(("tune", grid.key), "; ".join(found)))
        notes += [f"{grid.key} is not tuned in {some(at)}: {why}" for why, at in found.items()]
    if problems:
        raise UsageError("\n".join(problems))
    if any(experiment.recipe.validation == "test" for _, experiment in arms):
        notes.append("validation: test lets tuning choose by the test part, so that what it reaches there is too good")
    return tuple(notes)


def candidates(tuning: Tuning, document: Document, arm: Arm, experiment: Experiment) -> list[Candidate]:
    """Every point for an arm, in grid order: the last grid's values change fastest.

    Where no grid applies there is one point without any value: the arm as it is.
    """
    grids = [grid for grid in tuning.grids if applies(grid, arm, experiment)]
    return [
        Candidate(
            {grid.key: value for grid, value in zip(grids, values, strict=True)},
            tuple(
                Override(grid.where, value, document.origin(("tune", grid.key)))
                for grid, value in zip(grids, values, strict=True)
            ),
        )
        for values in product(*(grid.values for grid in grids))
    ]


def choose(
    tuning: Tuning,
    points: Sequence[dict[str, Any]],
    results: Sequence[Sequence[float | None]],
    larger_is_better: bool,
) -> Choice:
    """The point with the fewest diverged runs; among those the best mean, and among equals the first in grid order.

    Args:
        tuning: of which the points are.
        points: those of ``candidates``, in their order.
        results: for each point a value per seed; None, NaN and infinity stand for a diverged run.
        larger_is_better: of the values.
    """
    table = []
    for point, values in zip(points, results, strict=True):
        good = [value for value in values if value is not None and math.isfinite(value)]
        table.append(Tried(point, math.fsum(good) / len(good) if good else None, len(values) - len(good)))
    sign = -1.0 if larger_is_better else 1.0
    best = min(table, key=lambda tried: (tried.diverged, math.inf if tried.mean is None else sign * tried.mean))
    edges = [edge for grid in tuning.grids if grid.key in best.point for edge in grid.edges(best.point[grid.key])]
    return Choice(best.point, best.mean, tuple(edges), tuple(table))


def extended(tuning: Tuning, edges: Collection[Edge], allowed: Allowed) -> Tuning | None:
    """The tuning with further values beyond the given edges of log and linear grids; None where nothing can be added.

    It is the same for all arms, as the budget of each must be: ``edges`` are those of all of them. A side grows by
    at most as many values as the file asks for in all, and no further than values are allowed.
    """
    grids = tuple(grown(grid, {edge.side for edge in edges if edge.key == grid.key}, allowed) for grid in tuning.grids)
    return None if grids == tuning.grids else replace(tuning, grids=grids)


def plan_hash(arms: Mapping[str, str], tuning: Tuning, metric: str) -> str:
    """SHA-256 of all that a tuning's result depends on.

    Args:
        arms: by label the hash of the arm's experiment with the first seed of tuning, which covers its resolved
            configuration, the user's data and plugins. (That of another seed would change with the seeds to judge on.)
        tuning: as the file asks for it, not as it was extended.
        metric: by which points are chosen.
    """
    plan = {"arms": dict(arms), "tuning": json_values(tuning), "metric": metric, "seeds": list(tuning.numbers)}
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def some(labels: Sequence[str]) -> str:
    """The first few labels, and how many more there are."""
    more = [f"{len(labels) - 3} other arms"] if len(labels) > 4 else []
    return ", ".join([*map(repr, labels[:3] if more else labels), *more])


def _key_problem(key: str, tune: Mapping[str, Any]) -> str | None:
    """Why a key cannot be tuned, or None if it may."""
    first, dot, field = key.partition(".")
    if first not in _TUNABLE:
        return registry.unknown("key to tune", first, [*_TUNABLE, *OPTIONS])
    if not dot:
        inner = [other for other in tune if other.startswith(f"{key}.")]
        return f"tuned together with its own field {inner[0]}; write the fields into {key}'s values" if inner else None
    if not field or "." in field:
        return f"expected key or key.sub, found {key!r}"
    if first not in KINDS or KINDS[first].many:
        return f"{first} has no fields to tune; write {first}: [values]"
    return f"write {first} instead" if field == "name" else None


def _grid(key: str, value: Any, fail: Fail) -> Grid:
    read = read_values(value, fail)
    if not 2 <= read.count <= MOST_POINTS:
        fail((), f"found {read.count} value{'s' * (read.count != 1)}, allowed: from 2 to {MOST_POINTS}")
    values = tuple(read.expand())
    if isinstance(read, Listed):
        return Grid(key, values, "list")
    ascending = tuple(sorted(values))
    if any(after <= before for before, after in pairwise(ascending)):
        fail((), "the values lie closer together than six digits can tell; write fewer, or bounds that differ more")
    return Grid(key, ascending, "log" if isinstance(read, Spaced) and read.span.geometric else "linear")


def _obstacle(grid: Grid, arm: Arm, experiment: Experiment) -> str | None:
    """Why an arm does not tune a key, or None if it does."""
    key, *field = grid.where
    for change in arm.changes:
        # The arm is about this value. A field of a component that it gives as a mapping is its fixed value, and free.
        number = KINDS[key].number if key in KINDS else None
        whole = change.where == (key,) and number is not None and field == [number[1]] and is_number(change.value)
        if change.where == grid.where or whole or (not field and change.where[0] == key):
            return f"the arm itself sets {change}"
    if not field:
        return None
    component = getattr(experiment.recipe, key)
    names = [f.name for f in fields(component) if f.init]
    if field[0] in names:
        return None
    # To set it nevertheless would bring in another component: clipping.threshold switches clipping on.
    what = f"{key} {component.name()}"
    return registry.unknown(f"field of {what}", field[0], names) if names else f"{what} has no fields"
