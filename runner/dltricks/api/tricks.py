"""The catalogue of tricks, read from their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltricks.core import registry
from dltricks.core.errors import UsageError


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
    kind, _, trick = name.rpartition(".")
    kinds = [kind] if kind else list(registry.KINDS)
    found = [card(k, trick) for k in kinds if k in registry.KINDS and trick in registry.names(k)]
    if not found:
        everything = sorted({t for k in registry.KINDS for t in registry.names(k)})
        raise UsageError(registry.unknown("trick", trick, everything))
    return found


def card(kind: str, name: str) -> Card:
    """The card of one trick."""
    import inspect

    from dltricks.experiment import schema

    cls = registry.load(kind, name)
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
                "meaning": rules.get("description", ""),
            }
            for field, rules in schema.properties(cls).items()
        ],
        registry.source(kind, name),
    )
