"""Checks fields against the dataclasses that declare them, and writes the same rules as a JSON schema.

pydantic reads the dataclasses from outside and is imported only when something is checked.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import difflib
import inspect
import json
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from dltricks.core import registry
from dltricks.experiment.document import describe, unquoted
from dltricks.experiment.scalars import LARGEST

Report = Callable[[tuple[str | int, ...], str], None]
"""Takes a problem: the place below the checked mapping, and the message."""


@cache
def _adapter(cls: Any) -> Any:
    from pydantic import TypeAdapter

    strict = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
    if not hasattr(cls, "__pydantic_config__"):
        cls.__pydantic_config__ = strict
    return TypeAdapter(cls)


@cache
def properties(cls: Any) -> dict[str, dict[str, Any]]:
    """The JSON schema of each field, with default and description; the fields in their order."""
    known = _adapter(cls).json_schema().get("properties", {})
    described = descriptions(cls)
    result = {}
    for field in _fields(cls):
        schema = _draft_7(known[field.name])
        default = _default(field)
        if default is not dataclasses.MISSING:
            schema["default"] = plain(default)
        if described.get(field.name):
            schema["description"] = described[field.name]
        result[field.name] = schema
    return result


def descriptions(cls: Any) -> dict[str, str]:
    """The string below each field's declaration, also of inherited fields."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found.update(_written_in(base))
    return found


def required(cls: Any) -> list[str]:
    """The fields without a default."""
    return [field.name for field in _fields(cls) if _default(field) is dataclasses.MISSING]


def defaults(cls: Any) -> dict[str, Any]:
    """The defaults of all fields that have one, as plain values."""
    found = {field.name: _default(field) for field in _fields(cls)}
    return {name: plain(value) for name, value in found.items() if value is not dataclasses.MISSING}


def plain(value: Any) -> Any:
    """A field's value as an experiment file holds it."""
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def to_mapping(component: Any) -> dict[str, Any]:
    """All fields of a checked dataclass as plain values."""
    cls: Any = type(component)
    return {field.name: plain(getattr(component, field.name)) for field in _fields(cls)}


def build(cls: Any, values: dict[str, Any], report: Report, what: str = "") -> Any:
    """An instance of the dataclass from plain values; None, and at least one report, where they do not fit.

    ``what`` is the name of the trick, for messages about its fields.
    """
    from pydantic import ValidationError

    allowed = [field.name for field in _fields(cls)]
    good = True
    for name, value in values.items():
        if name not in allowed:
            good = False
            field = f"field of {what}" if what else "field"
            report((name,), registry.unknown(field, name, allowed) if allowed else f"{what} has no fields")
        elif _holds_null(value):
            good = False
            report((name,), NULL)
    if not good:
        return None
    if not values and not required(cls):
        # Defaults need no check, and most components of a file are nothing else: pydantic's work is spared.
        return cls()
    try:
        # The strict rules for JSON are those wanted here: a whole number may stand for a float, a list for a
        # tuple, and nothing else converts.
        return copy.copy(_validated(cls, json.dumps(_with_nulls(cls, values))))
    except ValidationError as error:
        seen = set()
        for problem in error.errors(include_url=False):
            place, message = _explain(cls, values, problem, what)
            if place not in seen:
                seen.add(place)
                report(place, message)
        return None


@lru_cache(maxsize=4096)
def _validated(cls: Any, text: str) -> Any:
    """Components of a sweep recur; each holder gets a copy of its own."""
    return _adapter(cls).validate_json(text)


NULL = "found nothing (null); write none, or leave the key out"


def mismatch(found: Any, schema: dict[str, Any]) -> str:
    """``found ..., allowed: ...``, with the nearest name or the number that was probably meant."""
    message = f"found {describe(found)}, allowed: {allowed_by(schema)}"
    if isinstance(found, float) and found.is_integer() and "a whole number" in message:
        return f"{message}; write {int(found)}" if abs(found) <= LARGEST else message
    if isinstance(found, str):
        near = difflib.get_close_matches(found, [str(choice) for choice in _choices(schema)], n=1)
        if near:
            return f"{message}; did you mean {near[0]!r}?"
        return message + unquoted(found)
    return message


def allowed_by(schema: dict[str, Any]) -> str:
    """A schema in words."""
    if "anyOf" in schema:
        return " or ".join(allowed_by(choice) for choice in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(str(choice) for choice in _choices(schema))
    kind = schema.get("type")
    if kind in ("number", "integer"):
        return ("a number" if kind == "number" else "a whole number") + _bounds(schema)
    if kind == "array":
        items = schema.get("items", {})
        least = schema.get("minItems")
        length = f" of {'' if least == schema.get('maxItems') else 'at least '}{least}" if least else ""
        each = allowed_by(items[0] if isinstance(items, list) else items)
        return f"a list{length}, each {each}"
    if kind == "string" and schema.get("minLength") == schema.get("maxLength", -1) == 1:
        return "one character"
    return {"boolean": "true or false", "string": "text", "object": "a mapping"}.get(str(kind), "a value")


@cache
def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(field for field in dataclasses.fields(cls) if field.init)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@cache
def _written_in(cls: Any) -> dict[str, str]:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None:
        return {}
    found = {}
    for node in ast.walk(ast.parse(Path(file).read_text("utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            for declared, after in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(declared, ast.AnnAssign)
                    and isinstance(declared.target, ast.Name)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                    and isinstance(after.value.value, str)
                ):
                    found[declared.target.id] = inspect.cleandoc(after.value.value)
    return found


def _draft_7(schema: Any) -> Any:
    """pydantic's dialect in the older words, ``none`` for null, and without titles made of field names."""
    if isinstance(schema, list):
        return [_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "null":
        return {"const": "none"}
    result = {key: _draft_7(value) for key, value in schema.items() if key != "title"}
    if "prefixItems" in result:
        result["items"] = result.pop("prefixItems")
    return result


def _with_nulls(cls: Any, values: dict[str, Any]) -> dict[str, Any]:
    """``none`` as None in the fields that may be absent."""
    if "none" not in values.values():
        return values
    optional = _optional(cls)
    return {name: None if name in optional and value == "none" else value for name, value in values.items()}


@cache
def _optional(cls: Any) -> frozenset[str]:
    return frozenset(name for name, schema in properties(cls).items() if {"const": "none"} in schema.get("anyOf", []))


def _holds_null(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_null(item) for item in value)
    if isinstance(value, dict):
        return any(_holds_null(item) for item in value.values())
    return value is None


def _explain(cls: Any, values: dict[str, Any], problem: Any, what: str) -> tuple[tuple[str | int, ...], str]:
    """pydantic's finding as a place and a sentence of ours."""
    location = problem["loc"]
    if not location or location[0] not in properties(cls):
        return (), str(problem.get("ctx", {}).get("error", problem["msg"]))
    name = str(location[0])
    schema: Any = properties(cls)[name]
    if problem["type"] == "missing" and len(location) == 1:
        return (), f"{what} needs {name}, which is {allowed_by(schema)}"
    place: list[str | int] = [name]
    found = values[name]
    for part in location[1:]:
        # Only into lists: in a union pydantic also names the choice that failed.
        items = schema.get("items")
        if not isinstance(part, int) or not isinstance(found, list) or part >= len(found) or items is None:
            break
        place.append(part)
        found, schema = found[part], items[part] if isinstance(items, list) else items
    return tuple(place), mismatch(found, schema)


def _choices(schema: dict[str, Any]) -> list[Any]:
    if "anyOf" in schema:
        return [choice for part in schema["anyOf"] for choice in _choices(part)]
    if "const" in schema:
        return [schema["const"]]
    return list(schema.get("enum", []))


def _bounds(schema: dict[str, Any]) -> str:
    words = []
    if "minimum" in schema:
        words.append(f"at least {schema['minimum']}")
    if "exclusiveMinimum" in schema:
        words.append(f"above {schema['exclusiveMinimum']}")
    if "maximum" in schema:
        words.append(f"at most {schema['maximum']}")
    if "exclusiveMaximum" in schema:
        words.append(f"below {schema['exclusiveMaximum']}")
    return " " + " and ".join(words) if words else ""
