"""Tricks of the user's own, from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli.shell import Call, only_run, process, tree

PLUGIN = '''\
"""Halves: every value becomes half of itself."""
from dataclasses import dataclass

from dltricks.activations.relu import Relu as Base


@dataclass
class Halves(Base):
    """y = x / 2

    Reference: none.
    """
'''


def test_a_plugin_becomes_part_of_the_run(cli: Call, folder: Path) -> None:
    (folder / "halves.py").write_text(PLUGIN)
    assert cli("train", "small.yaml", "activation=halves").code == 2
    assert cli("train", "small.yaml", "activation=halves", "--plugin", "halves.py").code == 0
    run = only_run(folder / "runs")
    assert (run / "plugins" / "halves.py").read_text() == PLUGIN
    (folder / "halves.py").unlink()
    found = process("evaluate", run, cwd=folder)
    assert (found.code, found.err) == (0, "")


def test_the_code_of_a_plugin_identifies_the_run(folder: Path) -> None:
    for content in (PLUGIN, PLUGIN + "# other code\n"):
        (folder / "halves.py").write_text(content)
        assert process("train", "small.yaml", "activation=halves", "--plugin", "halves.py", cwd=folder).code == 0
    assert len(list(folder.glob("runs/small/*"))) == 2


def test_a_plugin_cannot_take_a_name_that_exists(cli: Call, folder: Path) -> None:
    (folder / "relu.py").write_text(PLUGIN)
    before = tree(folder)
    found = cli("train", "small.yaml", "--plugin", "relu.py")
    assert found.code == 2
    assert "relu.py" in found.err
    assert "activations/relu.py" in found.err.replace(os.sep, "/")
    assert tree(folder) == before


RAISES = "        raise TypeError('unfit')"


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (PLUGIN + f"    def forward(self, x, context):\n{RAISES}\n", ["TypeError: unfit", "line 14"]),
        (PLUGIN + f"    def __post_init__(self):\n{RAISES}\n", ["TypeError: unfit"]),
        (PLUGIN + "    def forward(self, x, context):\n        return None\n", ["Error: "]),
        (PLUGIN + "    slope: float = 'steep'\n", ["activation.slope", "'steep'", "a number"]),
    ],
)
def test_a_plugin_that_fails_is_named(cli: Call, folder: Path, plugin: str, words: list[str]) -> None:
    (folder / "halves.py").write_text(plugin)
    found = cli("train", "small.yaml", "activation=halves", "--plugin", "halves.py")
    assert found.code == 2
    assert "bug:" not in found.err
    for word in ["halves.py", *words]:
        assert word in found.err


def test_a_plugin_that_fails_shows_where_under_debug(folder: Path) -> None:
    (folder / "halves.py").write_text(PLUGIN + f"    def forward(self, x, context):\n{RAISES}\n")
    found = process("train", "small.yaml", "activation=halves", "--plugin", "halves.py", "--debug", cwd=folder)
    assert found.err.startswith("Traceback")
    assert found.err.rstrip().endswith("TypeError: unfit")
