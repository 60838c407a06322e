"""From variants to the rows of a comparison: means, verdicts, and what stands beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dltricks.comparing import metric as metrics
from dltricks.comparing.curves import epochs_to, mean_curve, seconds
from dltricks.comparing.design import Variant
from dltricks.comparing.metric import At
from dltricks.comparing.result import Row
from dltricks.core.errors import UsageError
from dltricks.statistics.comparison import Arm
from dltricks.statistics.effect import Effect, hedges_g, paired_g
from dltricks.statistics.judged import Judged
from dltricks.statistics.mean import mean_interval
from dltricks.statistics.paired import pair
from dltricks.statistics.sampling import Sampling, accuracy_error
from dltricks.statistics.student import deviation
from dltricks.statistics.verdict import judge, judge_each

MANY = 10
"""More variants than this are an exploration unless the user says otherwise; up to it, false alarms were measured."""


@dataclass(frozen=True)
class Question:
    """What is asked of the variants."""

    metric: str
    at: At
    larger_is_better: bool
    margin: float | None
    confidence: float
    pairs: bool = False
    equal_variances: bool = False
    effect_size: bool = False
    exploratory: bool | None = None
    target: float | None = None
    test_samples: int | None = None


def arm(variant: Variant, question: Question) -> Arm:
    """A variant as the statistics see it."""
    found = {s.seed: metrics.value(s.entry, question.metric, question.at) for s in variant.finished}
    values = {seed: value for seed, value in found.items() if value is not None}
    diverged = sum(sample.entry.status == "diverged" for sample in variant.samples)
    return Arm(variant.label, values, diverged, variant.planned)


def explores(number: int, question: Question) -> bool:
    """Whether so many variants are an exploration."""
    if question.exploratory is not None:
        return question.exploratory
    return number > MANY and not question.equal_variances


def verdicts(
    groups: Sequence[tuple[Arm, Sequence[Arm]]], question: Question, exploratory: bool
) -> tuple[list[dict[str, Judged]], list[Judged]]:
    """For each task the verdict on each variant by its label, all in one adjustment; and on all pairs if asked for.

    Args:
        groups: of each task the baseline and all arms, the baseline included, in the order of the rows.
        question: what is asked.
        exploratory: see ``statistics.verdict.judge``.
    """
    others = [[each for each in arms if each is not baseline] for baseline, arms in groups]
    if question.equal_variances:
        if len(groups) > 1 or question.pairs:
            raise UsageError("--equal-variances: Dunnett's procedure compares variants of one task with one baseline")
        judged = judge(
            groups[0][0],
            others[0],
            larger_is_better=question.larger_is_better,
            margin=question.margin,
            confidence=question.confidence,
            equal_variances=True,
            exploratory=exploratory,
        )
        return [{each.label: each for each in judged}], []
    couples = [[(baseline, each) for each in mine] for (baseline, _), mine in zip(groups, others, strict=True)]
    more: list[tuple[Arm, Arm]] = []
    if question.pairs:
        for baseline, arms in groups:
            more += [(a, b) for a, b in combinations(arms, 2) if baseline is not a and baseline is not b]
    flat = [couple for mine in couples for couple in mine] + more
    judged = judge_each(
        flat,
        larger_is_better=question.larger_is_better,
        margin=question.margin,
        confidence=question.confidence,
        exploratory=exploratory,
    )
    found, at = [], 0
    for mine in couples:
        found.append({each.label: each for each in judged[at : at + len(mine)]})
        at += len(mine)
    return found, judged if question.pairs else []


def row(variant: Variant, own: Arm, baseline: Arm, judged: Judged | None, question: Question) -> Row:
    """All that is known of a variant."""
    finite = np.array(list(own.finite.values()), np.float64)
    several = len(finite) > 1
    mean = mean_interval(finite, question.confidence) if several else None
    interval = None if mean is None or math.isnan(mean.low) else (float(mean.low), float(mean.high))
    average = float(finite.mean()) if len(finite) else None
    curved = not metrics.is_test(question.metric)
    reached = None
    if curved and question.target is not None:
        reached = epochs_to(variant, question.metric, question.target, question.larger_is_better, question.confidence)
    return Row(
        variant.label,
        variant.varied,
        variant.task,
        own is baseline,
        variant.counts,
        tuple(own.values),
        np.array(list(own.values.values()), np.float64),
        average,
        interval,
        float(deviation(finite)) if several else None,
        own.loss_share,
        judged,
        _effect(own, baseline, judged, question) if question.effect_size else None,
        reached,
        seconds([sample.entry for sample in variant.finished]),
        mean_curve(variant, question.metric, question.confidence) if curved else None,
        _sampling(average, question),
    )


def target(baseline: Arm, question: Question, wanted: float | None) -> tuple[float | None, str]:
    """What times are counted to, and what it is: by default the baseline's mean, where its runs end on average."""
    if metrics.is_test(question.metric):
        if wanted is not None:
            raise UsageError(
                f"--target: {question.metric} is measured once and not in each epoch; name another --metric"
            )
        return None, ""
    if wanted is not None:
        if not math.isfinite(wanted):
            raise UsageError(f"--target: found {wanted}, allowed: a finite number")
        return wanted, "as asked"
    finite = list(baseline.finite.values())
    return (math.fsum(finite) / len(finite), "the baseline's mean") if finite else (None, "")


def _effect(own: Arm, baseline: Arm, judged: Judged | None, question: Question) -> Effect | None:
    if judged is None or min(judged.n) < 2:
        return None
    sign = 1.0 if question.larger_is_better else -1.0
    if judged.paired:
        x, y, _ = pair(own.finite, baseline.finite)
        found = paired_g(sign * x, sign * y, question.confidence)
    else:
        x, y = (np.array(list(each.finite.values())) for each in (own, baseline))
        found = hedges_g(sign * x, sign * y, question.confidence)
    return found if np.isfinite(found.value) else None


def _sampling(mean: float | None, question: Question) -> Sampling | None:
    if question.metric != "test_accuracy" or mean is None or not question.test_samples:
        return None
    return accuracy_error(min(1.0, max(0.0, mean)), question.test_samples, question.confidence)
