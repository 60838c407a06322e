"""The further tables of a comparison: an ablation's tricks, every two variants, and several tasks together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dltricks.cli import comparison_cells as cells
from dltricks.statistics.judged import Judged

if TYPE_CHECKING:
    from dltricks.comparing.result import Comparison, Trick

Rows = list[dict[str, Any]]


def trick_tables(found: Comparison) -> list[tuple[str, Rows]]:
    """Titles and rows: the tricks by what leaving them out costs, then how each two work together; tuned ones apart."""
    tables = []
    for tuned in (False, True):
        at_best = ", all arms tuned" if tuned else ""
        for count, title in (
            (1, "what each trick is worth"),
            (2, "what two tricks do together beyond the sum of each"),
        ):
            some = [trick for trick in found.tricks if trick.tuned == tuned and len(trick.tricks) == count]
            if some:
                tables.append((f"{found.metric}: {title}{at_best} (positive: better)", trick_rows(some)))
    return tables


def trick_rows(tricks: list[Trick]) -> Rows:
    """A row for each trick or pair of tricks."""
    judged = [each for trick in tricks for each in (trick.costs, trick.brings) if each is not None]
    digits = cells.decimals([_half(each) for each in judged])
    return [
        {
            "trick": " x ".join(trick.tricks),
            "leaving it out costs": _gain(trick.costs, digits),
            "verdict": _short(trick.costs),
            "adding it brings": _gain(trick.brings, digits),
            "verdict ": _short(trick.brings),
        }
        for trick in tricks
    ]


def pair_rows(found: Comparison) -> Rows:
    """A row for every two variants."""
    digits = cells.decimals([_half(each) for each in found.pairs])
    return [
        {
            "variant": each.label,
            "against": each.baseline,
            "difference": cells.around(each.difference, each.interval, digits, sign=True),
            "adjusted p": cells.p_value(each.adjusted_p),
            "verdict": cells.word(each),
        }
        for each in found.pairs
    ]


def overall_rows(found: Comparison) -> Rows:
    """A row for each variant over all tasks: interquartile mean, and the share of runs above three scores."""
    if not found.overall:
        return []
    digits = cells.decimals([(each.score.high - each.score.low) / 2 for each in found.overall])
    picked = [round(share * (len(found.thresholds) - 1)) for share in (0.25, 0.5, 0.75)]
    side = "above" if found.larger_is_better else "below"
    return [
        {
            "variant": each.label,
            "interquartile mean": cells.number(each.score.value, digits),
            "interval": ""
            if math.isnan(each.score.low)
            else f"{cells.number(each.score.low, digits)} to {cells.number(each.score.high, digits)}",
            **{f"{side} {found.thresholds[at]:.3g}": cells.percent(float(each.profile[at])) for at in picked},
            **({"without a value": str(each.missing)} if any(one.missing for one in found.overall) else {}),
        }
        for each in found.overall
    ]


def _gain(judged: Judged | None, digits: int) -> str:
    if judged is None:
        return ""
    ends = judged.interval
    if ends is not None and judged.gain != judged.difference:  # smaller is better
        ends = -ends[1], -ends[0]
    return cells.around(judged.gain, ends, digits)


def _short(judged: Judged | None) -> str:
    """The verdict where two of them stand in a row."""
    if judged is None or judged.more_seeds is None:
        return "" if judged is None else judged.word
    return f"{judged.word} (~{judged.more_seeds:,} more)"


def _half(judged: Judged) -> float:
    return 0.0 if judged.interval is None else (judged.interval[1] - judged.interval[0]) / 2
