import math
from dataclasses import fields

import pytest

from dltricks.engine.recipe import Recipe, Seeds
from dltricks.experiment.settings import Comparison, SeedKeys, Settings


def test_defaults_agree_with_the_recipe():
    defaults = {field.name: field.default for field in fields(Recipe)}
    for field in fields(Settings):
        if field.name != "checkpoint_seconds":
            assert field.default == defaults[field.name]


def test_every_purpose_has_a_key():
    assert [field.name for field in fields(SeedKeys)] == [field.name for field in fields(Seeds)]


@pytest.mark.parametrize(
    ("text", "met", "missed", "written"),
    [
        (">= 0.95", 0.95, 0.949, ">= 0.95"),
        ("<=1e-3", 0.001, 0.0011, "<= 0.001"),
        (" > 2 ", 2.1, 2.0, "> 2.0"),
        ("<-1", -1.1, -1.0, "< -1.0"),
    ],
)
def test_comparisons(text, met, missed, written):
    comparison = Comparison.parse(text)
    assert comparison.met(met)
    assert not comparison.met(missed)
    assert not comparison.met(math.nan)
    assert str(comparison) == written
    assert Comparison.parse(written) == comparison


@pytest.mark.parametrize("text", ["", "0.95", "= 0.95", "== 1", ">= high", ">=", ">= 95%", ">= 0.9 <= 1", ">= 1_0"])
def test_what_is_no_comparison(text):
    assert Comparison.parse(text) is None


@pytest.mark.parametrize("text", [">= 1e999", "< 012"])
def test_comparisons_with_refused_numbers(text):
    with pytest.raises(ValueError, match=r"too large|leading zeros"):
        Comparison.parse(text)
