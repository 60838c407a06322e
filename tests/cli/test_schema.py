from __future__ import annotations

import json
from pathlib import Path

from cli.shell import Call, process, tree
from cli.test_plugins import PLUGIN

import dltricks


def test_as_a_process(folder: Path) -> None:
    found = process("schema", cwd=folder)
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out) == dltricks.schema()


def test_a_file_holds_what_stdout_gets(cli: Call, folder: Path) -> None:
    shown = cli("schema").out
    found = cli("schema", "--output", "out.json")
    assert (found.code, found.out, found.err) == (0, "", "")
    assert (folder / "out.json").read_bytes() == shown.encode()
    assert cli("schema", "-o", "out.json").code == 0  # written anew


def test_places_that_are_none(cli: Call, folder: Path) -> None:
    before = tree(folder)
    for path, words in ((".", ". is a folder"), ("nowhere/out.json", "nowhere is not a folder")):
        found = cli("schema", "-o", path)
        assert found.code == 2
        assert words in found.err
    assert tree(folder) == before


def test_plugins(cli: Call, folder: Path) -> None:
    (folder / "halves.py").write_text(PLUGIN)
    assert "activation.halves" in json.loads(cli("schema", "--plugin", "halves.py").out)["definitions"]
