"""Runs of several tasks: which keys make one, and one number over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dltricks.comparing import keys
from dltricks.comparing.design import Variant
from dltricks.comparing.result import Overall
from dltricks.core.types import Array
from dltricks.statistics.aggregate import aggregate, profile
from dltricks.statistics.comparison import Arm

TASK_KEYS = ("dataset",)
"""Keys whose values are problems to be solved, and not ways to solve them, unless the user says otherwise."""
THRESHOLDS = 101
"""Points of a performance profile."""


def split(variants: Sequence[Variant], task_keys: Sequence[str]) -> dict[str, list[Variant]]:
    """The variants of each task, in the order in which the tasks come; one group under "" where there is one task.

    Where the variants differ in keys of tasks alone, these are what is compared.
    """
    differences = keys.differing([variant.config for variant in variants])
    groups: dict[str, list[Variant]] = {}
    for variant, differing in zip(variants, differences, strict=True):
        of_task = {key: value for key, value in differing.items() if key.partition(".")[0] in task_keys}
        kept = {key: value for key, value in variant.varied.items() if key.partition(".")[0] not in task_keys}
        named = set(variant.varied) <= {key for key in variant.varied if key in differing} | set(task_keys)
        label = keys.label(kept) if named or len(kept) < len(variant.varied) else variant.label
        found = replace(variant, label=label, varied=kept, task=keys.label(of_task))
        groups.setdefault(found.task, []).append(found)
    unique = all(len({each.label for each in group}) == len(group) for group in groups.values())
    if len(groups) < 2 or not unique or max(map(len, groups.values())) < 2:
        return {"": list(variants)}
    return groups


def overall(
    groups: Mapping[str, Sequence[Arm]],
    baselines: Mapping[str, Arm],
    *,
    larger_is_better: bool,
    accuracy: bool,
    confidence: float,
) -> tuple[tuple[Overall, ...], Array, str]:
    """Each variant that every task has, over all of them; the thresholds of the profiles; and what is averaged.

    Accuracies are averaged as they are. Other metrics have another unit in each task, so that they are divided by the
    mean of the task's baseline; where some baseline has none, or one of 0, there is no such number.
    """
    labels = [label for label in (each.label for each in next(iter(groups.values()))) if _everywhere(label, groups)]
    scale = {task: 1.0 if accuracy else _mean(baselines[task]) for task in groups}
    if any(not np.isfinite(each) or each <= 0 for each in scale.values()):
        return (), np.empty(0), ""
    scores = {
        label: [
            np.array([value / scale[task] for arm in arms if arm.label == label for value in arm.finite.values()])
            for task, arms in groups.items()
        ]
        for label in labels
    }
    scores = {label: found for label, found in scores.items() if all(map(len, found))}
    if not scores:
        return (), np.empty(0), ""
    everything = np.concatenate([values for found in scores.values() for values in found])
    thresholds = np.linspace(everything.min(), everything.max(), THRESHOLDS)
    sign = 1.0 if larger_is_better else -1.0
    rows = tuple(
        Overall(
            label,
            aggregate(found, confidence),
            profile([sign * values for values in found], sign * thresholds),
            sum(len(arm.known) - len(arm.finite) for arms in groups.values() for arm in arms if arm.label == label),
        )
        for label, found in scores.items()
    )
    return rows, thresholds, "" if accuracy else "divided by the mean of each task's baseline"


def _everywhere(label: str, groups: Mapping[str, Sequence[Arm]]) -> bool:
    return all(any(arm.label == label for arm in arms) for arms in groups.values())


def _mean(arm: Arm) -> float:
    values = list(arm.finite.values())
    return float(np.mean(values)) if values else float("nan")
