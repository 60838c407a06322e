"""From an experiment file to all the runs that it asks for: each arm of its sweep, with each of its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dltricks.core.dataset import Files
from dltricks.core.errors import UsageError
from dltricks.experiment.arm import Arm, tuned_label
from dltricks.experiment.baseline import read_baseline, read_margin
from dltricks.experiment.datafiles import DataFiles
from dltricks.experiment.document import Document, describe, visible
from dltricks.experiment.identity import PURPOSES
from dltricks.experiment.overrides import RANGE, Override, apply, refuse_twice
from dltricks.experiment.resolve import Experiment, Known, home, reseed, resolve
from dltricks.experiment.settings import STUDY_KEYS, TUNING_SEEDS
from dltricks.experiment.sweep import Axis, Place, read_sweep, read_swept
from dltricks.experiment.values import is_whole, read_range

if TYPE_CHECKING:
    from dltricks.experiment.tuning import Tuning

_SEEDS = "a whole number of seeds, a list such as [0, 1, 5], or a range such as 0..9"


@dataclass(frozen=True)
class Study:
    """Everything that a file and a command line ask for."""

    document: Document
    """The file with the single values of the command line laid over it, and without `seeds`, `sweep` and `tune`."""
    arms: tuple[Arm, ...]
    """At least one."""
    seeds: tuple[int, ...] | None
    """None where no `seeds` were given, and `seed` is the only one."""
    tune: Tuning | None
    margin: float | None = None
    """The smallest difference that matters, in units of the metric."""
    baseline: str | None = None
    """The label of the arm that the others are compared with; None where the file leaves it open."""
    fixed: frozenset[str] = frozenset()
    """The purposes whose seed `seed` names, which `seeds` do not vary."""

    @property
    def several(self) -> bool:
        """Whether it was asked for as a study: a sweep, seeds or tuning was given."""
        return any(arm.label for arm in self.arms) or self.seeds is not None or self.tune is not None

    @property
    def swept(self) -> tuple[str, ...]:
        """The keys in which the arms may differ; ``variant`` where they are named."""
        return tuple(dict.fromkeys(key for arm in self.arms for key in arm.varied))


def read_study(document: Document, overrides: Sequence[Override] = (), most: int = 10_000) -> Study:
    """Reads which runs are asked for, and builds none of them.

    Raises:
        UsageError: seeds, sweep or tuning that are wrong, or more than ``most`` runs.
    """
    refuse_twice(overrides)
    swept = [override for override in overrides if override.swept]
    of_study = [override for override in overrides if override.where[0] in STUDY_KEYS]
    single = [override for override in overrides if override not in swept and override not in of_study]
    whole = apply(document, of_study)
    seeds, plain = _seeds(whole, single, any(override.where == ("seeds",) for override in of_study))
    base = _without(whole, (*STUDY_KEYS, *([] if plain else ["seed"])))
    fixed = frozenset(_fixed(whole, single))
    if seeds is not None and len(seeds) > 1 and fixed.issuperset(PURPOSES):
        raise UsageError(whole.error(("seed",), "every purpose has its seed here, so that `seeds` would vary nothing"))
    axes = _axes(whole, single, swept, any(override.where == ("sweep",) for override in of_study))
    _check_size(whole, axes, seeds, most)
    if not plain:
        single = [override for override in single if override.where != ("seed",)]
    arms, tuning = _arms(axes, single), _tuning(whole, axes)
    baseline = read_baseline(whole, _allowed(arms, tuning), replaced=len(arms) == 1 and "sweep" in whole.value)
    return Study(apply(base, single), arms, seeds, tuning, read_margin(whole), baseline, fixed)


def _allowed(arms: Sequence[Arm], tuning: Tuning | None) -> dict[str, dict[str, Any]]:
    """The arms that may be the baseline, with the values in which they differ."""
    found = {arm.label: arm.varied for arm in arms if arm.label}
    if tuning is not None:
        found |= {tuned_label(arm.label): {**arm.varied, "tuned": "yes"} for arm in arms}
    return found


def experiments(
    study: Study,
    arms: Sequence[Arm] | None = None,
    seeds: Sequence[int] | None = None,
    plugins: Sequence[Path] = (),
    files: Files | None = None,
    repeats: bool = False,
) -> Iterator[tuple[Arm, Experiment]]:
    """Every run, arm by arm, each arm with all its seeds.

    Args:
        study: what was asked for.
        arms: instead of the study's own.
        seeds: instead of the study's own.
        plugins: further files with tricks, as paths from the current folder.
        files: finds the user's data files; each of them is read once, however many runs use it.
        repeats: whether arms may be the same experiment, as points of a tuning can be.

    Raises:
        UsageError: an arm that is no valid experiment, or two arms that are the same.
    """
    arms = study.arms if arms is None else arms
    seeds = study.seeds if seeds is None else seeds
    known = Known(home(study.document))
    files = files or DataFiles(base=known.folder, quiet=True)
    labels: dict[str, str] = {}
    for arm in arms:
        try:
            first = resolve(study.document, arm.changes, plugins, files, known)
        except UsageError as error:
            raise UsageError(_in_arm(str(error), arm)) from error
        fixed = study.fixed.union(change.where[1] for change in arm.changes if change.place[0] == "seed")
        for experiment in [first] if seeds is None else (reseed(first, seed, fixed) for seed in seeds):
            if experiment.hash in labels and not repeats:
                raise UsageError(visible(f"{study.document.name}: {_twice(labels[experiment.hash], arm.label)}"))
            labels[experiment.hash] = arm.label
            yield arm, experiment


def _twice(first: str, second: str) -> str:
    if first == second:
        return f"every purpose of `seed` is given{_of(first)}, so that `seeds` vary nothing"
    return (
        f"the arms {_short(first)!r} and {_short(second)!r} are the same experiment, "
        "and comparing them would compare a run with itself; remove one of them"
    )


def read_seeds(document: Document) -> tuple[int, ...]:
    """What stands under `seeds`.

    Raises:
        UsageError: anything but different seeds below those for tuning.
    """
    value = document.value["seeds"]

    def fail(below: tuple[str | int, ...], message: str) -> NoReturn:
        raise UsageError(document.error(("seeds", *below), message))

    reserved = f"seeds from {TUNING_SEEDS:,} up are kept for tuning; write smaller ones"
    if is_whole(value):
        if value < 1:
            fail((), f"found {value}, allowed: {_SEEDS}; a number of seeds is at least 1")
        if value > TUNING_SEEDS:
            fail((), f"found {value}, which would be the seeds 0..{value - 1}; {reserved}")
        return tuple(range(value))
    if isinstance(value, str) and RANGE.fullmatch(value):
        found = read_range(value, fail)
        if found.first < 0 or found.last >= TUNING_SEEDS:
            fail((), f"found {value}; " + (reserved if found.first >= 0 else "a seed is at least 0"))
        return tuple(found.expand())
    if not isinstance(value, list) or not value:
        fail((), f"found {describe(value)}, allowed: {_SEEDS}")
    for i, seed in enumerate(value):
        if not is_whole(seed) or seed < 0:
            fail((i,), f"found {describe(seed)}, allowed: a whole number at least 0")
        if seed >= TUNING_SEEDS:
            fail((i,), f"found {seed}; {reserved}")
    if len(set(value)) < len(value):
        twice = next(seed for i, seed in enumerate(value) if seed in value[:i])
        fail((), f"found the seed {twice} twice; keep one of them")
    return tuple(value)


def _seeds(document: Document, single: Sequence[Override], commanded: bool) -> tuple[tuple[int, ...] | None, bool]:
    """The seeds, and whether `seed` still says something beside them."""
    if "seeds" not in document.value:
        return None, True
    own = next((override for override in single if override.place == ("seed",)), None)
    seed = document.value.get("seed") if own is None else own.value
    if own is not None and not commanded and not isinstance(seed, dict):
        return None, True  # one seed in the place of the file's seeds
    seeds = read_seeds(document)
    if own is None and commanded and not isinstance(seed, dict):
        return seeds, False
    if not is_whole(seed):
        return seeds, True
    if seed not in seeds:
        message = f"{seed} is not among the seeds; remove `seed` or `seeds`"
        raise UsageError(document.error(("seed",), message) if own is None else f"{own.origin}: seed: {message}")
    return seeds, False


def _fixed(document: Document, single: Sequence[Override]) -> set[str]:
    """The purposes that `seed` names, in the file or on the command line."""
    seed = next((override.value for override in single if override.place == ("seed",)), document.value.get("seed"))
    return {
        *(seed if isinstance(seed, dict) else ()),
        *(override.where[1] for override in single if override.place[0] == "seed" and not override.whole),
    }


def _axes(document: Document, single: Sequence[Override], swept: Sequence[Override], commanded: bool) -> list[Axis]:
    """The file's axes without what the command line gives, and then the command line's."""
    axes = read_sweep(document) if "sweep" in document.value else []
    given = [*single, *swept]

    def gone(place: Place) -> bool:
        return any(place[: len(override.place)] == override.place for override in given)

    if commanded:
        # A field may vary within a component that is given by itself.
        places = {override.place for override in given}
        for place in (place for axis in axes for place in axis.places() if place in places):
            key = ".".join(place)
            raise UsageError(document.error(("sweep",), f"{key} is given in it and by itself; keep one of the two"))
    left = axes if commanded else [axis.without(gone) for axis in axes]
    return [*(axis for axis in left if axis is not None), *read_swept(swept)]


def _check_size(document: Document, axes: Sequence[Axis], seeds: Sequence[int] | None, most: int) -> None:
    arms = prod(axis.count for axis in axes)
    runs = arms * (1 if seeds is None else len(seeds))
    if runs <= most:
        return
    if not axes:
        size = f"{runs:,} seeds are as many runs"
    elif seeds is None or len(seeds) == 1:
        size = f"the sweep has {runs:,} runs"
    else:
        size = f"the sweep has {runs:,} runs ({arms:,} combinations x {len(seeds):,} seeds)"
    raise UsageError(visible(f"{document.name}: {size}, more than the {most:,} of --max-runs"))


def _arms(axes: Sequence[Axis], single: Sequence[Override]) -> tuple[Arm, ...]:
    arms = []
    used: set[str] = set()
    for points in product(*(axis.points() for axis in axes)):
        changes = [change for point in points for change in point.changes]
        replaced = {change.place for change in changes if change.whole}
        # A field from the command line also holds for the components that the sweep puts there.
        changes += [override for override in single if not override.whole and override.where[:1] in replaced]
        label = _unique(",".join(point.label for point in points), used)
        varied = {key: value for point in points for key, value in point.varied.items()}
        arms.append(Arm(label, varied, tuple(changes)))
    return tuple(arms)


def _unique(label: str, used: set[str]) -> str:
    """The label, with a number behind it where values that differ are spelled alike, as 1 and '1' are."""
    number, unique = 1, label
    while unique in used:
        number += 1
        unique = f"{label}#{number}"
    used.add(unique)
    return unique


def _tuning(document: Document, axes: Sequence[Axis]) -> Tuning | None:
    value = document.value.get("tune", {})
    if value == {}:
        return None
    from dltricks.experiment.tuning import read_tuning

    tuning = read_tuning(document, value)
    swept = {place for axis in axes for place in axis.places()}
    for key in value:
        if Override(tuple(key.split(".")), None).place in swept:
            raise UsageError(document.error(("tune", key), "is swept, too; keep one of the two"))
    return tuning


def _without(document: Document, keys: Sequence[str]) -> Document:
    """The document without some keys, and without the lines of a sweep, which every run would carry along."""
    return Document(
        document.name,
        {key: value for key, value in document.value.items() if key not in keys},
        {
            where: line
            for where, line in document.lines.items()
            if not where or where[0] not in keys or where[0] == "tune"
        },
        {where: origin for where, origin in document.origins.items() if where[0] not in keys or where[0] == "tune"},
        document.path,
    )


def _in_arm(message: str, arm: Arm) -> str:
    """The message with the arm that it is about at the end of each line."""
    return "\n".join(f"{line}{_of(arm.label)}" for line in message.split("\n"))


def _of(label: str) -> str:
    return f" (in the arm {_short(label)})" if label else ""


def _short(label: str) -> str:
    return visible(label if len(label) <= 100 else f"{label[:100]}...")
