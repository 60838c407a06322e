"""The JSON schema of the whole experiment file."""

from __future__ import annotations

import inspect
from typing import Any

from dltricks.core import registry
from dltricks.core.folder_name import LONGEST
from dltricks.core.registry import KINDS, Kind
from dltricks.experiment.schema import properties, required
from dltricks.experiment.settings import COMPARISON, METRICS, SeedKeys, Settings
from dltricks.experiment.study_schema import study_keys


def json_schema() -> dict[str, Any]:
    """The whole experiment file as a JSON schema (draft 7), for editors; plugins that are loaded included."""
    definitions: dict[str, Any] = {}
    keys: dict[str, Any] = {
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST,
            "description": "The folder below runs/ that collects the runs; by default the name of the file.",
        }
    }
    for kind in KINDS.values():
        keys[kind.key] = _kind_schema(kind, definitions)
    keys.update(properties(Settings))
    seeds = properties(SeedKeys)
    keys["seed"] = {
        "description": "The seed of everything random, or one for each purpose (a missing one is 0).",
        "default": 0,
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": seeds["init"]["maximum"]},
            {"type": "object", "properties": seeds, "additionalProperties": False},
        ],
    }
    comparison = {"type": "string", "pattern": rf"^\s*{COMPARISON}\s*$"}
    keys["expect"] = {
        "description": 'What metrics must reach, as in {val_accuracy: ">= 0.95"}; else exit code 9.',
        "type": "object",
        "properties": dict.fromkeys(METRICS, comparison),
        "additionalProperties": False,
    }
    keys["plugins"] = {
        "description": "Python files with tricks of your own, relative to this file.",
        "type": "array",
        "items": {"type": "string"},
        "default": [],
    }
    keys.update(study_keys())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "dltricks experiment",
        "description": "One training, described trick by trick, or several that differ in seeds and a few values.",
        "type": "object",
        "properties": keys,
        "additionalProperties": False,
        "definitions": definitions,
    }


def _kind_schema(kind: Kind, definitions: dict[str, Any]) -> dict[str, Any]:
    names = registry.names(kind.key)
    alone, choices = [], []
    for name in names:
        cls: Any = registry.load(kind.key, name)
        definitions[f"{kind.key}.{name}"] = _component_schema(kind, name, cls)
        choices.append({"$ref": f"#/definitions/{kind.key}.{name}"})
        if not required(cls):
            alone.append(name)
    one: list[dict[str, Any]] = [{"enum": alone}]
    if kind.number is not None:
        name, field = kind.number
        numbered: Any = registry.load(kind.key, name)
        number = {key: rule for key, rule in properties(numbered)[field].items() if key != "default"}
        one.append({**number, "description": f"The same as {{name: {name}, {field}: ...}}."})
    one += choices
    summaries = "\n".join(f"- {name}: {registry.summary(kind.key, name)}" for name in names)
    return {
        "description": f"One of:\n{summaries}" if names else "none",
        "default": kind.default,
        "anyOf": [{"const": kind.default}, *one, {"type": "array", "items": {"anyOf": one}}] if kind.many else one,
    }


def _component_schema(kind: Kind, name: str, cls: Any) -> dict[str, Any]:
    formula = (inspect.getdoc(cls) or "").partition("\n\n")[0]
    fields = {
        field: {**schema, "description": schema.get("description", formula)}
        for field, schema in properties(cls).items()
    }
    summary = registry.summary(kind.key, name)
    return {
        "title": f"{kind.key}: {name}",
        "description": f"{summary}\n\n{formula}",
        "type": "object",
        "properties": {"name": {"const": name, "description": summary}, **fields},
        "required": ([] if kind.unnamed == name else ["name"]) + required(cls),
        "additionalProperties": False,
    }
