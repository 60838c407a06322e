from __future__ import annotations

from pathlib import Path

from cli.shell import Call, process, tree


def test_the_starter_trains(folder: Path) -> None:
    found = process("init", cwd=folder)
    assert (found.code, found.err) == (0, "")
    assert found.out == "wrote experiment.yaml\nnext: dltricks train experiment.yaml\n"
    assert process("check", "experiment.yaml", cwd=folder).code == 0
    assert process("train", "experiment.yaml", cwd=folder).code == 0


def test_what_to_type_next_is_quoted(cli: Call, folder: Path) -> None:
    assert cli("init", "my file.yaml").out == "wrote my file.yaml\nnext: dltricks train 'my file.yaml'\n"
    assert "# Train with:   dltricks train 'my file.yaml'\n" in (folder / "my file.yaml").read_text()


def test_it_refuses_to_overwrite(cli: Call, folder: Path) -> None:
    before = tree(folder)
    found = cli("init", "small.yaml")
    assert found.code == 2
    assert found.err == "dltricks: error: small.yaml exists already; give another name\n"
    assert tree(folder) == before


def test_escape_codes(cli: Call, folder: Path) -> None:
    before = tree(folder)
    found = cli("init", "\x1b[31m.yaml")
    assert found.code == 2
    assert "\x1b" not in found.err
    assert tree(folder) == before
