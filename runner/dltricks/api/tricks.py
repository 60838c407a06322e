"""The catalogue of tricks, read from their files."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.experiment import schema


@dataclasses.dataclass(frozen=True)
class Card:
    """All there is to say of a trick: what its file says, and its hyperparameters."""

    kind: str
    name: str
    summary: str
    text: str
    """The class's docstring: formula, reference, suggested values, when it does not help."""
    fields: list[dict[str, Any]]
    """field, default, allowed and meaning of each hyperparameter."""
    source: Path


def tricks(name: str | None = None, *, plugins: Sequence[str | Path] = ()) -> list[dict[str, str]] | list[Card]:
    """All tricks as rows of kind, name and summary; or the cards of those that bear a name.

    Args:
        name: a trick's name (``adam``), a kind (``optimizer``), or both (``optimizer.adam``).
        plugins: files with tricks of the user's own.

    Raises:
        UsageError: no trick of that name.
    """
    for plugin in plugins:
        registry.add_plugin(Path(plugin))
    if name is None or name in registry.KINDS:
        kinds = [name] if name else list(registry.KINDS)
        return [
            {"kind": kind, "name": trick, "summary": registry.summary(kind, trick)}
            for kind in kinds
            for trick in registry.names(kind)
        ]
    kind, dot, trick = name.rpartition(".")
    if dot and kind not in registry.KINDS:
        raise UsageError(registry.unknown("kind", kind, list(registry.KINDS)))
    if dot:
        return [card(kind, trick)]
    found = [card(kind, trick) for kind in registry.KINDS if trick in registry.names(kind)]
    if not found:
        raise UsageError(f"unknown trick {trick!r}{_nearest(trick)} (`dltricks tricks` lists all)")
    return found


def _nearest(name: str) -> str:
    everything = {*registry.KINDS, *(trick for kind in registry.KINDS for trick in registry.names(kind))}
    near = difflib.get_close_matches(name, sorted(everything), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def card(kind: str, name: str) -> Card:
    """The card of one trick."""
    cls: Any = registry.load(kind, name)
    return Card(
        kind,
        name,
        registry.summary(kind, name),
        inspect.cleandoc(cls.__doc__ or ""),
        [
            {
                "field": field,
                "default": rules.get("default"),
                "allowed": schema.allowed_by(rules),
                "meaning": rules.get("description", "").replace("``", "`"),
            }
            for field, rules in schema.properties(cls).items()
        ],
        registry.source(kind, name),
    )
