"""The numbers of a comparison as short texts for people: no more digits than are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dltricks.comparing.compare import summary
from dltricks.comparing.curves import Curve
from dltricks.comparing.result import Row
from dltricks.core.types import Array
from dltricks.statistics.judged import Judged

BARS = "▁▂▃▄▅▆▇█"
SPARKS = 10
"""Characters of a small curve."""
STYLES = {"helps": "green", "hurts": "red", "equivalent": "cyan", "inconclusive": "yellow"}


def decimals(halves: Sequence[float]) -> int:
    """Digits behind the point that give the middle of some half widths two digits; four without any."""
    known = sorted(half for half in halves if half > 0 and math.isfinite(half))
    if not known:
        return 4
    return min(8, max(0, 1 - math.floor(math.log10(known[len(known) // 2]))))


def number(value: float | None, digits: int) -> str:
    """A number with so many digits behind the point; a large one, or one that would vanish, by its first four."""
    if value is None or not math.isfinite(value):
        return ""
    if abs(value) >= 10**6 or 0 < abs(value) < 0.5 * 10.0**-digits <= 1e-8:
        return f"{value:.4g}"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text


def around(value: float | None, interval: tuple[float, float] | None, digits: int, *, sign: bool = False) -> str:
    """A value and the half width of its interval, which t intervals have on both sides."""
    text = number(value, digits)
    if sign and value is not None and not text.startswith("-") and text.strip("0."):
        text = f"+{text}"
    return text if interval is None or not text else f"{text} ± {number((interval[1] - interval[0]) / 2, digits)}"


def share(value: float | None, interval: tuple[float, float] | None) -> str:
    """A share with its interval, which is not the same on both sides."""
    if value is None:
        return ""
    return f"{value:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def p_value(p: float | None) -> str:
    """Two digits of a p."""
    if p is None:
        return ""
    return "<0.0001" if p < 1e-4 else f"{p:.2g}"


def epochs(row: Row) -> str:
    """The median time to the target."""
    if row.target is None:
        return ""
    return "never" if math.isinf(row.target.median) else f"{row.target.median:g}"


def word(judged: Judged | None) -> str:
    """The verdict, and what is missing for one; nothing of the baseline, which is none."""
    return "" if judged is None else summary(judged)


def percent(part: float) -> str:
    """A share of runs."""
    return f"{100 * part:.3g} %"


def style(column: str, text: str) -> str:
    """How a cell is coloured."""
    return STYLES.get(text.partition(" ")[0], "") if "verdict" in column else ""


def bounds(curves: Sequence[Curve | None]) -> tuple[float, float]:
    """Between which values small curves are drawn; what lies beyond is drawn at the edge."""
    values = [curve.mean[np.isfinite(curve.mean)] for curve in curves if curve is not None]
    everything = np.concatenate(values) if values else np.empty(0)
    if not len(everything):
        return 0.0, 0.0
    # The first steps of training are so steep that nothing could be told of the rest beside them.
    low, high = np.quantile(everything, [0.1, 0.9])
    return (float(low), float(everything.max())) if rising(curves) else (float(everything.min()), float(high))


def rising(curves: Sequence[Curve | None]) -> bool:
    """Whether most curves end above where they begin."""
    ends = [bool(curve.mean[-1] > curve.mean[0]) for curve in curves if curve is not None and len(curve.mean)]
    return 2 * ends.count(True) >= len(ends)


def sparkline(curve: Curve | None, scale: tuple[float, float]) -> str:
    """A mean curve in a few characters, its first and last epoch included."""
    if curve is None:
        return ""
    values = resampled(curve.mean, SPARKS)
    low, high = scale
    height = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return "".join(" " if math.isnan(h) else BARS[max(0, min(len(BARS) - 1, int(h * len(BARS))))] for h in height)


def resampled(values: Array, count: int) -> Array:
    """At most so many of the values, evenly spread."""
    if len(values) <= count:
        return values
    found: Array = values[np.round(np.linspace(0, len(values) - 1, count)).astype(int)]
    return found
