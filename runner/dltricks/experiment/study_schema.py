"""The JSON schema of the keys that describe several runs: `seeds`, `sweep`, `tune`, `margin` and `baseline`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dltricks.core.registry import KINDS
from dltricks.experiment.identity import PURPOSES
from dltricks.experiment.overrides import RANGE
from dltricks.experiment.sampling import METHODS
from dltricks.experiment.scalars import LARGEST
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.experiment.sweep import SWEPT, VARIANT_NAME
from dltricks.experiment.tuning import METRICS, MOST_SEEDS

Schema = dict[str, Any]
SHARED = "#/properties/sweep/definitions"

FIELD = rf"^(({'|'.join(KINDS)})\.[A-Za-z_][A-Za-z0-9_]*|seed\.({'|'.join(PURPOSES)}))$"
"""``key.sub``, whose values only the trick knows that is chosen in the end."""


def study_keys() -> Schema:
    """The schema of each key."""
    return {"seeds": _seeds(), "sweep": _sweep(), "tune": _tune(), "margin": _margin(), "baseline": _baseline()}


def _margin() -> Schema:
    return {
        "description": "The smallest difference that matters, in units of the metric, for verdicts: only what is shown "
        "to lie beyond it helps or hurts, and what is shown to lie within it is equivalent.",
        "default": "none",
        "anyOf": [{"const": "none"}, {"type": "number", "exclusiveMinimum": 0}],
    }


def _baseline() -> Schema:
    return {
        "description": "The arm that all others are compared with, such as dropout=0; by default the neutral one, "
        "else the first.",
        "type": "string",
        "default": "none",
    }


def _seeds() -> Schema:
    seed = {"type": "integer", "minimum": 0, "maximum": TUNING_SEEDS - 1}
    return {
        "description": "Train with each of several seeds: 10 for the seeds 0..9, a range such as 0..9, or a list. "
        "Purposes that `seed` names keep theirs.",
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": TUNING_SEEDS},
            _range(),
            {"type": "array", "items": seed, "minItems": 1, "uniqueItems": True},
        ],
    }


def _sweep() -> Schema:
    keys = {key: _several({"$ref": f"#/properties/{key}"}) for key in SWEPT}
    fields = {FIELD: _several({})}
    together = {
        **_mapping({key: {"$ref": f"#/properties/sweep/properties/{key}"} for key in SWEPT}, fields),
        "minProperties": 1,
    }
    drawn = {"$ref": f"{SHARED}/drawn"}
    special = {
        "zip": {
            "description": "Keys that move together: their first values, their second values, and so on.",
            "anyOf": [together, {"type": "array", "items": together, "minItems": 1}],
        },
        "variants": {
            "description": "Named settings of several keys, such as {name: strong, dropout: 0.5, epochs: 40}.",
            "type": "array",
            "minItems": 1,
            "items": {
                **_mapping(
                    {
                        "name": {
                            "type": "string",
                            "pattern": f"^{VARIANT_NAME.pattern}$",
                            "description": "The variant's name.",
                        },
                        **{key: {"$ref": f"#/properties/{key}"} for key in SWEPT},
                    },
                    {FIELD: {}},
                ),
                "required": ["name"],
            },
        },
        "sample": {
            "description": "Points drawn from a space of several keys.",
            **_mapping(
                {
                    "method": {
                        "enum": list(METHODS),
                        "default": METHODS[0],
                        "description": "halton spreads the points evenly; random draws each by itself.",
                    },
                    "count": {"type": "integer", "minimum": 1, "description": "How many points are drawn."},
                    "seed": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": LARGEST,
                        "default": 0,
                        "description": "Of the points alone; it has nothing to do with training.",
                    },
                    "keys": {
                        "description": "For each key the bounds or the choices.",
                        **_mapping(dict.fromkeys(SWEPT, drawn), {FIELD: drawn}),
                        "minProperties": 1,
                    },
                }
            ),
            "required": ["count", "keys"],
        },
    }
    return {
        "description": "Train every combination of these values, the last key varying fastest.",
        **_mapping({**keys, **special}, fields),
        "definitions": _shared(),
    }


def _tune() -> Schema:
    options = {
        "seeds": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_SEEDS,
            "default": 3,
            "description": f"How many seeds each point is tried with; they begin at {TUNING_SEEDS:,}.",
        },
        "extend": {
            "type": "boolean",
            "default": False,
            "description": "Whether a grid grows where an arm's best value is its last one.",
        },
        "metric": {
            "enum": list(METRICS),
            "description": "What points are chosen by; by default val_accuracy, for numbers as targets val_loss.",
        },
    }
    keys = {key: {"$ref": f"#/properties/sweep/properties/{key}"} for key in SWEPT}
    return {
        "description": "Give each arm the best of these values, found with seeds that nothing is judged on.",
        **_mapping({**keys, **options}, {FIELD: _several({})}),
    }


def _several(item: Schema) -> Schema:
    """A list of values, a range, or a grid."""
    return {"anyOf": [{"type": "array", "items": item, "minItems": 1}, {"$ref": f"{SHARED}/spaced"}]}


def _shared() -> Schema:
    """What stands behind many keys, written once."""
    count = {"type": "integer", "minimum": 2, "description": "How many values, both bounds included."}
    return {
        "spaced": {"anyOf": [_range(), *_spans({"count": count}, "the values between them are at equal")]},
        "drawn": {"anyOf": [{"type": "array", "minItems": 1}, _range(), *_spans({}, "drawn by equal")]},
    }


def _spans(further: Schema, what: str) -> Iterator[Schema]:
    for grid, distance, rule in (("log", "ratios", {"exclusiveMinimum": 0}), ("linear", "distances", {})):
        bounds = {"type": "array", "items": {"type": "number", **rule}, "minItems": 2, "maxItems": 2}
        yield {
            **_mapping({grid: {**bounds, "description": f"Two bounds; {what} {distance}."}, **further}),
            "required": [grid, *further],
        }


def _range() -> Schema:
    return {
        "type": "string",
        "pattern": f"^{RANGE.pattern}$",
        "description": "Whole numbers, both ends included: 0..9.",
    }


def _mapping(keys: Schema, patterns: Schema | None = None) -> Schema:
    found: Schema = {"type": "object", "properties": keys}
    if patterns:
        found["patternProperties"] = patterns
    return {**found, "additionalProperties": False}
