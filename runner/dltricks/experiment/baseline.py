"""What a comparison is told beforehand: the arm that all others are compared with, and the smallest difference that
matters."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from typing import Any

from dltricks.core.errors import UsageError
from dltricks.core.spelling import spell
from dltricks.experiment.document import Document, describe, unquoted, visible
from dltricks.experiment.overrides import read_value, split_values
from dltricks.experiment.values import same

NAMED = 8
"""Arms that a message names at most."""


def read_margin(document: Document) -> float | None:
    """What stands under `margin`.

    Raises:
        UsageError: anything but a finite number above 0, or none.
    """
    value = document.value.get("margin", "none")
    if value == "none":
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        allowed = "a number above 0, the smallest difference of the metric that matters, or none"
        raise UsageError(document.error(("margin",), f"found {describe(value)}, allowed: {allowed}{unquoted(value)}"))
    return float(value)


def read_baseline(document: Document, arms: Mapping[str, Mapping[str, Any]], *, replaced: bool) -> str | None:
    """The label of the arm under `baseline`; None where none is given.

    Args:
        document: the file with what the command line says.
        arms: by label, the values in which each differs from the others.
        replaced: whether single values took the place of the file's sweep, which leaves nothing to compare.

    Raises:
        UsageError: no arm, or several, of that description.
    """
    value = document.value.get("baseline", "none")
    if value == "none":
        return None
    if not isinstance(value, str):
        allowed = "the label of an arm, such as dropout=0, or none"
        raise UsageError(document.error(("baseline",), f"found {describe(value)}, allowed: {allowed}"))
    if not arms:
        if replaced and ("baseline",) not in document.origins:
            return None
        message = f"found {describe(value)}, but there is one arm only, and nothing to compare it with; leave it out"
        raise UsageError(document.error(("baseline",), message))
    try:
        return find_arm(value, arms)
    except UsageError as error:
        raise UsageError(document.error(("baseline",), str(error))) from error


def find_arm(text: str, arms: Mapping[str, Mapping[str, Any]]) -> str:
    """The label of the only arm that a text describes: its label, or values that no other arm has.

    Args:
        text: ``dropout=0``, ``optimizer=sgd,optimizer.lr=0.1``, or the name of a variant.
        arms: by label, the values in which each differs from the others.

    Raises:
        UsageError: none or several; the message gives the nearest.
    """
    if text in arms:
        return text
    pairs = [part.partition("=") for part in split_values(text)]
    wanted = {key.strip(): value.strip() for key, equals, value in pairs if equals}
    found: list[str] = []
    if len(wanted) == len(pairs):
        found = [
            label
            for label, varied in arms.items()
            if all(key in varied and _is(value, varied[key]) for key, value in wanted.items())
        ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(visible(f"found {text!r}, which describes {len(found)} arms: {_listed(found)}"))
    near = difflib.get_close_matches(text, list(arms), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UsageError(visible(f"found {text!r}, which is none of the arms ({_listed(arms)}){hint}"))


def _is(text: str, value: Any) -> bool:
    """Whether a text stands for a value: spelled like it, equal to it, or the name of it."""
    if text == spell(value) or (isinstance(value, Mapping) and text == value.get("name")):
        return True
    try:
        return same(read_value(text, "")) == same(value)
    except UsageError:
        return False


def _listed(labels: Collection[str]) -> str:
    some = [label if len(label) <= 60 else f"{label[:60]}..." for label in list(labels)[:NAMED]]
    rest = len(labels) - len(some)
    return ", ".join(some) + (f" and {rest} more" if rest else "")
