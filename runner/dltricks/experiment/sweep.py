"""The part of an experiment file below `sweep`, and what several values on the command line add to it.

A sweep is the product of its axes, in the order in which they are written; the last varies fastest. An axis knows how
many points it has without listing them, so that a sweep of any size can be refused at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NoReturn, TypeVar

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.spelling import spell
from dltricks.experiment.document import Document, Where, describe
from dltricks.experiment.identity import PURPOSES
from dltricks.experiment.overrides import NEVER_SWEPT, Override
from dltricks.experiment.sampling import METHODS, draw
from dltricks.experiment.scalars import LARGEST
from dltricks.experiment.settings import KEYS
from dltricks.experiment.values import Grid, Space, Values, is_whole, read_sampled, read_values, same

Place = tuple[str, ...]
Gone = Callable[[Place], bool]
V = TypeVar("V", Values, Space)

SWEPT = tuple(key for key in KEYS if key not in (*NEVER_SWEPT, "seed"))
"""The keys that runs of a study may differ in. Of `seed` single purposes may be swept, too."""
SPECIAL = ("zip", "variants", "sample")
VARIANT = "variant"
"""What a table calls the column that tells variants apart."""

VARIANT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,59}")
_SAMPLE = ("method", "count", "seed", "keys")


@dataclass(frozen=True)
class Point:
    """One choice on an axis."""

    label: str
    varied: dict[str, Any]
    changes: tuple[Override, ...]


@dataclass(frozen=True)
class Part(Generic[V]):
    """One key of an axis, and its values."""

    key: Override
    """The key; of the value it tells only where it stands."""
    values: V
    document: Document
    source: Where

    def changed(self, value: Any, i: int) -> Override:
        """The key with its value number ``i``."""
        return replace(self.key, value=value, origin=self.document.origin((*self.source, i)))


@dataclass(frozen=True)
class Together:
    """Keys that move together; most often there is only one."""

    parts: tuple[Part[Values], ...]
    count: int

    def places(self) -> list[Place]:
        """What the axis decides."""
        return [part.key.place for part in self.parts]

    def without(self, gone: Gone) -> Together | None:
        """The axis without some of its places; None where nothing is left."""
        left = tuple(part for part in self.parts if not gone(part.key.place))
        return replace(self, parts=left) if left else None

    def points(self) -> list[Point]:
        """Every choice, in order.

        Raises:
            UsageError: a grid that is finer than its digits.
        """
        columns = []
        for part in self.parts:
            if isinstance(part.values, Grid) and not part.values.distinct():
                low, high = part.values.span.bounds
                message = f"{part.values.count} values from {low} to {high} are not all different; lower the count"
                raise UsageError(part.document.error(part.source, message))
            columns.append([part.changed(value, i) for i, value in enumerate(part.values.expand())])
        return [_point(changes) for changes in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Variants:
    """Named settings of several keys."""

    named: tuple[tuple[str, tuple[Override, ...]], ...]

    @property
    def count(self) -> int:
        """How many variants there are."""
        return len(self.named)

    def places(self) -> list[Place]:
        """What the axis decides, in some of its variants at least."""
        return list(dict.fromkeys(change.place for _, changes in self.named for change in changes))

    def without(self, gone: Gone) -> Variants | None:
        """The axis without some of its places; None where no variant has anything left."""
        if not any(gone(place) for place in self.places()):
            return self
        left = [(name, tuple(c for c in changes if not gone(c.place))) for name, changes in self.named]
        return Variants(tuple(left)) if any(changes for _, changes in left) else None

    def points(self) -> list[Point]:
        """Every choice, in order."""
        return [Point(name, {VARIANT: name}, changes) for name, changes in self.named]


@dataclass(frozen=True)
class Sample:
    """Points drawn from a space of several keys."""

    parts: tuple[Part[Space], ...]
    method: str
    count: int
    seed: int
    document: Document
    source: Where

    def places(self) -> list[Place]:
        """What the axis decides."""
        return [part.key.place for part in self.parts]

    def without(self, gone: Gone) -> Sample | None:
        """As many points of the space without some of its places; None where no space is left."""
        left = tuple(part for part in self.parts if not gone(part.key.place))
        return replace(self, parts=left) if left else None

    def points(self) -> list[Point]:
        """Every point, in the order of the sequence.

        Raises:
            UsageError: two of them are the same.
        """
        drawn: dict[str, Point] = {}
        for shares in draw(self.method, self.count, len(self.parts), self.seed):
            values = [part.values.at(share) for part, share in zip(self.parts, shares, strict=True)]
            point = _point(
                [
                    replace(part.changed(value, 0), origin=self.document.origin(part.source))
                    for part, value in zip(self.parts, values, strict=True)
                ]
            )
            if same(values) in drawn:
                raise UsageError(
                    self.document.error(
                        self.source,
                        f"two of the {self.count} points are the same ({point.label}); "
                        "lower the count, widen the bounds, or write the values as a list",
                    )
                )
            drawn[same(values)] = point
        return list(drawn.values())


Axis = Together | Variants | Sample


def read_sweep(document: Document) -> list[Axis]:
    """The axes below `sweep` in a document.

    Raises:
        UsageError: anything wrong; one line for each mistake that could be found at once.
    """
    reader = _Reader(document, ("sweep",))
    value = document.value["sweep"]
    if not isinstance(value, dict):
        reader.fail((), f"found {describe(value)}, allowed: a mapping such as {{dropout: [0, 0.2, 0.5]}}")
    return reader.axes(value, special=True)


def read_swept(overrides: Sequence[Override]) -> list[Axis]:
    """The axes that several values on the command line make, one for each key.

    Raises:
        UsageError: as of ``read_sweep``.
    """
    axes: list[Axis] = []
    for override in overrides:
        document = Document(override.origin, {str(override): override.value})
        axes += _Reader(document, ()).axes(document.value, special=False)
    return axes


class _Reader:
    """Reads axes out of a mapping that stands somewhere in a document."""

    def __init__(self, document: Document, top: Where) -> None:
        self.document = document
        self.top = top
        self.seen: set[Place] = set()

    def fail(self, below: Where, message: str) -> NoReturn:
        raise UsageError(self.document.error((*self.top, *below), message))

    def axes(self, value: dict[str, Any], special: bool) -> list[Axis]:
        axes: list[Axis] = []
        problems = []
        for key, item in value.items():
            try:
                axes += self.special(key, item) if special and key in SPECIAL else [self.together({key: item}, ())]
            except UsageError as error:
                problems.append(str(error))
        if problems:
            raise UsageError("\n".join(problems))
        return axes

    def special(self, key: str, value: Any) -> list[Axis]:
        if key == "variants":
            return [self.variants(value)]
        if key == "sample":
            return [self.sample(value)]
        if not isinstance(value, list):
            return [self.zipped(value, (key,))]
        if not value:
            self.fail((key,), f"the list is empty; {_ZIP}")
        return [self.zipped(item, (key, i)) for i, item in enumerate(value)]

    def zipped(self, value: Any, below: Where) -> Axis:
        if not isinstance(value, dict) or not value:
            self.fail(below, f"found {describe(value)}, allowed: {_ZIP}")
        return self.together(value, below)

    def together(self, keys: dict[str, Any], below: Where) -> Axis:
        parts = []
        for key, value in keys.items():
            place = (*below, key)
            override = self.key(key, place, alone=not below)
            self.once(override, place)
            parts.append(Part(override, read_values(value, self.failing(place)), self.document, (*self.top, *place)))
        counts = [part.values.count for part in parts]
        if len(set(counts)) > 1:
            lengths = ", ".join(f"{part.key} {count:,}" for part, count in zip(parts, counts, strict=True))
            self.fail(below, f"keys that move together need equally many values, found {lengths}")
        return Together(tuple(parts), counts[0])

    def variants(self, value: Any) -> Axis:
        top: Where = ("variants",)
        if not isinstance(value, list) or not value:
            self.fail(top, f"found {describe(value)}, allowed: {_VARIANTS}")
        named: dict[str, tuple[Override, ...]] = {}
        for i, item in enumerate(value):
            if not isinstance(item, dict) or "name" not in item:
                found = f"found {describe(item)}" if not isinstance(item, dict) else "found a variant without name"
                self.fail((*top, i), f"{found}, allowed: {_VARIANTS}")
            name = item["name"]
            if not isinstance(name, str) or not VARIANT_NAME.fullmatch(name):
                self.fail(
                    (*top, i, "name"),
                    f"found {describe(name)}, allowed: text of at most 60 letters, digits and . _ + -, "
                    "which becomes part of a folder's name",
                )
            if name in named:
                self.fail((*top, i, "name"), f"two variants have the name {name!r}; rename one of them")
            own = []
            for key, setting in item.items():
                if key != "name":
                    place = (*top, i, key)
                    own.append(replace(self.key(key, place), value=setting, origin=self.origin(place)))
            places = [change.place for change in own]
            if len(set(places)) < len(places):
                self.fail((*top, i), "names the same component twice; keep one of the two")
            named[name] = tuple(own)
        axis = Variants(tuple(named.items()))
        for place in axis.places():
            self.once(Override(place, None), top)
        return axis

    def sample(self, value: Any) -> Axis:
        top: Where = ("sample",)
        if not isinstance(value, dict):
            self.fail(top, f"found {describe(value)}, allowed: {_SAMPLED}")
        for field in value:
            if field not in _SAMPLE:
                self.fail((*top, field), registry.unknown("field", field, list(_SAMPLE)))
        for field in ("count", "keys"):
            if field not in value:
                self.fail(top, f"{field} is missing; {_SAMPLED}")
        method, count, seed, keys = (value.get(field, _DEFAULTS.get(field)) for field in _SAMPLE)
        if method not in METHODS:
            self.fail((*top, "method"), f"found {describe(method)}, allowed: {' or '.join(METHODS)}")
        if not is_whole(count) or count < 1:
            self.fail((*top, "count"), f"found {describe(count)}, allowed: a whole number of points, at least 1")
        if not is_whole(seed) or not 0 <= seed <= LARGEST:
            self.fail((*top, "seed"), f"found {describe(seed)}, allowed: a whole number at least 0")
        if not isinstance(keys, dict) or not keys:
            self.fail((*top, "keys"), f"found {describe(keys)}, allowed: {_SAMPLED}")
        parts = []
        for key, space in keys.items():
            place = (*top, "keys", key)
            override = self.key(key, place)
            self.once(override, place)
            parts.append(Part(override, read_sampled(space, self.failing(place)), self.document, (*self.top, *place)))
        return Sample(tuple(parts), method, count, seed, self.document, (*self.top, *top))

    def key(self, key: str, place: Where, alone: bool = False) -> Override:
        """The key, if the runs of a study may differ in it."""
        where = tuple(key.split("."))
        head = where[0]
        if len(where) > 2 or not all(where):
            self.fail(place, f"expected key or key.sub, found {key!r}")
        if head == "seed" and len(where) == 2:
            if where[1] not in PURPOSES:
                self.fail(place, registry.unknown("purpose", where[1], list(PURPOSES)))
        elif head in ("seed", "seeds"):
            self.fail(place, "seeds are no part of the sweep; write seeds: [0, 1, 2] beside it, or seeds=0,1,2")
        elif head in NEVER_SWEPT:
            self.fail(place, f"{head} is the same in all runs of a study")
        elif head not in SWEPT:
            self.fail(place, registry.unknown("key", head, [*SWEPT, *(SPECIAL if alone and self.top else ())]))
        return Override(where, None)

    def once(self, override: Override, place: Where) -> None:
        if override.place in self.seen:
            self.fail(place, f"{override} stands in two places of the sweep; keep one of them")
        self.seen.add(override.place)

    def failing(self, place: Where) -> Callable[[Where, str], NoReturn]:
        def fail(below: Where, message: str) -> NoReturn:
            self.fail((*place, *below), message)

        return fail

    def origin(self, below: Where) -> str:
        return self.document.origin((*self.top, *below))


_DEFAULTS = {"method": "halton", "seed": 0}
_ZIP = "a mapping of keys to values, as in {dropout: [0, 0.5], epochs: [10, 20]}, or a list of such mappings"
_VARIANTS = "a list of mappings with a name each, as in [{name: plain}, {name: strong, dropout: 0.5, epochs: 40}]"
_SAMPLED = "a mapping such as {method: halton, count: 20, keys: {optimizer.lr: {log: [1e-4, 1e-1]}}}"


def _point(changes: Sequence[Override]) -> Point:
    label = ",".join(f"{change}={spell(change.value)}" for change in changes)
    return Point(label, {str(change): change.value for change in changes}, tuple(changes))
