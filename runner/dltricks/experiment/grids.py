"""The values to try for one key: how they are spaced, where they end, and how they go on beyond their ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from dltricks.experiment.values import Span

STEP = 2
"""Values that one extension adds to one side of a grid."""

Scale = Literal["log", "linear", "list"]
Side = Literal["smallest", "largest"]
Allowed = Callable[[str, Any], bool]
"""Whether a key may take a value at all."""


@dataclass(frozen=True)
class Grid:
    """The values to try for one key."""

    key: str
    """As in an override: ``optimizer.lr``."""
    values: tuple[Any, ...]
    """Numbers of a log or linear grid ascend; those of a list stand as written."""
    scale: Scale
    below: int = 0
    """How many of the first values an extension has put before those of the file."""
    above: int = 0

    @property
    def where(self) -> tuple[str, ...]:
        """The key in its parts."""
        return tuple(self.key.split("."))

    def edges(self, value: Any) -> list[Edge]:
        """The ends at which a value of this grid lies; none where the values are not numbers."""
        if not all(map(is_number, self.values)):
            return []
        ends: list[tuple[Side, Any]] = [("smallest", min(self.values)), ("largest", max(self.values))]
        return [Edge(self.key, side) for side, end in ends if value == end]


@dataclass(frozen=True)
class Edge:
    """A best value with nothing beyond it: the truly best one may lie outside the grid."""

    key: str
    side: Side


def grown(grid: Grid, sides: Collection[Side], allowed: Allowed) -> Grid:
    """The grid with further values beyond its ends on the given sides, where there may be any."""
    if grid.scale == "list":
        return grid
    below = _beyond(grid, -1, grid.below, allowed) if "smallest" in sides else []
    above = _beyond(grid, 1, grid.above, allowed) if "largest" in sides else []
    return replace(
        grid,
        values=(*reversed(below), *grid.values, *above),
        below=grid.below + len(below),
        above=grid.above + len(above),
    )


def _beyond(grid: Grid, sign: int, before: int, allowed: Allowed) -> list[Any]:
    """At most STEP values beyond the last (sign 1) or first (-1), where extensions have put ``before`` already."""
    written = grid.values[grid.below : len(grid.values) - grid.above]
    span = Span(grid.scale == "log", (written[0], written[-1]))
    last = grid.values[-1 if sign > 0 else 0]
    found: list[Any] = []
    for k in range(before + 1, min(before + STEP, len(written)) + 1):
        steps = len(written) - 1
        try:
            value = span.at((steps + k if sign > 0 else -k) / steps)
        except OverflowError:
            break
        # Below the reach of a float64 lies 0, and beyond that of six digits the last value again.
        if (span.geometric and value <= 0) or (value - last) * sign <= 0:
            break
        if not allowed(grid.key, value):
            break
        found.append(value)
        last = value
    return found


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
