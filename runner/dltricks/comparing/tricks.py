"""The questions of an ablation: what leaving a trick out costs, what adding it brings, how two work together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dltricks.comparing.judging import Question
from dltricks.comparing.result import Trick
from dltricks.experiment.ablation import Contrast, Direction
from dltricks.statistics.comparison import Arm
from dltricks.statistics.judged import Judged
from dltricks.statistics.paired import Seed
from dltricks.statistics.verdict import judge_each


def judge_tricks(
    contrasts: Sequence[Contrast], arms: Mapping[str, Arm], question: Question, exploratory: bool
) -> tuple[Trick, ...]:
    """A verdict on every question; "helps" always speaks for the trick. Those of single tricks are adjusted together,
    and those of interactions, so that asking for these costs the others nothing.

    An interaction compares, seed by seed, what two tricks do together with the sum of what each does alone.

    Args:
        contrasts: those of the plan.
        arms: by label, those that have runs.
        question: metric, margin and confidence.
        exploratory: see ``statistics.verdict.judge``.
    """
    single = {(each.kind, each.tricks[0], each.tuned): each for each in contrasts if len(each.tricks) == 1}
    found: dict[tuple[tuple[str, ...], bool], dict[str, Judged]] = {}
    for count in (1, 2):
        asked = [
            (each, couple)
            for each in contrasts
            if len(each.tricks) == count and (couple := _couple(each, single, arms)) is not None
        ]
        judged = judge_each(
            [couple for _, couple in asked],
            larger_is_better=question.larger_is_better,
            margin=question.margin,
            confidence=question.confidence,
            exploratory=exploratory,
        )
        for (contrast, _), verdict in zip(asked, judged, strict=True):
            found.setdefault((contrast.tricks, contrast.tuned), {})[contrast.kind] = verdict
    rows = [
        Trick(tricks, by_kind.get("leave out"), by_kind.get("add"), tuned) for (tricks, tuned), by_kind in found.items()
    ]
    return tuple(sorted(rows, key=_rank))


def _couple(
    contrast: Contrast, single: Mapping[tuple[Direction, str, bool], Contrast], arms: Mapping[str, Arm]
) -> tuple[Arm, Arm] | None:
    """What to compare: first what stands for "without", then what stands for "with"; None where an arm has no runs."""
    leaving = contrast.kind == "leave out"
    plus, minus = (contrast.reference, contrast.arm) if leaving else (contrast.arm, contrast.reference)
    more, less = [plus], [minus]
    if len(contrast.tricks) == 2:
        for trick in contrast.tricks:
            alone = single[contrast.kind, trick, contrast.tuned]
            more.append(alone.arm if leaving else alone.reference)
            less.append(alone.reference if leaving else alone.arm)
    for label in list(more):  # an arm on both sides is no part of the difference
        if label in less:
            more.remove(label)
            less.remove(label)
    if any(label not in arms for label in (*more, *less)):
        return None
    name = " x ".join(contrast.tricks)
    return _sum(f"without {name}", [arms[label] for label in less]), _sum(name, [arms[label] for label in more])


def _sum(label: str, arms: Sequence[Arm]) -> Arm:
    """One arm whose values are the sums of those of several, seed by seed; it diverges where one of them does."""
    if len(arms) == 1:
        return Arm(label, arms[0].values, arms[0].diverged, arms[0].planned)
    planned = frozenset[Seed]().union(*(arm.planned for arm in arms))
    values = {
        seed: math.fsum(arm.values[seed] for arm in arms)
        for seed in arms[0].values
        if all(seed in arm.values for arm in arms)
    }
    # Which seeds diverged is not known here, only how many did: as many as in the worst of them, at least.
    return Arm(label, values, max(arm.diverged for arm in arms), planned)


def _rank(trick: Trick) -> tuple[bool, bool, float]:
    gain = None if trick.costs is None else trick.costs.gain
    if len(trick.tricks) == 2:
        return trick.tuned, True, math.inf if gain is None else -abs(gain)
    if gain is not None:
        return trick.tuned, False, -gain
    # Without a value on one side: a trick without which nothing is left to compare stands first.
    lost = trick.costs is not None and trick.costs.diverged[1] > trick.costs.diverged[0]
    return trick.tuned, False, -math.inf if lost else math.inf
