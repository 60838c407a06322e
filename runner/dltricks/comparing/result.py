"""What a comparison says, as plain objects and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltricks.comparing.curves import Curve
from dltricks.core.types import Array
from dltricks.statistics.aggregate import Aggregate
from dltricks.statistics.censored import TimeToTarget
from dltricks.statistics.effect import Effect
from dltricks.statistics.judged import Judged
from dltricks.statistics.paired import Seed
from dltricks.statistics.sampling import Sampling


@dataclass(frozen=True)
class Row:
    """One variant: its runs, and the verdict on it."""

    label: str
    varied: Mapping[str, Any]
    """The differing keys with its values."""
    task: str
    """Where runs of several tasks are compared, the one of these runs; else empty."""
    baseline: bool
    counts: Mapping[str, int]
    """How many runs are in which state: finished, diverged, running, interrupted, damaged, missing."""
    seeds: tuple[Seed, ...]
    values: Array = field(repr=False)
    """The metric of each finished run that has it, float64, in the order of ``seeds``; NaN is possible."""
    mean: float | None
    """Of the finite values; None without any."""
    interval: tuple[float, float] | None
    """Of the mean; None for one value, and where all are the same."""
    sd: float | None
    diverged: float
    """Share of diverged runs among those that have ended, in whatever way divergence shows."""
    verdict: Judged | None
    """None of the baseline."""
    effect: Effect | None
    """Hedges' g towards the better, where it was asked for: in deviations of the runs, of pairs of their difference."""
    target: TimeToTarget | None
    """Epochs to the target."""
    seconds: float | None
    """Mean time of training, of the whole stack where runs were trained together."""
    curve: Curve | None = field(repr=False)
    sampling: Sampling | None
    """Error of the test set beside the spread of the seeds, where test accuracies are compared."""

    @property
    def name(self) -> str:
        """The label, behind its task where there are several; empty of an only variant."""
        return f"{self.task}: {self.label}" if self.task else self.label


@dataclass(frozen=True)
class Trick:
    """What an ablation says of one trick, or of the interaction of two."""

    tricks: tuple[str, ...]
    costs: Judged | None
    """Of leaving it out: the gain is positive where the trick helps. Of two: beyond the sum of each."""
    brings: Judged | None
    """Of adding it to the plain baseline, likewise."""
    tuned: bool
    """Whether all arms are at their best values."""


@dataclass(frozen=True)
class Overall:
    """One variant over several tasks."""

    label: str
    score: Aggregate
    """Interquartile mean over tasks and seeds."""
    profile: Array = field(repr=False)
    """The share of runs above each of the comparison's ``thresholds``, averaged over tasks."""
    missing: int
    """Runs without a value, which are in none of this."""


@dataclass(frozen=True)
class Comparison:
    """The answer of ``compare``."""

    metric: str
    at: str
    """last, best, epoch=N, or ``stored`` for test metrics."""
    value: str
    """Which value stands for a run, in words."""
    larger_is_better: bool
    baseline: str
    baseline_is: str
    """Why it is this one: as asked, declared in the file, the neutral one, the first."""
    margin: float | None
    confidence: float
    exploratory: bool
    target: float | None
    """What the times count to; None where there is no curve to look at."""
    target_is: str
    rows: tuple[Row, ...]
    pairs: tuple[Judged, ...]
    """The verdict on every two variants, where it was asked for; the rows then have the same adjustment."""
    tricks: tuple[Trick, ...]
    """Of an ablation: the trick whose absence costs most first, then the interactions."""
    overall: tuple[Overall, ...]
    """Over several tasks."""
    thresholds: Array = field(repr=False)
    """Of the performance profiles; empty where there is one task."""
    scores: str
    """What is aggregated over tasks, in words."""
    study: str | None
    """The study that planned all of it, if one did."""
    left_out: Mapping[str, int]
    """Runs that are compared with nothing, by the reason."""
    damaged: tuple[str, ...]
    """Of each damaged run what is wrong with it."""
    notes: tuple[str, ...]
    """What the result does not say."""

    def save(self, path: str | Path) -> None:
        """Draws the mean curves with their intervals into an SVG or PNG file; needs ``dltricks[plot]``.

        Raises:
            UsageError: another ending, no curve, or no matplotlib.
            FileSystemError: it cannot be written.
        """
        from dltricks.comparing import figure

        figure.save(self, Path(path))

    @property
    def verdicts(self) -> dict[str, str]:
        """The word on each variant, by its label; of several tasks ``task: label``."""
        return {row.name: row.verdict.word for row in self.rows if row.verdict}
