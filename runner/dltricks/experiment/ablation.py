"""Which tricks of a file earn their place: the file without each of them, and a plain baseline with each of them.

A trick is a kind whose component is not the neutral one of ``core.registry``, whether the file names it or it is a
default. To leave it out is to put the neutral component in its place, with that component's own defaults: optimizer sgd
brings its own learning rate. A component that bears the neutral's name is no trick, whatever its fields: ``optimizer:
{name: sgd, lr: 0.5}`` stays exactly like that in every arm, the plain one too, for nobody asked about its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.experiment import schema
from dltricks.experiment.arm import Arm
from dltricks.experiment.overrides import Override
from dltricks.experiment.resolve import Experiment
from dltricks.experiment.scalars import write_scalar
from dltricks.experiment.study import Study

ORIGIN = "ablation"
AS_IT_STANDS = "as it stands"
PLAIN = "plain"

Direction = Literal["leave out", "add"]


@dataclass(frozen=True)
class Contrast:
    """One question of an ablation."""

    tricks: tuple[str, ...]
    """One key, or the two of an interaction."""
    kind: Direction
    arm: str
    """The label of the arm in which the tricks were changed: ``without dropout``, ``plain + dropout``."""
    reference: str
    """The label of the arm that it is compared with: ``as it stands``, ``plain``."""
    tuned: bool = False
    """Whether the arms are those at their best values."""


@dataclass(frozen=True)
class Ablation:
    """The arms to train, with the same seeds each, and what to ask of them."""

    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    notes: tuple[str, ...]
    """Sentences on what the result does not say."""


def tricks_of(experiment: Experiment) -> tuple[str, ...]:
    """The keys that an ablation of this experiment varies, in the order of the kinds."""
    return tuple(key for key, kind in KINDS.items() if kind.neutral is not None and not _is_neutral(experiment, key))


def ablate(study: Study, experiment: Experiment, *, pairs: bool = False) -> Ablation:
    """The arms and contrasts of an ablation.

    Args:
        study: a study of one arm.
        experiment: this arm, resolved.
        pairs: whether to ask for the interaction of each two tricks as well.

    Raises:
        UsageError: the study sweeps something, or there is no trick in it.
    """
    if len(study.arms) != 1:
        raise UsageError(_swept(study))
    tricks = tricks_of(experiment)
    if not tricks:
        neutral = ", ".join(f"{key} {kind.neutral}" for key, kind in KINDS.items() if kind.neutral is not None)
        raise UsageError(
            f"{study.document.name}: there is no trick to leave out, for every kind has its neutral value ({neutral}); "
            "write at least one, such as dropout: 0.5"
        )
    asked: list[tuple[str, ...]] = [*combinations(tricks, 1), *(combinations(tricks, 2) if pairs else ())]
    # Arms with the same tricks are the same configuration; the first one gives its label.
    arms: dict[frozenset[str], Arm] = {}
    base = study.arms[0]
    for label, varied, active in _configurations(tricks, asked, base.varied):
        if active not in arms:
            out = [key for key in tricks if key not in active]
            arms[active] = Arm(label, varied, _without(base.changes, out))
    everything, nothing = frozenset(tricks), frozenset[str]()
    contrasts = [
        Contrast(some, "leave out", arms[everything - set(some)].label, arms[everything].label) for some in asked
    ]
    contrasts += [Contrast(some, "add", arms[frozenset(some)].label, arms[nothing].label) for some in asked]
    return Ablation(tuple(arms.values()), tuple(contrasts), tuple(_notes(study, experiment, tricks)))


def _configurations(
    tricks: tuple[str, ...], asked: Sequence[tuple[str, ...]], varied: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any], frozenset[str]]]:
    """Label, varied values and active tricks of every arm that is asked for, in the order of the plan."""
    # The file as it stands keeps the folder that training it alone would have made.
    yield AS_IT_STANDS, varied, frozenset(tricks)
    yield PLAIN, {"tricks": "none"}, frozenset()
    for n in (1, 2):
        several = [some for some in asked if len(some) == n]
        for some in several:
            yield f"without {', '.join(some)}", {"without": "+".join(some)}, frozenset(tricks) - set(some)
        for some in several:
            yield f"{PLAIN} + {', '.join(some)}", {"plain_with": "+".join(some)}, frozenset(some)


def _without(changes: Sequence[Override], out: Sequence[str]) -> tuple[Override, ...]:
    kept = [change for change in changes if change.where[0] not in out]
    return (*kept, *(Override((key,), KINDS[key].neutral, ORIGIN) for key in out))


def _is_neutral(experiment: Experiment, key: str) -> bool:
    chosen = getattr(experiment.recipe, key)
    if KINDS[key].many:
        return not chosen
    return bool(chosen.name() == KINDS[key].neutral)


def _swept(study: Study) -> str:
    first: dict[str, Any] = {}
    for arm in study.arms:
        for change in arm.changes:
            first.setdefault(str(change), change.value)
    fixed = " ".join(
        f"{key}={'...' if isinstance(value, (dict, list)) else write_scalar(value)}" for key, value in first.items()
    )
    return (
        f"{study.document.name}: an ablation starts from one configuration, and {' and '.join(first)} "
        f"{'is' if len(first) == 1 else 'are'} swept ({len(study.arms)} arms); fix it with single values: {fixed}"
    )


def _notes(study: Study, experiment: Experiment, tricks: tuple[str, ...]) -> Iterable[str]:
    if "optimizer" in tricks:
        grids = () if study.tune is None else study.tune.grids
        if not any(grid.key.partition(".")[0] == "optimizer" for grid in grids):
            yield (
                f"optimizer: arms with {KINDS['optimizer'].neutral} use its default learning rate and "
                f"{'optimizer.lr was not' if grids else 'nothing was'} tuned; a tuned comparison may differ "
                "(add tune: {optimizer.lr: {log: [1e-4, 1], count: 8}})"
            )
    if len(experiment.recipe.augmentation) > 1:
        names = ", ".join(augmentation.name() for augmentation in experiment.recipe.augmentation)
        yield f"augmentation: {names} are left out and added together, as one trick"
    for key, kind in KINDS.items():
        if kind.neutral is None or kind.many or key in tricks:
            continue
        changed = _changed_fields(key, experiment.config[key])
        if changed:
            values = ", ".join(f"{field} {value}" for field, value in changed.items())
            yield f"{key}: {kind.neutral} with {values} is in every arm, for {kind.neutral} is the neutral value"
    stay = [key for key in ("activation", "loss") if key in study.document.value]
    if stay:
        chosen = " and ".join(f"{key} {experiment.config[key]['name']}" for key in stay)
        yield f"{chosen} {'is' if len(stay) == 1 else 'are'} in every arm, without a neutral value; sweep to compare"


def _changed_fields(key: str, config: dict[str, Any]) -> dict[str, Any]:
    default = schema.defaults(registry.load(key, config["name"]))
    return {field: value for field, value in config.items() if field != "name" and value != default.get(field)}
