"""Several values of one key, written as a list, a range, or a grid between two bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn, TypeGuard

from dltricks.core.registry import unknown
from dltricks.experiment.document import Where, describe
from dltricks.experiment.overrides import GRIDS, RANGE
from dltricks.experiment.scalars import read_scalar

Fail = Callable[[Where, str], NoReturn]
"""Refuses what lies below a value: the place there, and the message."""

FORMS = "a list of values, a range such as 0..9, or {log: [1e-4, 1e-1], count: 8}"
SPANS = "a list of choices, a range such as 0..9, {log: [1e-4, 1e-1]}, or {linear: [0, 0.5]}"
DIGITS = 6
"""Significant digits of values that a grid or a sample computes."""


@dataclass(frozen=True)
class Listed:
    """Values as they were written."""

    values: tuple[Any, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values)

    def expand(self) -> Iterator[Any]:
        """Each of them, in order."""
        return iter(self.values)

    def at(self, share: float) -> Any:
        """The value at a share of the way, from 0 to below 1."""
        return self.values[int(share * self.count)]


@dataclass(frozen=True)
class Range:
    """Whole numbers from one to another, both included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self.last - self.first + 1

    def expand(self) -> Iterator[int]:
        """Each of them, ascending."""
        return iter(range(self.first, self.last + 1))

    def at(self, share: float) -> int:
        """The number at a share of the way, from 0 to below 1."""
        return self.first + int(share * self.count)


@dataclass(frozen=True)
class Span:
    """All numbers between two bounds."""

    geometric: bool
    bounds: tuple[int | float, int | float]

    def at(self, share: float) -> int | float:
        """The number at a share of the way, to six digits; a whole one where the bounds are and it comes out whole."""
        low, high = self.bounds
        if self.geometric:
            value = math.exp((1 - share) * math.log(low) + share * math.log(high))
        else:
            value = (1 - share) * low + share * high
        whole = round(value)
        if isinstance(low, int) and isinstance(high, int) and abs(value - whole) <= 1e-9 * max(1.0, abs(value)):
            return whole
        return float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True)
class Grid:
    """Numbers at equal distances, or equal ratios, from one bound to the other."""

    span: Span
    count: int

    def expand(self) -> Iterator[int | float]:
        """Each of them; the bounds exactly as written."""
        yield self.span.bounds[0]
        for i in range(1, self.count - 1):
            yield self.span.at(i / (self.count - 1))
        yield self.span.bounds[1]

    def distinct(self) -> bool:
        """Whether six digits tell them apart."""
        values = list(self.expand())
        if values[0] > values[-1]:
            values.reverse()
        return all(value < after for value, after in pairwise(values))


Values = Listed | Range | Grid
"""What a key of a sweep may hold."""
Space = Listed | Range | Span
"""What a key of a sample may be drawn from."""


def read_values(value: Any, fail: Fail) -> Values:
    """What a key of a sweep holds. Nothing is enumerated, however long.

    Raises:
        UsageError: whatever ``fail`` makes of something else.
    """
    if isinstance(value, list):
        return Listed(_distinct(value, fail))
    if isinstance(value, str) and RANGE.fullmatch(value):
        return read_range(value, fail)
    if not isinstance(value, dict) or not any(grid in value for grid in GRIDS):
        fail((), f"found {describe(value)}, allowed: {FORMS}")
    span = _span(value, ["count"], fail)
    count = value.get("count")
    if not is_whole(count) or count < 2:
        found = f"found {describe(count)}" if "count" in value else "count is missing"
        fail(("count",) if "count" in value else (), f"{found}, allowed: a whole number of values, at least 2")
    return Grid(span, count)


def read_sampled(value: Any, fail: Fail) -> Space:
    """What a key of a sample is drawn from.

    Raises:
        UsageError: whatever ``fail`` makes of something else.
    """
    if isinstance(value, dict) and any(grid in value for grid in GRIDS):
        return _span(value, [], fail)
    if isinstance(value, list):
        return Listed(_distinct(value, fail))
    if not isinstance(value, str) or not RANGE.fullmatch(value):
        fail((), f"found {describe(value)}, allowed: {SPANS}")
    return read_range(value, fail)


def read_range(text: str, fail: Fail) -> Range:
    """A range as text, which ``RANGE`` matches.

    Raises:
        UsageError: whatever ``fail`` makes of one that descends, or whose numbers no file may hold.
    """
    ends = []
    for end in text.split(".."):
        try:
            ends.append(read_scalar(end))
        except ValueError as error:
            fail((), str(error))
    first, last = ends
    assert isinstance(first, int)
    assert isinstance(last, int)
    if first > last:
        fail((), f"found {text}, allowed: an ascending range; write {last}..{first}")
    return Range(first, last)


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def same(value: Any) -> str:
    """A text that equal values share: 1 and 1.0 are equal, true and 1 are not."""
    return json.dumps(_canonical(value), sort_keys=True)


def _canonical(value: Any) -> Any:
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _distinct(values: list[Any], fail: Fail) -> tuple[Any, ...]:
    if not values:
        fail((), "the list is empty; write at least one value, or leave the key out")
    first: dict[str, int] = {}
    for i, value in enumerate(values):
        if value is None:
            fail((i,), "found nothing (null); write none, or leave the value out")
        before = first.setdefault(same(value), i)
        if before != i:
            fail((i,), f"found {describe(value)} twice, as value {before + 1} and {i + 1}; keep one of them")
    return tuple(values)


def _span(value: dict[str, Any], further: list[str], fail: Fail) -> Span:
    for name in value:
        if name not in (*GRIDS, *further):
            fail((name,), unknown("field", name, [*GRIDS, *further]))
    if all(grid in value for grid in GRIDS):
        fail((), "found both log and linear; keep one of them")
    grid = "log" if "log" in value else "linear"
    bounds = value[grid]
    numbers = isinstance(bounds, list) and all(isinstance(b, (int, float)) and not isinstance(b, bool) for b in bounds)
    example = "[1e-4, 1e-1]" if grid == "log" else "[0, 0.5]"
    if not numbers or len(bounds) != 2:
        fail((grid,), f"found {describe(bounds)}, allowed: a list of two numbers, the bounds, such as {example}")
    if bounds[0] == bounds[1]:
        fail((grid,), f"both bounds are {bounds[0]}; write two different numbers, such as {example}")
    if grid == "log" and min(bounds) <= 0:
        fail((grid,), f"found the bound {min(bounds)}, allowed: numbers above 0; {{linear: [...]}} takes others")
    return Span(grid == "log", (bounds[0], bounds[1]))
