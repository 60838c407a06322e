"""Mean learning curves with their bands, drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dltricks.cli.comparison_cells import resampled
from dltricks.cli.output import inert
from dltricks.core.types import Array

if TYPE_CHECKING:
    from rich.text import Text

    from dltricks.comparing.result import Comparison, Row

HEIGHT = 16
"""Lines of the drawing."""
MARKS = "●▲■◆○△□◇"
COLOURS = ("blue", "yellow", "green", "red", "magenta", "cyan", "bright_black", "white")
MOST = len(MARKS)
"""Curves in one drawing; with more nobody could tell them apart."""
BAND = "░"


def plot(found: Comparison, width: int) -> list[Text]:
    """The lines of the drawing: one for each curve of the first rows, and a legend; none without any curve.

    The vertical range leaves out the first tenth of the epochs where that lets the rest be seen.
    """
    from rich.text import Text

    rows = [row for row in found.rows if row.curve is not None][:MOST]
    if not rows:
        return []
    low, high = _range(rows)
    labels = [f"{value:.4g}" for value in np.linspace(high, low, HEIGHT)]
    margin = max(map(len, labels))
    across = max(10, min(width - margin - 2, 100))
    epochs = max(len(row.curve.mean) for row in rows if row.curve is not None)
    canvas: list[list[tuple[str, str]]] = [[(" ", "")] * across for _ in range(HEIGHT)]
    for drawn in (_bands, _means):
        for number, row in enumerate(rows):
            drawn(canvas, row, number, epochs, low, high)
    lines = [Text(inert(f"{found.metric}, mean and {100 * found.confidence:.4g} % interval"), "bold")]
    for at, cells in enumerate(canvas):
        axis = f"{labels[at]:>{margin}} ┤" if at % 5 == 0 else " " * margin + " │"
        line = Text(axis, "bright_black")
        for character, style in cells:
            line.append(character, style)
        lines.append(line)
    lines.append(Text(" " * margin + " └" + "─" * across, "bright_black"))
    ends = f"1{f'epoch {epochs}':>{across - 1}}"
    lines.append(Text(" " * (margin + 2) + ends, "bright_black"))
    for number, row in enumerate(rows):
        name = row.name or found.study or "all"
        text = Text(f"{MARKS[number]} ", COLOURS[number])
        lines.append(text.append(inert(name) + (" (baseline)" if row.baseline and len(rows) > 1 else ""), ""))
    left = sum(row.curve is not None for row in found.rows) - len(rows)
    if left:
        lines.append(Text(f"and {left} more that are not drawn; --where selects some", "bright_black"))
    return lines


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """What the drawing spans: all means behind the first tenth, and their bands as far as twice that."""
    means, ends = [], []
    for row in rows:
        assert row.curve is not None
        begin = len(row.curve.mean) // 10
        means.append(row.curve.mean[begin:])
        ends += [row.curve.low[begin:], row.curve.high[begin:]]
    inside = np.concatenate(means)
    inside = inside[np.isfinite(inside)]
    if not len(inside):
        return 0.0, 1.0
    low, high = float(inside.min()), float(inside.max())
    span = (high - low) or abs(high) * 0.1 or 1.0
    bands = np.concatenate(ends)
    bands = bands[np.isfinite(bands)]
    if len(bands):
        low, high = (
            max(low - span / 2, min(low, float(bands.min()))),
            min(high + span / 2, max(high, float(bands.max()))),
        )
    return (low, high) if high > low else (low - span / 2, high + span / 2)


def _columns(values: Array, epochs: int, across: int) -> Array:
    """A value for each column; NaN behind the end of a curve that is shorter than others."""
    whole = np.full(epochs, np.nan)
    whole[: len(values)] = values
    if epochs >= across:
        return resampled(whole, across)
    places = np.linspace(0, epochs - 1, across)
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, epochs - 1)
    share = places - below
    # Exactly on an epoch its own value counts, whether or not another follows.
    found: Array = np.where(share == 0, whole[below], (1 - share) * whole[below] + share * whole[above])
    return found


def _line(value: float, low: float, high: float) -> int:
    return round((high - value) / (high - low) * (HEIGHT - 1))


def _bands(canvas: list[list[tuple[str, str]]], row: Row, number: int, epochs: int, low: float, high: float) -> None:
    assert row.curve is not None
    across = len(canvas[0])
    ends = (_columns(each, epochs, across) for each in (row.curve.low, row.curve.high))
    for column, (below, above) in enumerate(zip(*ends, strict=True)):
        if math.isnan(below) or math.isnan(above) or above < low or below > high:
            continue
        for line in range(_line(min(above, high), low, high), _line(max(below, low), low, high) + 1):
            canvas[line][column] = (BAND, COLOURS[number])


def _means(canvas: list[list[tuple[str, str]]], row: Row, number: int, epochs: int, low: float, high: float) -> None:
    assert row.curve is not None
    across = len(canvas[0])
    for column, value in enumerate(_columns(row.curve.mean, epochs, across)):
        # Each curve marks columns of its own, so that those that lie on one another are all seen.
        if math.isnan(value) or not low <= value <= high or column % MOST % 4 != number % 4:
            continue
        canvas[_line(value, low, high)][column] = (MARKS[number], COLOURS[number])
