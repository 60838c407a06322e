from __future__ import annotations

from pathlib import Path

import pytest
from cli.test_plugins import PLUGIN

import dltricks
from dltricks.api.tricks import Card
from dltricks.core import registry
from dltricks.core.errors import UsageError


def test_the_catalogue_is_the_registry() -> None:
    found = dltricks.tricks()
    assert [(row["kind"], row["name"]) for row in found] == [
        (kind, name) for kind in registry.KINDS for name in registry.names(kind)
    ]
    assert all(row["summary"].endswith(".") for row in found)


def test_one_kind() -> None:
    assert {row["kind"] for row in dltricks.tricks("optimizer")} == {"optimizer"}


def test_a_card() -> None:
    (card,) = dltricks.tricks("adam")
    assert isinstance(card, Card)
    assert (card.kind, card.name) == ("optimizer", "adam")
    assert card.summary.startswith("Adam: ")
    for part in ("p <- p - lr", "Reference: ", "Suggested: ", "Does not help when "):
        assert part in card.text
    assert card.fields[0] == {"field": "lr", "default": 1e-3, "allowed": "a number above 0", "meaning": ""}
    assert [field["field"] for field in card.fields] == ["lr", "b1", "b2", "eps"]
    assert card.source.name == "adam.py"
    assert card.source.is_file()


def test_every_trick_has_a_card() -> None:
    for row in dltricks.tricks():
        (card,) = dltricks.tricks(f"{row['kind']}.{row['name']}")
        assert card.text
        assert all(field["allowed"] for field in card.fields)


def test_a_name_of_several_kinds() -> None:
    kinds = [card.kind for card in dltricks.tricks("none")]
    assert len(kinds) > 3
    assert kinds == [kind for kind in registry.KINDS if "none" in registry.names(kind)]
    (card,) = dltricks.tricks("dropout.none")
    assert card.kind == "dropout"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adm", r"^unknown trick 'adm'; did you mean 'adam'\? \(`dltricks tricks` lists all\)$"),
        ("optimizr", "unknown trick 'optimizr'; did you mean 'optimizer'"),
        ("qqqqq", r"^unknown trick 'qqqqq' \(`dltricks tricks` lists all\)$"),
        ("optimiser.adam", r"unknown kind 'optimiser'; did you mean 'optimizer'\? \(allowed: dataset, "),
        ("optimizer.relu", r"unknown optimizer 'relu' \(allowed: .*adam"),
        ("", "unknown trick ''"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        dltricks.tricks(name)


def test_a_plugin_joins_the_catalogue(folder: Path) -> None:
    (folder / "halves.py").write_text(PLUGIN)
    rows = dltricks.tricks("activation", plugins=["halves.py"])
    assert {"kind": "activation", "name": "halves", "summary": "Halves: every value becomes half of itself."} in rows
    (card,) = dltricks.tricks("halves")
    assert card.source == (folder / "halves.py").resolve()
