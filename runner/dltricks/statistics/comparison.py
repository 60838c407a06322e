"""One variant against the baseline: what their runs say before anything is adjusted or decided."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dltricks.core.types import Array
from dltricks.statistics.effect import Effect, improvement, paired_improvement
from dltricks.statistics.paired import Seed, pair, paired_t, seed_order
from dltricks.statistics.permutation import FEWEST, Permutation, sign_flip
from dltricks.statistics.proportion import fisher_p
from dltricks.statistics.student import deviation
from dltricks.statistics.welch import welch_t


@dataclass(frozen=True)
class Arm:
    """The runs of one variant: the metric of those that finished, how many diverged, and what was planned."""

    label: str
    values: Mapping[Seed, float]
    """Seed -> value of finished runs. One that is not finite counts as diverged."""
    diverged: int
    """Runs that diverged; they are not in ``values``."""
    planned: frozenset[Seed]

    @cached_property
    def finite(self) -> Mapping[Seed, float]:
        return {seed: value for seed, value in self.values.items() if math.isfinite(value)}

    @property
    def known(self) -> frozenset[Seed]:
        """Seeds planned or trained."""
        return self.planned | self.values.keys()

    @property
    def losses(self) -> int:
        """Runs that diverged, in whatever way it shows."""
        return self.diverged + len(self.values) - len(self.finite)

    @property
    def ended(self) -> int:
        """Runs that finished or diverged."""
        return self.diverged + len(self.values)

    @property
    def loss_share(self) -> float:
        return self.losses / self.ended if self.ended else 0.0


@dataclass(frozen=True)
class Comparison:
    """A variant against the baseline; gains are positive where the variant is better. NaN: cannot be known."""

    variant: Arm
    baseline: Arm
    paired: bool
    n: tuple[int, int]
    """Runs of the variant and of the baseline that are compared; of pairs the same number twice."""
    incomplete: tuple[Seed, ...]
    """Seeds without a finite value: in either if seeds are shared, else in the one that planned them."""
    gain: float = math.nan
    sd: float = math.nan
    """Of the paired differences, or of the runs (root mean square of both)."""
    se: float = math.nan
    df: float = math.nan
    correlation: float = math.nan
    improvement: Effect | None = None
    permutation: Permutation | None = None
    unvarying: bool = False
    """Whether no run differs from another of its variant: the seed changes nothing."""
    x: Array = field(default_factory=lambda: np.empty(0), repr=False)
    y: Array = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def runs(self) -> int:
        return min(self.n)

    @property
    def enough(self) -> bool:
        """Whether a winner can be declared at all."""
        return self.runs >= FEWEST

    @property
    def same_gain(self) -> bool:
        """Whether all pairs differ by the same amount although seeds matter: a t test would claim certainty."""
        return self.paired and self.runs >= 2 and self.sd == 0 and not self.unvarying

    @property
    def divergence_p(self) -> float:
        """Fisher's p that both diverge equally often: it speaks where divergence leaves too few runs to compare."""
        arms = self.variant, self.baseline
        if self.enough or min(arm.ended for arm in arms) < FEWEST or not any(arm.losses for arm in arms):
            return math.nan
        return fisher_p((arms[0].losses, arms[1].losses), (arms[0].ended, arms[1].ended))


def shares_seeds(variant: Arm, baseline: Arm) -> bool:
    """Whether both planned the same seeds; that is known before any result, and no result changes it."""
    return bool(variant.planned) and variant.planned == baseline.planned


def compare(
    variant: Arm,
    baseline: Arm,
    *,
    larger_is_better: bool,
    confidence: float,
    only: Collection[Seed] | None = None,
) -> Comparison:
    """Paired exactly where the seeds are shared. ``only`` leaves pairs of other seeds out."""
    paired = shares_seeds(variant, baseline)
    finite = variant.finite, baseline.finite
    if paired:
        lost = {seed for values in finite for seed in {*variant.known, *baseline.known} if seed not in values}
        x, y, _ = pair(*({seed: v for seed, v in values.items() if only is None or seed in only} for values in finite))
    else:
        lost = {*(variant.known - finite[0].keys()), *(baseline.known - finite[1].keys())}
        x, y = (np.array(list(values.values()), np.float64) for values in finite)
    incomplete = tuple(sorted(lost, key=seed_order))
    n = len(x), len(y)
    if not min(n):
        return Comparison(variant, baseline, paired, n, incomplete)
    towards = 1.0 if larger_is_better else -1.0
    x, y = towards * x, towards * y
    effect = (paired_improvement if paired else improvement)(x, y, confidence)
    if min(n) < 2:
        gain = float(x.mean() - y.mean())
        return Comparison(variant, baseline, paired, n, incomplete, gain, improvement=effect, x=x, y=y)
    unvarying = not (deviation(x) > 0 or deviation(y) > 0)
    if paired:
        t = paired_t(x, y, confidence)
        flips = sign_flip(x - y)
        gain, sd, se = float(t.difference), float(t.sd), float(t.se)
        together = float(t.correlation)
        return Comparison(
            variant, baseline, True, n, incomplete, gain, sd, se, t.df, together, effect, flips, unvarying, x, y
        )
    w = welch_t(x, y, confidence)
    spread = math.hypot(*w.sd) / math.sqrt(2)
    gain, se, df = float(w.difference), float(w.se), float(w.df)
    return Comparison(
        variant, baseline, False, n, incomplete, gain, spread, se, df, math.nan, effect, None, unvarying, x, y
    )
