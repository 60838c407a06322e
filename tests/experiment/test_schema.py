from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from annotated_types import Ge

from dltricks.core import registry
from dltricks.core.component import Component
from dltricks.core.types import Decay, Positive, Rate, Size
from dltricks.experiment.schema import build, properties, required, to_mapping


@dataclass
class Base(Component):
    inherited: Positive = 1.0
    """From the base."""


@dataclass
class Everything(Base):
    path: str = "x"
    rate: Rate = 0.5
    """How much."""
    size: Size | None = None
    widths: list[Size] = field(default_factory=lambda: [3])
    pair: tuple[Decay, Decay] = (0.9, 0.99)
    mode: Literal["fast", "slow"] = "fast"
    share: Annotated[float, Ge(0)] | Literal["all"] = "all"
    flag: bool = False

    def __post_init__(self):
        if self.path == "bad":
            raise ValueError("bad is not a path")


@dataclass
class Needy(Component):
    path: str


def problems(values, cls=Everything):
    found = []
    assert build(cls, values, lambda where, message: found.append((where, message)), "thing") is None
    return found


def accepted(values):
    def refuse(where, message):
        raise AssertionError((where, message))

    return build(Everything, values, refuse, "thing")


def test_values_become_what_the_fields_declare():
    thing = accepted({"inherited": 2, "size": 3, "widths": [1, 2], "pair": [0, 0.5], "share": 1, "flag": True})
    assert to_mapping(thing) == {
        "inherited": 2.0,
        "path": "x",
        "rate": 0.5,
        "size": 3,
        "widths": [1, 2],
        "pair": [0.0, 0.5],
        "mode": "fast",
        "share": 1.0,
        "flag": True,
    }
    assert [type(v) for v in (thing.inherited, thing.pair[0], thing.share)] == [float] * 3
    assert thing.pair == (0.0, 0.5)


def test_none_is_the_word_for_absent():
    assert accepted({"size": "none"}).size is None
    assert accepted({"path": "none"}).path == "none"
    assert to_mapping(accepted({}))["size"] == "none"


@pytest.mark.parametrize(
    ("values", "where", "words"),
    [
        (
            {"rate": "1e-3"},
            ("rate",),
            "found the text '1e-3', allowed: a number at least 0 and below 1; write 1e-3",
        ),
        ({"rate": True}, ("rate",), "found true, allowed: a number"),
        ({"rate": 1}, ("rate",), "found 1, allowed: a number at least 0 and below 1"),
        ({"inherited": 0}, ("inherited",), "found 0, allowed: a number above 0"),
        ({"inherited": []}, ("inherited",), "found an empty list"),
        ({"size": 3.0}, ("size",), "found 3.0, allowed: a whole number above 0 or none; write 3"),
        ({"size": "1_000"}, ("size",), "write 1000 without quotes"),
        ({"size": None}, ("size",), "write none"),
        ({"widths": [1, None]}, ("widths",), "write none"),
        ({"widths": 3}, ("widths",), "found 3, allowed: a list, each a whole number above 0"),
        ({"widths": [1, -2]}, ("widths", 1), "found -2, allowed: a whole number above 0"),
        ({"pair": [0.5]}, ("pair",), "allowed: a list of 2, each a number"),
        ({"pair": [0.5, 2]}, ("pair", 1), "found 2"),
        ({"mode": "fsat"}, ("mode",), "allowed: fast, slow; did you mean 'fast'?"),
        ({"share": "al"}, ("share",), "allowed: a number at least 0 or all; did you mean 'all'?"),
        ({"flag": "no"}, ("flag",), "found the text 'no', allowed: true or false"),
        ({"path": 3}, ("path",), "found 3, allowed: text"),
        ({"path": "bad"}, (), "bad is not a path"),
        ({"rte": 1}, ("rte",), "unknown field of thing 'rte'; did you mean 'rate'?"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(values, where, words):
    [(place, message)] = problems(values)
    assert place == where
    assert words in message


def test_several_problems_at_once_and_missing_fields():
    assert [where for where, _ in problems({"rate": 2, "size": 0})] == [("rate",), ("size",)]
    assert problems({}, Needy) == [((), "thing needs path, which is text")]


def test_properties_carry_bounds_defaults_and_descriptions():
    schema = properties(Everything)
    assert list(schema)[:3] == ["inherited", "path", "rate"]
    assert schema["rate"] == {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.5,
        "description": "How much.",
    }
    assert schema["inherited"]["description"] == "From the base."
    assert schema["size"]["anyOf"][1] == {"const": "none"}
    assert schema["size"]["default"] == "none"
    assert schema["widths"]["default"] == [3]
    assert isinstance(schema["pair"]["items"], list)
    assert required(Needy) == ["path"]


@pytest.mark.parametrize(
    ("kind", "name", "values", "words"),
    [
        ("architecture", "mlp", {"hidden": []}, "an empty list, allowed: a list of at least 1, each a whole number"),
        ("dataset", "csv", {"path": "x", "target": "y", "delimiter": ""}, "the text '', allowed: one character"),
    ],
)
def test_lengths_are_among_what_is_allowed(kind, name, values, words):
    found = []
    assert build(registry.load(kind, name), values, lambda where, message: found.append(message), name) is None
    assert len(found) == 1
    assert words in found[0]
