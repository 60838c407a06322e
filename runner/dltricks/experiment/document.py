"""The text of an experiment file as plain values, and the line on which each of them stands.

YAML is read from PyYAML's events, not by its constructor: nothing but dicts, lists and scalars can arise,
and size, nesting and aliases are bounded while reading.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from dltricks.core.errors import UsageError
from dltricks.core.refusals import unreadable
from dltricks.experiment.scalars import FORBIDDEN, read_scalar

MAX_BYTES = 2**20
MAX_DEPTH = 20
MAX_KEY = 100
MAX_NODES = 10_000
"""Values in one file, each expansion of an alias counted anew."""

Where = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists."""


@dataclass
class Document:
    """Plain values with their origin."""

    name: str
    """What messages call the source: the file's path."""
    value: dict[str, Any]
    lines: dict[Where, int] = field(default_factory=dict)
    """The line of each value of the text, counted from 1."""
    origins: dict[Where, str] = field(default_factory=dict)
    """Another origin, such as the command line, of values that did not come from the text."""
    path: Path | None = None
    """The file, to whose folder relative paths refer."""

    def line(self, where: Where) -> int | None:
        """The line of a value, or of the nearest one around it."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.origins:
                return None
            if where[:length] in self.lines:
                return self.lines[where[:length]]
        return None

    def origin(self, where: Where) -> str:
        """``file:line`` of a value, or ``command line``; the bare name of the source where it has none."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.origins:
                return self.origins[where[:length]]
        line = self.line(where)
        return self.name if line is None else f"{self.name}:{line}"

    def error(self, where: Where, message: str) -> str:
        """``file:line: key.sub: message``."""
        key = ".".join(str(part) for part in where)
        return visible(f"{self.origin(where)}: {key}: {message}" if key else f"{self.origin(where)}: {message}")


def load_document(path: str | Path) -> Document:
    """Reads an experiment file.

    Raises:
        FileSystemError: unreadable.
        UsageError: no file, too large, not UTF-8, or not the YAML that an experiment file may hold.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file{_nearest_file(path)}") from error
    except ValueError as error:  # a NUL in the path
        raise UsageError(f"{path}: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES} bytes, the most that an experiment file may have")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error
    document = parse(text, str(path))
    document.path = path
    return document


def parse(text: str, name: str) -> Document:
    """Reads the text of an experiment file, which messages call ``name``.

    Raises:
        UsageError: not the YAML that an experiment file may hold.
    """
    lines: dict[Where, int] = {}
    value = _Reader(text, lambda line: f"{name}:{line}", lines).document()
    if not isinstance(value, dict):
        raise UsageError(f"{name}:1: expected `key: value` lines at the top, found {describe(value)}")
    return Document(name, value, lines)


def parse_value(text: str, name: str) -> Any:
    """Reads one value, such as a bracketed list from the command line.

    Raises:
        UsageError: not YAML, or beyond the same bounds as a file.
    """
    return _Reader(text, lambda line: name, {}).document()


def describe(value: Any) -> str:
    """What was found, for a message: the kind of value and a short form of it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    short = text if len(text) <= 60 else f"{text[:60]}..."
    return f"the text {short!r}" if isinstance(value, str) else short


def unquoted(found: Any) -> str:
    """The remedy where a number stands in quotes; empty where none does."""
    try:
        number = read_scalar(found.replace("_", "")) if isinstance(found, str) else None
    except ValueError:
        return ""
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        return f"; write {found.replace('_', '')} without quotes"
    return ""


def visible(text: str) -> str:
    """The text on one line, with characters that would act on a terminal or hide in it written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _nearest_file(path: Path) -> str:
    try:
        names = sorted(file.name for file in path.parent.iterdir())
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""


class _Reader:
    """One pass over the events of one text. Recursion is as deep as the bounded nesting."""

    def __init__(self, text: str, place: Callable[[int], str], lines: dict[Where, int]) -> None:
        self.place = place
        self.lines = lines
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int, int]] = {}
        """Finished values by anchor, with their number of nodes and their depth."""
        if text.startswith("\ufeff"):
            text = text[1:]
        bad = FORBIDDEN.search(text)
        if bad:
            self._fail(text.count("\n", 0, bad.start()) + 1, f"the character {bad[0]!a} is not allowed")
        self.loader = yaml.SafeLoader(text)

    def document(self) -> Any:
        """The value of the only document."""
        self._event()  # the start of the stream
        start = self._event()
        if isinstance(start, StreamEndEvent):
            self._fail(1, "the file is empty; `dataset`, `architecture` and `optimizer` make a valid one")
        assert isinstance(start, DocumentStartEvent)
        if start.version not in (None, (1, 2)):
            self._fail(_line(start), f"found YAML {'.'.join(map(str, start.version))}, allowed: YAML 1.2")
        value, _ = self._value(self._event(), (), 1)
        self._event()  # the end of the document
        after = self._event()
        if not isinstance(after, StreamEndEvent):
            self._fail(_line(after), "a second document begins here; an experiment file holds one")
        return value

    def _event(self) -> Any:
        try:
            return self.loader.get_event()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = (error.problem or error.context or "not YAML").strip()
            self._fail(mark.line + 1 if mark else 1, f"not valid YAML: {problem}")
        except (ValueError, OverflowError):
            self._fail(self.loader.get_mark().line + 1, "not valid YAML: an escape or version out of range")

    def _value(self, event: Any, where: Where, depth: int) -> tuple[Any, int]:
        """The value that begins with ``event``, and the depth of what lies in it."""
        line = _line(event)
        self.lines[where] = line
        self._count(1, line)
        self._check_depth(depth, line)
        if isinstance(event, AliasEvent):
            return self._expand(event, where, depth)
        if event.tag is not None:
            self._fail(line, f"tags are not allowed, found {event.tag[:60]!r}; write the plain value", where)
        first = self.nodes
        if isinstance(event, ScalarEvent):
            value, height = self._scalar(event, where), 1
        elif isinstance(event, SequenceStartEvent):
            value, height = self._list(where, depth)
        else:
            value, height = self._mapping(where, depth)
        if event.anchor is not None:
            if event.anchor in self.anchors:
                self._fail(line, f"the anchor {event.anchor[:60]!r} is defined twice; rename one of the two", where)
            self.anchors[event.anchor] = value, self.nodes - first + 1, height
        return value, height

    def _expand(self, event: Any, where: Where, depth: int) -> tuple[Any, int]:
        line = _line(event)
        if event.anchor not in self.anchors:
            self._fail(line, f"the alias {event.anchor[:60]!r} names no finished value above it", where)
        value, nodes, height = self.anchors[event.anchor]
        # Bounds come before the copy, so that a chain of aliases costs nothing.
        self._count(nodes, line)
        self._check_depth(depth + height - 1, line)
        return copy.deepcopy(value), height

    def _scalar(self, event: Any, where: Where) -> Any:
        text = event.value
        bad = FORBIDDEN.search(text)
        if bad:
            self._fail(_line(event), f"the character {bad[0]!a} is not allowed, also not as an escape", where)
        if not event.implicit[0]:  # quoted, or a block of text
            return text
        try:
            return read_scalar(text)
        except ValueError as error:
            self._fail(_line(event), str(error), where)

    def _list(self, where: Where, depth: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        height = 0
        while not isinstance(event := self._event(), SequenceEndEvent):
            value, below = self._value(event, (*where, len(values)), depth + 1)
            values.append(value)
            height = max(height, below)
        return values, height + 1

    def _mapping(self, where: Where, depth: int) -> tuple[dict[str, Any], int]:
        values: dict[str, Any] = {}
        first: dict[str, int] = {}
        height = 0
        while not isinstance(event := self._event(), MappingEndEvent):
            line = _line(event)
            key = self._key(event, where)
            if key in first:
                self._fail(line, f"duplicate key, first on line {first[key]}; keep one of the two", (*where, key))
            first[key] = line
            values[key], below = self._value(self._event(), (*where, key), depth + 1)
            # The key's line is where a reader looks, also when the value begins further down.
            self.lines[(*where, key)] = line
            height = max(height, below)
        return values, height + 1

    def _key(self, event: Any, where: Where) -> str:
        line = _line(event)
        self._count(1, line)
        if isinstance(event, (AliasEvent, SequenceStartEvent, MappingStartEvent)):
            self._fail(line, "a key must be a plain word", where)
        if event.tag is not None or event.anchor is not None:
            self._fail(line, "a key must be a plain word, without tag or anchor", where)
        if event.value == "<<" and event.implicit[0]:
            self._fail(line, "merge keys (<<) are not allowed; write the fields out", where)
        key = self._scalar(event, where)
        if not isinstance(key, str):
            self._fail(line, f"a key must be a word, found {describe(key)}", where)
        if len(key) > MAX_KEY:
            self._fail(line, f"a key has at most {MAX_KEY} characters, found {describe(key)}", where)
        return str(key)

    def _count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._fail(line, f"more than {MAX_NODES} values, with aliases counted as often as they are used")

    def _check_depth(self, depth: int, line: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(line, f"nested more than {MAX_DEPTH} levels deep")

    def _fail(self, line: int, message: str, where: Where = ()) -> NoReturn:
        """Refuses the text because of what stands at a line, under the key ``where``, in which it is to be found."""
        key = "".join(f"{part}." for part in where)[:-1]
        raise UsageError(visible(f"{self.place(line)}: {key}: {message}" if key else f"{self.place(line)}: {message}"))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
