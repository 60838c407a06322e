from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
from cli.shell import Call, process
from cli.test_plugins import PLUGIN

import dltricks
from dltricks.cli.tricks import command, reflowed
from dltricks.core import registry


def test_the_catalogue_by_kind(folder: Path) -> None:
    found = process("tricks", cwd=folder, env={"COLUMNS": "80"})
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert max(map(len, lines)) <= 80
    kinds = [line.strip() for line in lines if line and not line.startswith(" ")]
    assert kinds == [*(kind for kind in registry.KINDS if registry.names(kind)), "dltricks tricks NAME shows a card."]
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert names == [row["name"] for row in dltricks.tricks()]


def test_one_kind(cli: Call) -> None:
    assert [row["name"] for row in json.loads(cli("tricks", "schedule", "--json").out)] == registry.names("schedule")
    assert cli("tricks", "schedule").out.startswith("schedule\n  constant")


def test_csv_and_markdown(cli: Call) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("tricks", "--format", "csv").out)))
    assert rows == dltricks.tricks()
    assert cli("tricks", "--format", "markdown").out.startswith("| kind | name | summary |\n| --- | --- | --- |\n")


def test_a_card(folder: Path) -> None:
    found = process("tricks", "adam", cwd=folder, env={"COLUMNS": "80"})
    assert (found.code, found.err) == (0, "")
    (card,) = dltricks.tricks("adam")
    assert found.out.startswith(f"optimizer: adam\n{card.summary}\n\n")
    for line in card.text.partition("\n\n")[0].splitlines():
        assert line in found.out
    for part in ("Reference: ", "Suggested: ", "Does not help when "):
        assert f"\n{part}" in found.out
    assert ["eps", "1e-08", "a", "number", "above", "0"] in [line.split() for line in found.out.splitlines()]
    assert found.out.endswith(f"\nsource: {card.source}\n")
    assert "``" not in found.out


def test_every_card_fits_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for row in dltricks.tricks():
        command(f"{row['kind']}.{row['name']}")
        lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("source: ")]
        assert max(map(len, lines)) <= 80, row


def test_cards_in_other_formats(cli: Call) -> None:
    (card,) = dltricks.tricks("adam")
    assert json.loads(cli("tricks", "adam", "--json").out) == [{**vars(card), "source": str(card.source)}]
    rows = list(csv.DictReader(io.StringIO(cli("tricks", "adam", "--format", "csv").out)))
    assert [(row["name"], row["field"], float(row["default"])) for row in rows] == [
        ("adam", field["field"], field["default"]) for field in card.fields
    ]
    assert "| eps | 1e-08 | a number above 0 |" in cli("tricks", "adam", "--format", "markdown").out


def test_a_name_of_several_kinds_shows_each(cli: Call) -> None:
    found = cli("tricks", "none").out.splitlines()
    shown = [line for line in found if line.endswith(": none")]
    assert shown == [f"{kind}: none" for kind in registry.KINDS if "none" in registry.names(kind)]


def test_a_plugin(cli: Call, folder: Path) -> None:
    (folder / "halves.py").write_text(PLUGIN)
    assert "Halves: every value becomes half of itself." in cli("tricks", "--plugin", "halves.py").out
    registry.forget_plugins()
    found = cli("tricks", "halves", "--plugin", "halves.py").out
    assert found.startswith("activation: halves\n")
    assert f"source: {folder.resolve() / 'halves.py'}" in found


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_plugin_is_only_text(cli: Call, folder: Path) -> None:
    hostile = PLUGIN.replace("Halves: every", "\\x1b[31m[red]Halves: every").replace("y = x / 2", "\\x1b[31my = [red]x")
    (folder / "halves.py").write_text(hostile)
    for arguments in (["activation"], ["halves"]):
        for format in ("table", "markdown", "csv", "json"):
            found = cli("tricks", *arguments, "--plugin", "halves.py", "--format", format)
            assert found.code == 0
            assert "\x1b" not in found.out
    assert "[red]" in cli("tricks", "halves", "--plugin", "halves.py").out


@pytest.mark.parametrize(
    "content",
    ["", "syntax error here", "1 / 0", PLUGIN.replace("(Base)", ""), PLUGIN + PLUGIN.replace("Halves", "Two")],
)
def test_plugins_that_are_none(cli: Call, folder: Path, content: str) -> None:
    (folder / "bad.py").write_text(content)
    found = cli("tricks", "--plugin", "bad.py")
    assert found.code == 2
    assert "bad.py" in found.err


def test_an_unknown_name(cli: Call) -> None:
    found = cli("tricks", "adm")
    assert found.code == 2
    assert found.err == "dltricks: error: unknown trick 'adm'; did you mean 'adam'? (`dltricks tricks` lists all)\n"


def test_formulas_keep_their_lines_and_prose_does_not() -> None:
    text = "a = b\nc = d\n\nSome ``prose`` that\ngoes on.\n\nReference: one,\ntwo.\nSuggested: three."
    assert reflowed(text) == "a = b\nc = d\n\nSome `prose` that goes on.\n\nReference: one, two.\nSuggested: three."
