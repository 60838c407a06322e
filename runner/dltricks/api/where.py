"""Conditions on runs, such as ``dropout<0.5 and optimizer=adam``: a small language of comparisons, never executed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, get_args

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.experiment.document import parse_value, visible
from dltricks.experiment.grids import is_number
from dltricks.experiment.scalars import read_scalar
from dltricks.experiment.settings import METRICS
from dltricks.runs.entry import Entry
from dltricks.runs.reading import Status

LONGEST = 1000
"""Characters of a condition."""
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<compare><=|>=|==|!=|=|<|>)
    |(?P<quoted>'[^']*'|"[^"]*")|(?P<list>\[[^\[\]]*\])|(?P<word>[^\s()<>=!'"\[\]]+))""",
    re.VERBOSE,
)
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FACTS: Mapping[str, Callable[[Entry], Any]] = {
    "status": lambda entry: entry.status,
    "name": lambda entry: entry.name,
    "id": lambda entry: entry.id,
    "role": lambda entry: entry.role or "none",
    "folder": lambda entry: entry.path.name,
    "seconds": lambda entry: float(entry.seconds.sum()) if entry.seconds.size else None,
}
"""What is known of a run beside its configuration and its metrics."""
MEASURED = (*METRICS, "lr", "grad_norm")
"""Names that are right even where no run has ended."""
_LINES = ("best", "final", "test")

Test = Callable[[Entry], bool]


@dataclass(frozen=True)
class Comparison:
    """One comparison of a condition."""

    key: str
    sign: str
    value: Any
    """A number, a text, true or false, or a list."""

    def __call__(self, entry: Entry) -> bool:
        """Whether it holds of a run; it holds of none that lacks the key."""
        return any(self._holds(value) for value in values(entry, self.key))

    def _holds(self, found: Any) -> bool:
        if self.sign in _ORDERS:
            number = as_number(self.key, found)
            return number is not None and _ORDERS[self.sign](number, self.value)
        return self._equals(found) is (self.sign != "!=")

    def _equals(self, found: Any) -> bool:
        if is_number(self.value):
            return as_number(self.key, found) == float(self.value)
        if isinstance(found, list) and not isinstance(self.value, list):  # such as augmentation
            return self.value in [_name(item) for item in found] or (not found and self.value == "none")
        return type(_name(found)) is type(self.value) and bool(_name(found) == self.value)


def select(entries: Sequence[Entry], where: str) -> list[Entry]:
    """The runs of which a condition holds.

    ``KEY SIGN VALUE``, with signs ``= != < <= > >=``, joined by ``and``, ``or``, ``not`` and parentheses. A key is one
    of the experiment file (``optimizer``, ``optimizer.lr``, ``seed``), a metric (of the last epoch, else of the test;
    ``best.val_accuracy`` of the best epoch), or one of ``status name id role folder seconds``. A component is compared
    by its name, or by the number that stands for it in an experiment file: ``dropout<0.5`` compares the rate, and no
    dropout counts as 0. No comparison holds of a run that lacks the key, ``!=`` included.

    Raises:
        UsageError: not a condition, or a key that no run has.
    """
    test, comparisons = _Parser(where).condition()
    for comparison in comparisons:
        if entries:
            _check(comparison, entries, where)
    return [entry for entry in entries if test(entry)]


def values(entry: Entry, key: str) -> Iterator[Any]:
    """What a run has under a key: nothing, or its value."""
    if key in _FACTS:
        fact = _FACTS[key](entry)
        if fact is not None:
            yield fact
        return
    value: Any = entry.config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            break
        value = value[part]
    else:
        yield value
        return
    line, _, metric = key.rpartition(".")
    lines = (entry.final, entry.test) if not line else (getattr(entry, line),) if line in _LINES else ()
    for found in lines:
        if found is not None and metric in found:
            yield found[metric]
            return


def as_number(key: str, value: Any) -> float | None:
    """The number that a value stands for under a key; None where it is none."""
    if is_number(value):
        return float(value)
    kind = KINDS.get(key)
    if kind is None or kind.number is None or not isinstance(value, Mapping):
        return None
    if key == "dropout" and value.get("name") == kind.neutral:
        return 0.0
    number = value.get(kind.number[1])
    return number if is_number(number) else None


def _name(value: Any) -> Any:
    if value is None:
        return "none"
    return value["name"] if isinstance(value, Mapping) and "name" in value else value


def check_key(key: str, entries: Sequence[Entry], what: str) -> Any:
    """Refuses a key that no run has and that is no metric's name; the first value that a run has under it.

    Raises:
        UsageError: the key, after ``what`` holds it; the message gives the nearest.
    """
    some = next((found for entry in entries for found in values(entry, key)), None)
    if some is None and key not in MEASURED and key not in _FACTS:
        raise UsageError(
            visible(f"{what}: {registry.unknown('key', key, sorted({*_keys(entries), *MEASURED, *_FACTS}))}")
        )
    return some


def _check(comparison: Comparison, entries: Sequence[Entry], where: str) -> None:
    """Refuses keys and words that can only be mistakes."""
    key, value = comparison.key, comparison.value
    some = check_key(key, entries, f"--where {where!r}")
    if comparison.sign in _ORDERS:
        if isinstance(_name(some), str) and as_number(key, some) is None and isinstance(some, Mapping):
            numeric = [f"{key}.{field}" for field, item in some.items() if is_number(item)]
            if not any(as_number(key, found) is not None for entry in entries for found in values(entry, key)):
                hint = f"; compare {' or '.join(numeric[:3])}" if numeric else ""
                _refuse(where, f"{key} is no number{hint}")
        return
    if key == "status" and value not in get_args(Status):
        _refuse(where, registry.unknown("status", str(value), list(get_args(Status))))
    if key in KINDS and isinstance(value, str):
        used = {item for entry in entries for found in values(entry, key) for item in _names(found)}
        known = {*used, *registry.names(key), *filter(None, [KINDS[key].neutral])}
        if value not in known:
            _refuse(where, registry.unknown(key, value, sorted(known)))


def _names(value: Any) -> Iterable[str]:
    items = value if isinstance(value, list) else [value]
    return [name for item in items if isinstance(name := _name(item), str)]


def _keys(entries: Sequence[Entry]) -> Iterator[str]:
    seen: set[tuple[str, int]] = set()
    for entry in entries:
        for key, value in entry.config.items():
            if (key, id(value)) not in seen:
                seen.add((key, id(value)))
                yield key
                if isinstance(value, Mapping):
                    yield from (f"{key}.{field}" for field in value)
        for line in (entry.final, entry.test):
            yield from line or ()


def _refuse(where: str, problem: str) -> NoReturn:
    raise UsageError(visible(f"--where {where!r}: {problem}"))


class _Parser:
    """Reads a condition from left to right; ``or`` binds less than ``and``, and that less than ``not``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.comparisons: list[Comparison] = []
        if len(text) > LONGEST:
            raise UsageError(f"--where: {len(text):,} characters, more than the {LONGEST:,} that a condition may have")
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found or not found.lastgroup:
                self._fail(f"cannot read on at {text[at:].strip()[:20]!r}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self.at = 0

    def condition(self) -> tuple[Test, list[Comparison]]:
        """The test and the comparisons in it."""
        test = self._or(0)
        if self.at < len(self.tokens):
            self._fail(f"expected and, or, or the end, found {self.tokens[self.at][1]!r}")
        return test, self.comparisons

    def _or(self, depth: int) -> Test:
        tests = [self._and(depth)]
        while self._take("word", "or"):
            tests.append(self._and(depth))
        return tests[0] if len(tests) == 1 else lambda entry: any(test(entry) for test in tests)

    def _and(self, depth: int) -> Test:
        tests = [self._not(depth)]
        while self._take("word", "and"):
            tests.append(self._not(depth))
        return tests[0] if len(tests) == 1 else lambda entry: all(test(entry) for test in tests)

    def _not(self, depth: int) -> Test:
        if depth > _DEEPEST:
            self._fail("nested too deeply")
        if self._take("word", "not"):
            test = self._not(depth + 1)
            return lambda entry: not test(entry)
        if self._take("open", "("):
            test = self._or(depth + 1)
            if not self._take("close", ")"):
                self._fail("a parenthesis is not closed")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        kind, key = self._next("a key such as optimizer.lr")
        if kind != "word":
            self._fail(f"expected a key such as optimizer.lr, found {key!r}")
        kind, sign = self._next(f"a comparison after {key!r}")
        if kind != "compare":
            self._fail(f"expected one of = != < <= > >= after {key!r}, found {sign!r}")
        kind, text = self._next(f"a value after {key + sign!r}")
        if kind not in ("word", "quoted", "list"):
            self._fail(f"expected a value after {key + sign!r}, found {text!r}")
        value = self._value(kind, text)
        if sign in _ORDERS and not is_number(value):
            self._fail(f"{sign} compares numbers, found {text!r}")
        comparison = Comparison(key, "=" if sign == "==" else sign, value)
        self.comparisons.append(comparison)
        return comparison

    def _value(self, kind: str, text: str) -> Any:
        try:
            return text[1:-1] if kind == "quoted" else parse_value(text, "value") if kind == "list" else _scalar(text)
        except (ValueError, UsageError) as error:
            self._fail(str(error))

    def _next(self, expected: str) -> tuple[str, str]:
        if self.at == len(self.tokens):
            self._fail(f"expected {expected}, found the end")
        self.at += 1
        return self.tokens[self.at - 1]

    def _take(self, kind: str, text: str) -> bool:
        taken = self.at < len(self.tokens) and self.tokens[self.at] == (kind, text)
        self.at += taken
        return taken

    def _fail(self, problem: str) -> NoReturn:
        _refuse(self.text, problem)


def _scalar(text: str) -> Any:
    value = read_scalar(text)
    return "none" if value is None else value
