"""A verdict in one plain sentence, with the numbers that decided."""

from __future__ import annotations

from dltricks.statistics.comparison import Comparison
from dltricks.statistics.decision import BETTER, EQUIVALENT, UNDECIDED, WORSE
from dltricks.statistics.judged import MOST_SEEDS, Judged
from dltricks.statistics.permutation import FEWEST

NAMED = 5
"""Seeds that are named before the rest is only counted."""


def reason(judged: Judged, each: Comparison, margin: float | None, code: int) -> str:
    """One sentence. ``code`` is what the numbers alone decided, before divergence took a word back."""
    if judged.word == "inconclusive":
        said = _undecided(judged, each, margin, code)
    elif judged.test == "divergence":
        said = f"{_divergence(each)}, which chance does not explain ({_p(judged.adjusted_p)} by Fisher's exact test)"
    elif judged.word == "equivalent":
        said = (
            f"the difference of {number(judged.difference)} lies within the margin of {number(margin)} "
            f"({_evidence(judged, _p(judged.equivalence_p))})"
        )
    else:
        beyond = f", beyond the margin of {number(margin)}" if margin is not None else ""
        said = f"{_by(judged)}{beyond} ({_evidence(judged, _p(judged.adjusted_p))})"
    if each.incomplete:
        said += f"; incomplete: {_seeds(each)}"
    if judged.exploratory:
        said = f"only exploring: {said}"
    return f"{said[0].upper()}{said[1:]}."


def number(value: float | None) -> str:
    """Four significant digits."""
    if value is None:
        return "unknown"
    return "0" if abs(value) < 1e-15 else f"{value:.4g}"  # what rounding alone leaves


def percent(confidence: float) -> str:
    """In four digits, and never rounded to certainty."""
    return "more than 99.99" if confidence > 0.9999 else f"{100 * confidence:.4g}"


def _undecided(judged: Judged, each: Comparison, margin: float | None, code: int) -> str:
    runs, what = each.runs, _runs(judged)
    if code != UNDECIDED:
        saying = {BETTER: "better", WORSE: "worse", EQUIVALENT: "equivalent"}[code]
        return f"{_divergence(each)}, so that those that finished cannot show it to be {saying}"
    if not runs:
        both = "seed was finished by both" if each.paired and min(len(each.x), len(each.y)) == 0 else "run has finished"
        divergence = f": {_divergence(each)}" if each.variant.losses or each.baseline.losses else ""
        return f"no {both}{divergence}"
    if runs == 1:
        return f"one run shows no spread, so that the difference of {number(judged.difference)} may be noise"
    if each.unvarying:
        return f"no run differs from another of its variant: the seed changes nothing, and {runs} runs are one"
    if not each.enough:
        return (
            f"fewer than {FEWEST} runs of each can declare no winner ({_evidence(judged, None)}){_more(judged, each)}"
        )
    if each.same_gain and each.gain == 0:
        return f"both have the same values for all {what}, which only a margin lets call them equivalent"
    if judged.test == "sign flips":
        return f"all {what} differ by {number(judged.difference)}, {_p(judged.adjusted_p)}"
    evidence = _evidence(judged, _p(judged.adjusted_p))
    if margin is None:
        return f"the difference of {number(judged.difference)} may be noise ({evidence}){_more(judged, each)}"
    shown = "is neither shown to be beyond nor within"
    difference = f"the difference of {number(judged.difference)} {shown} the margin of {number(margin)}"
    return f"{difference} ({evidence}){_more(judged, each)}"


def _by(judged: Judged) -> str:
    direction = "better" if judged.word == "helps" else "worse"
    return f"{direction} by {number(abs(judged.difference or 0.0))}"


def _evidence(judged: Judged, p: str | None) -> str:
    parts = []
    if judged.interval is not None:
        low, high = judged.interval
        if judged.word in ("helps", "hurts") and high <= 0:
            low, high = -high, -low
        parts.append(f"{percent(judged.interval_confidence)} % interval {number(low)} to {number(high)}")
    elif judged.test == "sign flips":
        parts.append("every pair differs by the same amount")
    if p is not None:
        parts.append(p)
    return ", ".join([*parts, _runs(judged)])


def _runs(judged: Judged) -> str:
    mine, theirs = judged.n
    if judged.paired:
        return f"{mine} shared seed{'s' * (mine != 1)}"
    return f"{mine} runs of each" if mine == theirs else f"{mine} runs against {theirs}"


def _p(p: float | None) -> str:
    if p is None:
        return "no p"
    return "adjusted p < 0.0001" if p < 1e-4 else f"adjusted p = {p:.2g}"


def _more(judged: Judged, each: Comparison) -> str:
    if judged.more_seeds is None:
        counted = each.sd > 0 and each.variant.loss_share == each.baseline.loss_share
        return f"; at the difference seen it would take more than {MOST_SEEDS} more seeds" if counted else ""
    return f"; about {judged.more_seeds} more seed{'s' * (judged.more_seeds != 1)} would decide"


def _divergence(each: Comparison) -> str:
    mine, theirs = each.variant, each.baseline
    return f"{mine.losses} of {mine.ended} runs diverged, against {theirs.losses} of {theirs.ended} of the baseline"


def _seeds(each: Comparison) -> str:
    names = [str(seed) for seed in each.incomplete[:NAMED]]
    rest = len(each.incomplete) - len(names)
    listed = ", ".join(names) + (f" and {rest} more" if rest else "")
    return f"seed{'s' * (len(each.incomplete) != 1)} {listed}"
