"""The verdict: whether variants help, hurt, are equivalent to the baseline, or cannot be told from it yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.statistics import dunnett, reasons
from dltricks.statistics.comparison import Arm, Comparison, compare, shares_seeds
from dltricks.statistics.decision import (
    BETTER,
    EQUIVALENT,
    EXPLORING,
    HOLM,
    WORSE,
    Decision,
    Evidence,
    decide,
    dunnett_adjustment,
    t_evidence,
)
from dltricks.statistics.equivalence import checked_margin
from dltricks.statistics.judged import MOST_SEEDS, Judged, Test, Word
from dltricks.statistics.paired import Seed
from dltricks.statistics.permutation import FEWEST, smallest_p
from dltricks.statistics.power import Design, equivalence_seeds_needed, seeds_needed
from dltricks.statistics.student import interval, tail

POWER = 0.8
"""The power for which more seeds are counted."""


def judge(
    baseline: Arm,
    variants: Sequence[Arm],
    *,
    larger_is_better: bool,
    margin: float | None,
    confidence: float = 0.95,
    equal_variances: bool = False,
    exploratory: bool = False,
) -> list[Judged]:
    """The verdict on each variant against one baseline, in the given order.

    1. Paired t test where both planned the same seeds, else Welch's (``comparison``).
    2. p adjusted over all variants by Holm; by Dunnett if equal spreads are declared; by Benjamini and Hochberg if it
       is only an exploration. Helps or hurts: adjusted p below alpha and, with a margin, the interval beyond it.
       Equivalent: adjusted p of two one-sided tests within the margin below alpha (``decision``).
    3. Fewer than six runs declare nothing. A variant that diverges more often than the baseline never helps, one that
       diverges less often never hurts, and neither is equivalent. Where divergence leaves fewer than six runs to
       compare, Fisher's exact test of the divergence itself takes the t test's place.
    4. Pairs that all differ by the same amount are judged by sign flips, as a spread of 0 would claim certainty; where
       no run differs from another of its variant, seeds are repetitions of one run, and nothing is declared.

    Measured false alarms: see ``decision.decide``; where 30 to 80 % of 10 planned runs diverge without a reason, some
    variant is said to help or hurt in 2.4 % of the comparisons at most.

    Args:
        baseline: what all are compared with.
        variants: one or more.
        larger_is_better: True for an accuracy, False for a loss.
        margin: the smallest difference that matters, in units of the metric; None for any.
        confidence: 1 - alpha of all claims of a kind together.
        equal_variances: whether all spreads are declared equal; never looked up in the data.
        exploratory: whether the variants are many values to explore, of which some may be named falsely.

    Raises:
        UsageError: an impossible margin or confidence, or equal variances together with what they do not serve.
    """
    only = None
    if equal_variances:
        if exploratory:
            raise UsageError("equal variances (Dunnett's procedure) serve a test, not an exploration; choose one.")
        only = _common_seeds(baseline, variants)
    comparisons = [
        compare(variant, baseline, larger_is_better=larger_is_better, confidence=confidence, only=only)
        for variant in variants
    ]
    return _judge(comparisons, larger_is_better, margin, tail(confidence), equal_variances, exploratory)


def judge_each(
    couples: Sequence[tuple[Arm, Arm]],
    *,
    larger_is_better: bool,
    margin: float | None,
    confidence: float = 0.95,
    exploratory: bool = False,
) -> list[Judged]:
    """The verdict on the second of each couple, as a variant of the first; adjusted over all couples.

    Other arguments, rules and errors are those of ``judge``.
    """
    comparisons = [
        compare(variant, baseline, larger_is_better=larger_is_better, confidence=confidence)
        for baseline, variant in couples
    ]
    return _judge(comparisons, larger_is_better, margin, tail(confidence), False, exploratory)


def _common_seeds(baseline: Arm, variants: Sequence[Arm]) -> frozenset[Seed] | None:
    """The seeds that every variant with enough runs has finished, which are the blocks of Dunnett's procedure."""
    shared = {shares_seeds(variant, baseline) for variant in variants}
    if len(shared) == 2:
        raise UsageError(
            "Dunnett's procedure (equal variances) needs variants that all share the baseline's seeds, or none that do."
        )
    if shared != {True}:
        return None
    finished = [variant.finite.keys() & baseline.finite.keys() for variant in variants]
    enough = [seeds for seeds in finished if len(seeds) >= FEWEST]
    return frozenset.intersection(*map(frozenset, enough)) if enough else None


def _judge(
    comparisons: list[Comparison],
    larger_is_better: bool,
    margin: float | None,
    alpha: float,
    equal_variances: bool,
    exploratory: bool,
) -> list[Judged]:
    if not comparisons:
        return []
    margin = None if margin is None else checked_margin(margin)
    gain, se, df = (np.array([getattr(each, name) for each in comparisons]) for name in ("gain", "se", "df"))
    adjustment = EXPLORING if exploratory else HOLM
    if equal_variances:
        spread = _pooled(comparisons)
        if spread is not None:
            se, df = spread.se, np.full(len(se), float(spread.df))
            adjustment = dunnett_adjustment(spread.df, spread.loadings)
    evidence = t_evidence(gain, se, df, margin)
    tests = [_stand_in(evidence, at, each, margin, equal_variances) for at, each in enumerate(comparisons)]
    decision = decide(evidence, alpha, adjustment)
    ends = np.sort(np.array(interval(gain, se, df, decision.level)) * (1 if larger_is_better else -1), axis=0)
    return [
        _judged(each, at, test, evidence, decision, ends[:, at], larger_is_better, margin, alpha, exploratory)
        for at, (each, test) in enumerate(zip(comparisons, tests, strict=True))
    ]


def _pooled(comparisons: list[Comparison]) -> dunnett.Pooled | None:
    """One spread for all variants with enough runs; the others have none, but are adjusted for."""
    able = [at for at, each in enumerate(comparisons) if each.enough]
    if not able:
        return None
    chosen = [comparisons[at] for at in able]
    if chosen[0].paired:
        spread = dunnett.blocks(chosen[0].y, np.array([each.x for each in chosen]))
    else:
        spread = dunnett.pooled(chosen[0].y, [each.x for each in chosen])
    se, loadings = np.full(len(comparisons), np.nan), np.full(len(comparisons), np.sqrt(0.5))
    se[able], loadings[able] = spread.se, spread.loadings
    return replace(spread, se=se, loadings=loadings)


def _stand_in(evidence: Evidence, at: int, each: Comparison, margin: float | None, equal_variances: bool) -> Test:
    """Replaces what a t test says where it must not decide; the test that decides."""
    if not each.enough:
        evidence.beyond_p[at] = evidence.within_p[at] = np.nan
        if not np.isnan(each.divergence_p):
            evidence.p[at] = evidence.beyond_p[at] = each.divergence_p
            evidence.sign[at] = each.baseline.loss_share - each.variant.loss_share
            return "divergence"
    elif each.unvarying:
        evidence.p[at] = evidence.beyond_p[at] = evidence.within_p[at] = np.nan
    elif each.same_gain and each.permutation is not None:
        evidence.p[at] = each.permutation.p
        evidence.beyond_p[at] = each.permutation.p if abs(each.gain) > (margin or 0.0) else 1.0
        # One side only: with no real room to the margin each pair lands within it with a chance of one half at most.
        evidence.within_p[at] = 0.5**each.runs if margin is not None and abs(each.gain) < margin else np.nan
        return "sign flips"
    if np.isnan(evidence.p[at]):
        return "none"
    return "Dunnett" if equal_variances else "paired t" if each.paired else "Welch"


def _judged(
    each: Comparison,
    at: int,
    test: Test,
    evidence: Evidence,
    decision: Decision,
    ends: Array,
    larger_is_better: bool,
    margin: float | None,
    alpha: float,
    exploratory: bool,
) -> Judged:
    word = _word(each, int(decision.word[at]), test)
    paired = each.permutation if each.paired else None
    level = float(decision.level[at])
    judged = Judged(
        label=each.variant.label,
        baseline=each.baseline.label,
        word=word,
        reason="",
        test=test,
        exploratory=exploratory,
        paired=each.paired,
        n=each.n,
        difference=_known(each.gain if larger_is_better else -each.gain),
        gain=_known(each.gain),
        interval=None if np.isnan(ends).any() or test == "sign flips" else (float(ends[0]), float(ends[1])),
        interval_confidence=1 - level,
        p=_known(evidence.p[at]),
        adjusted_p=None if test == "none" else _known(decision.adjusted_p[at]),
        equivalence_p=None if np.isnan(evidence.within_p[at]) else float(decision.adjusted_within_p[at]),
        permutation_p=paired.p if paired else None,
        smallest_p=smallest_p(each.runs) if each.paired else None,
        correlation=_known(each.correlation),
        improvement=float(each.improvement.value) if each.improvement else None,
        improvement_interval=(float(each.improvement.low), float(each.improvement.high)) if each.improvement else None,
        diverged=(each.variant.loss_share, each.baseline.loss_share),
        incomplete=each.incomplete,
        more_seeds=_more_seeds(each, margin, level, alpha, len(decision.level)) if word == "inconclusive" else None,
    )
    return replace(judged, reason=reasons.reason(judged, each, margin, int(decision.word[at])))


def _word(each: Comparison, code: int, test: Test) -> Word:
    mine, theirs = each.variant.loss_share, each.baseline.loss_share
    if code == BETTER and (mine <= theirs or test == "divergence"):
        return "helps"
    if code == WORSE and (mine >= theirs or test == "divergence"):
        return "hurts"
    return "equivalent" if code == EQUIVALENT and mine == theirs else "inconclusive"


def _more_seeds(each: Comparison, margin: float | None, level: float, alpha: float, m: int) -> int | None:
    """Seeds beyond those compared; None where none would help or nobody can tell."""
    if each.variant.loss_share != each.baseline.loss_share or (each.runs >= 2 and each.unvarying):
        return None
    design: Design = "paired" if each.paired else "independent"
    if each.runs < 2 or each.sd == 0:
        return FEWEST - each.runs if not each.enough else None
    gain = abs(each.gain)
    if margin is None or gain > margin:
        needed = seeds_needed(gain - (margin or 0.0), each.sd, POWER, level, design)
    else:
        needed = equivalence_seeds_needed(gain, margin, each.sd, POWER, alpha / m, design)
    more = max(needed or math.inf, FEWEST) - each.runs
    return max(1, int(more)) if more <= MOST_SEEDS else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
