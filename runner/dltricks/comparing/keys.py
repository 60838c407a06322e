"""In which keys configurations differ, and how their values are called where only the differences are said."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from dltricks.core.registry import KINDS
from dltricks.core.spelling import spell
from dltricks.experiment.identity import NOT_IDENTITY

Config = Mapping[str, Any]


_BESIDE = frozenset((*NOT_IDENTITY, "seed"))


def group_keys(configs: Sequence[Config]) -> list[str]:
    """Of each a text that configurations share exactly where they differ in seeds and in what decides nothing alone."""
    # Configurations that were read together have most of their values in common, as the same objects.
    texts: dict[tuple[tuple[str, ...], tuple[int, ...]], str] = {}
    kept: dict[tuple[str, ...], list[str]] = {}
    found = []
    for config in configs:
        names = tuple(config)
        if names not in kept:
            kept[names] = [name for name in names if name not in _BESIDE]
        same = (names, tuple([id(config[name]) for name in kept[names]]))
        if same not in texts:
            texts[same] = json.dumps({name: config[name] for name in kept[names]}, sort_keys=True)
        found.append(texts[same])
    return found


def differing(configs: Sequence[Config]) -> list[dict[str, Any]]:
    """For each configuration the keys in which they differ, with its own values as short as they can be said.

    ``{name: dropout, rate: 0.5}`` is 0.5 where that number says it all, and of components with one name only the
    fields that differ are said: ``optimizer.lr``. A key that a configuration lacks, as those of another version do,
    is None.
    """
    keys = dict.fromkeys(key for config in configs for key in config if key not in (*NOT_IDENTITY, "seed"))
    found: list[dict[str, Any]] = [{} for _ in configs]
    for key in keys:
        values = [config.get(key) for config in configs]
        if all(value == values[0] for value in values):
            continue
        for said, short in zip(found, _said(key, values), strict=True):
            said.update({name: _plain(each) for name, each in short.items()})
    return found


def label(varied: Mapping[str, Any]) -> str:
    """As studies call their arms: ``dropout=0.5,optimizer.lr=0.01``."""
    return ",".join(f"{key}={spell(value)}" for key, value in varied.items())


def order(varied: Mapping[str, Any]) -> tuple[tuple[bool, float, str], ...]:
    """Sorts variants: ``none`` first, then numbers by size, then names."""
    return tuple(
        (False, float(value), "")
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else (value not in ("none", None), -math.inf, spell(value))
        for value in varied.values()
    )


def is_neutral(key: str, value: Any) -> bool:
    """Whether a component of the configuration does what its absence does: none, a dropout rate or a strength of 0."""
    kind = KINDS.get(key)
    if kind is None or kind.neutral is None:
        return False
    if kind.many:
        return value in ([], "none", None)
    if not isinstance(value, Mapping):
        return bool(value == kind.neutral)
    if value.get("name") == kind.neutral:
        return True
    return key in ("dropout", "penalty") and any(value.get(field) == 0 for field in ("rate", "strength"))


def _said(key: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    named = [value if isinstance(value, Mapping) and "name" in value else None for value in values]
    names = {value["name"] for value in named if value is not None}
    if len(names) == 1 and None not in named:
        fields = _fields([value for value in named if value is not None])
        number = KINDS[key].number if key in KINDS else None
        if number is not None and names == {number[0]} and fields == [number[1]]:
            return [{key: value[number[1]]} for value in values]
        return [{f"{key}.{field}": value.get(field) for field in fields} for value in values]
    by_name = {
        name: _fields([value for value in named if value is not None and value["name"] == name]) for name in names
    }
    return [
        {key: value if mine is None else _short(key, mine, by_name)} for value, mine in zip(values, named, strict=True)
    ]


def _short(key: str, value: Config, by_name: Mapping[str, list[str]]) -> Any:
    """A component by its name, and the fields in which it differs from others of this name."""
    number, fields = KINDS[key].number if key in KINDS else None, by_name[value["name"]]
    if number is not None and value["name"] == number[0] and set(fields) <= {number[1]}:
        return value.get(number[1])
    return {"name": value["name"], **{field: value.get(field) for field in fields}} if fields else value["name"]


def _plain(value: Any) -> Any:
    """A whole number without the point that a configuration gives it, as people write it."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 10**15 else value


def _fields(components: Sequence[Config]) -> list[str]:
    """The fields in which components of one name differ."""
    fields = dict.fromkeys(field for component in components for field in component if field != "name")
    return [field for field in fields if any(each.get(field) != components[0].get(field) for each in components)]
