"""Values from the command line or a notebook, laid over those of an experiment file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.core.spelling import spell
from dltricks.experiment.document import MAX_DEPTH, Document, parse_value, visible
from dltricks.experiment.scalars import FORBIDDEN, LARGEST, read_scalar

COMMAND_LINE = "command line"
CALL = "argument"
NEVER_SWEPT = ("name", "seeds", "sweep", "tune", "margin", "baseline", "expect", "plugins", "checkpoint_seconds")
"""Keys that describe a study or decide nothing, so that no two runs of one study differ in them."""
RANGE = re.compile(r"([-+]?[0-9]+)\.\.([-+]?[0-9]+)")
GRIDS = ("log", "linear")


@dataclass(frozen=True)
class Override:
    """One value for ``key`` or ``key.sub``."""

    where: tuple[str, ...]
    value: Any
    origin: str = COMMAND_LINE
    swept: bool = False
    """Whether ``value`` stands for several, as it would below `sweep`: a list of them, a range, or a grid."""

    @property
    def place(self) -> tuple[str, ...]:
        """What it decides: a name decides the whole component."""
        return self.where[:1] if self.whole else self.where

    @property
    def whole(self) -> bool:
        """Whether it replaces a component: ``key`` itself, or its name."""
        return len(self.where) == 1 or self.where[1] == "name"

    def __str__(self) -> str:
        return ".".join(self.where)


def parse_override(text: str) -> Override:
    """Reads ``key=value`` or ``key.sub=value``, or several values: ``key=a,b``, ``key=0..9``, ``key={log: ...}``.

    Raises:
        UsageError: not of that form, a value that YAML would refuse, or several for a key that takes one.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise _error(f"{COMMAND_LINE}: expected key=value, found {text!r}; for example optimizer.lr=0.01")
    where = _where(key.strip(), COMMAND_LINE)
    if where == ("baseline",):
        return Override(where, value.strip())  # the label of an arm, which may hold commas
    parts = split_values(value)
    values = [read_value(part, f"{COMMAND_LINE}: {key}") for part in parts]
    if where == ("seeds",) and len(values) > 1:
        return Override(where, values)
    if where[0] not in NEVER_SWEPT and (len(values) > 1 or _stands_for_several(values[0], parts[0])):
        if where == ("seed",):
            raise _error(f"{COMMAND_LINE}: seed: found several values ({value}); write seeds={value}")
        return Override(where, values if len(values) > 1 else values[0], swept=True)
    if len(values) > 1:
        raise _error(
            f"{COMMAND_LINE}: {key}: a single value is needed here, found {len(values)} ({value}); "
            f"a list is written in brackets: {key}=[{value}]"
        )
    return Override(where, values[0])


def _stands_for_several(value: Any, text: str) -> bool:
    if isinstance(value, dict):
        return "name" not in value and any(grid in value for grid in GRIDS)
    # In quotes it is the text that it looks like.
    return RANGE.fullmatch(text.strip()) is not None


def from_arguments(arguments: Mapping[str, Any]) -> list[Override]:
    """The overrides that a Python call gives: ``{"dropout": 0.5, "optimizer.lr": 1e-3}``.

    Raises:
        UsageError: a value that an experiment file could not hold.
    """
    return [Override(_where(key, CALL), _plain(value, key), CALL) for key, value in arguments.items()]


def split_values(text: str) -> list[str]:
    """The parts between commas that stand outside brackets, braces and quotes."""
    parts = [""]
    depth = 0
    quote = ""
    escaped = False
    before = ","
    for character in text:
        if escaped:
            escaped = False
        elif quote:
            escaped = character == "\\" and quote == '"'
            quote = "" if character == quote else quote
        elif character in "'\"" and (before in "[{," or (before == ":" and depth)):
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth <= 0:
            parts.append("")
            before = character
            continue
        parts[-1] += character
        if not character.isspace():
            # A doubled single quote inside a quoted text closes and opens again.
            before = "," if character == "'" and not quote else character
    return parts


def read_value(text: str, name: str) -> Any:
    """The value of one word, quoted text, or bracketed list or mapping, by the rules of the file.

    Raises:
        UsageError: not such a value.
    """
    text = text.strip()
    bad = FORBIDDEN.search(text)
    if bad:
        raise _error(f"{name}: the character {bad[0]!a} is not allowed")
    if text[:1] in ("[", "{", "'", '"'):
        return parse_value(text, name)
    try:
        return read_scalar(text)
    except ValueError as error:
        raise _error(f"{name}: {error}") from error


def apply(document: Document, overrides: Sequence[Override]) -> Document:
    """A new document in which the overrides replace the file's values.

    A component given by name loses the fields of the old one; names are applied before fields, in whatever
    order they were given.

    Raises:
        UsageError: the same key twice, or a field of something that has none.
    """
    result = Document(document.name, dict(document.value), dict(document.lines), dict(document.origins), document.path)
    refuse_twice(overrides)
    for override in sorted(overrides, key=lambda override: not override.whole):
        if override.swept:
            several = ",".join(map(spell, override.value)) if isinstance(override.value, list) else "..."
            raise _error(
                f"{override.origin}: {override}: a single value is needed here, found several; "
                f"a list is written in brackets: {override}=[{several}]"
            )
        _forget(result, override.place)
        if override.whole:
            _set_whole(result, override)
        else:
            key, sub = override.where
            result.value[key] = {**_as_mapping(result, override), sub: override.value}
        result.origins[override.place] = override.origin
    return result


def refuse_twice(overrides: Sequence[Override]) -> None:
    """Of two values for one key neither is more meant than the other.

    Raises:
        UsageError: some key was given twice.
    """
    seen: set[tuple[str, ...]] = set()
    for override in overrides:
        if override.place in seen:
            raise _error(f"{override.origin}: {override}: given twice; keep one of the two")
        seen.add(override.place)


def _set_whole(document: Document, override: Override) -> None:
    key = override.where[0]
    document.value[key] = override.value if len(override.where) == 1 else {"name": override.value}


def _as_mapping(document: Document, override: Override) -> dict[str, Any]:
    """What stands at the override's key, as a mapping that can take one more field."""
    key = override.where[0]
    kind = KINDS.get(key)
    given = key in document.value
    found = document.value.get(key)
    if kind is not None and not kind.many:
        if kind.unnamed and (not given or found in (kind.default, {"name": kind.default})):
            # `dropout.rate=0.5` switches dropout on where it is off.
            return {}
        if not given:
            return {"name": kind.default}
        if isinstance(found, str):
            return {"name": found}
        if kind.number is not None and isinstance(found, (int, float)) and not isinstance(found, bool):
            name, number = kind.number
            return {"name": name, number: found}
    if isinstance(found, dict):
        return found
    if key == "seed" and isinstance(found, int):
        from dltricks.engine.recipe import Seeds

        # The other purposes keep the seed that they had.
        return {field.name: found for field in fields(Seeds)}
    if key in ("seed", "expect") and not given:
        return {}
    raise _error(f"{override.origin}: {override}: {key} has no fields; write {key}=value")


def _forget(document: Document, place: tuple[str, ...]) -> None:
    """Drops the origins of what is about to be replaced."""
    n = len(place)
    document.lines = {where: line for where, line in document.lines.items() if where[:n] != place}
    document.origins = {where: origin for where, origin in document.origins.items() if where[:n] != place}


def _error(message: str) -> UsageError:
    return UsageError(visible(message))


def _where(key: str, origin: str) -> tuple[str, ...]:
    parts = tuple(key.split("."))
    if len(parts) > 2 or not all(parts):
        raise _error(f"{origin}: expected key=value or key.sub=value, found the key {key!r}")
    if len(parts) > 1 and parts[0] in ("seeds", "sweep"):
        raise _error(f"{origin}: {key}: {parts[0]} is given as a whole; write {parts[0]}=...")
    return parts


def _plain(value: Any, key: str, depth: int = 1) -> Any:
    """A Python value as an experiment file would hold it; NumPy's numbers become Python's."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if depth > MAX_DEPTH:
        raise _error(f"{CALL}: {key}: nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise _error(f"{CALL}: {key}: whole numbers go up to {LARGEST}")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _error(f"{CALL}: {key}: {value} is not a finite number")
        return float(value)
    if isinstance(value, str):
        if FORBIDDEN.search(value):
            raise _error(f"{CALL}: {key}: {value!a} contains a character that is not allowed")
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, key, depth + 1) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {str(name): _plain(item, key, depth + 1) for name, item in value.items()}
    raise _error(f"{CALL}: {key}: found {type(value).__name__}, allowed: numbers, text, lists and dictionaries of them")
