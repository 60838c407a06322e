"""What a verdict says: its word, its sentence, and every number that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dltricks.statistics.paired import Seed

Word = Literal["helps", "hurts", "equivalent", "inconclusive"]
Test = Literal["paired t", "Welch", "Dunnett", "sign flips", "divergence", "none"]
MOST_SEEDS = 1000
"""More seeds than this are not named: the difference seen is too small for a guess at how many."""


@dataclass(frozen=True)
class Judged:
    """The verdict on one variant. None stands for what cannot be known, such as an interval from one run."""

    label: str
    baseline: str
    word: Word
    reason: str
    """One sentence with the numbers that decided."""
    test: Test
    """Which test decided: `sign flips` where all pairs differ by the same amount, `divergence` (Fisher's exact test)
    where it left fewer than six runs to compare."""
    exploratory: bool
    paired: bool
    n: tuple[int, int]
    """Runs of the variant and of the baseline that are compared; of pairs the same number twice."""
    difference: float | None
    """Variant less baseline, in units of the metric."""
    gain: float | None
    """The same, positive where the variant is better."""
    interval: tuple[float, float] | None
    """Of the difference, at ``interval_confidence``: beyond the margin (without one: 0) where it helps or hurts."""
    interval_confidence: float
    p: float | None
    adjusted_p: float | None
    equivalence_p: float | None
    """Adjusted; of the two one-sided tests."""
    permutation_p: float | None
    smallest_p: float | None
    """The smallest permutation p that so many pairs could give."""
    correlation: float | None
    """Of the pairs: the nearer to 1, the more sharing seeds has gained."""
    improvement: float | None
    """Probability that the variant is better: for one seed if paired, else for any two runs."""
    improvement_interval: tuple[float, float] | None
    diverged: tuple[float, float]
    """Share of runs that diverged: of the variant, and of the baseline."""
    incomplete: tuple[Seed, ...]
    more_seeds: int | None
    """About how many more decide with 80 % power, if the difference and the spread are as seen."""
