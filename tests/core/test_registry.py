from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS, Kind

PLUGIN = '''"""Doubling: twice the learning rate."""
from dataclasses import dataclass
from dltricks.core.schedule import Progress, Schedule


@dataclass
class Doubling(Schedule):
    """factor = 2"""

    def course(self, progress: Progress) -> float:
        return 2.0
'''


LAYER = '''"""Same: an activation that does nothing."""
from dataclasses import dataclass
from dltricks.core.activation import Activation


@dataclass
class Same(Activation):
    """y = x"""

    def forward(self, x, context):
        return x

    def backward(self, dy):
        return dy
'''


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    registry.forget_plugins()


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_default_exists(kind: str) -> None:
    if not KINDS[kind].many:
        assert KINDS[kind].default in registry.names(kind)


def test_names_are_files_and_the_class_knows_its_name() -> None:
    assert "adam" in registry.names("optimizer")
    assert registry.load("optimizer", "adam").name() == "adam"
    assert registry.source("optimizer", "adam").name == "adam.py"
    assert registry.summary("optimizer", "adam").startswith("Adam: ")


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown optimizer 'momentun'; did you mean 'momentum'") as caught:
        registry.load("optimizer", "momentun")
    assert "allowed: " in str(caught.value)


def test_a_plugin_is_a_trick_like_any_other(tmp_path: Path) -> None:
    plugin = registry.add_plugin(write(tmp_path / "doubling.py", PLUGIN))
    assert (plugin.kind, plugin.name) == ("schedule", "doubling")
    assert "doubling" in registry.names("schedule")
    assert registry.load("schedule", "doubling").name() == "doubling"
    assert registry.summary("schedule", "doubling") == "Doubling: twice the learning rate."
    assert registry.source("schedule", "doubling") == tmp_path / "doubling.py"


def test_the_same_content_twice_is_one_plugin(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    first = registry.add_plugin(write(tmp_path / "doubling.py", PLUGIN))
    assert registry.add_plugin(write(tmp_path / "copy" / "doubling.py", PLUGIN)) is first


def test_a_layer_is_whole_with_both_directions(tmp_path: Path) -> None:
    assert registry.add_plugin(write(tmp_path / "same.py", LAYER)).kind == "activation"


def test_an_edited_file_takes_its_own_place(tmp_path: Path) -> None:
    path = write(tmp_path / "doubling.py", PLUGIN)
    before = registry.add_plugin(path)
    after = registry.add_plugin(write(path, PLUGIN.replace("2.0", "4.0")))
    assert registry.load("schedule", "doubling") is after.cls is not before.cls
    assert after.cls().course(None) == 4.0


def test_the_code_that_runs_is_that_which_was_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write(tmp_path / "doubling.py", PLUGIN)
    times = path.stat()
    assert registry.add_plugin(path).cls().course(None) == 2.0
    registry.forget_plugins()
    # Of the same size and time, as after a quick edit: a bytecode cache would not notice.
    write(path, PLUGIN.replace("2.0", "3.0"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert registry.add_plugin(path).cls().course(None) == 3.0
    assert [entry.name for entry in tmp_path.iterdir()] == ["doubling.py"]


def test_a_name_that_is_taken_names_both_files(tmp_path: Path) -> None:
    path = write(tmp_path / "cosine.py", PLUGIN)
    with pytest.raises(UsageError) as caught:
        registry.add_plugin(path)
    assert str(path) in str(caught.value)
    assert str(registry.source("schedule", "cosine")) in str(caught.value)


def test_a_plugin_of_a_taken_plugin_name_names_both_files(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = write(tmp_path / "doubling.py", PLUGIN)
    second = write(tmp_path / "other" / "doubling.py", PLUGIN + "\n")
    registry.add_plugin(first)
    with pytest.raises(UsageError) as caught:
        registry.add_plugin(second)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLUGIN + PLUGIN.replace("Doubling(", "Tripling("), "exactly one component, found 2"),
        ("x = 1\n", "exactly one component, found 0"),
        ("1/0\n", "ZeroDivisionError"),
        ("def broken(:\n", "SyntaxError"),
        ("from dltricks.core.component import Component\nclass A(Component):\n    kind = 'x'\n", "of no kind"),
        ("from dltricks.core.component import Component\nclass A(Component):\n    pass\n", "of no kind"),
        ("from dltricks.core.component import Component\nclass A(Component):\n    kind = ['x']\n", "of no kind"),
        ("import sys\nsys.exit()\n", "SystemExit"),
        (PLUGIN.replace("@dataclass", ""), "no dataclass"),
        (PLUGIN.replace("course", "curse"), "Doubling lacks course"),
        (PLUGIN.replace("    def", "    rate: 'Unheard' = 1.0\n\n    def"), "NameError: name 'Unheard'"),
        (LAYER.replace("forward", "foreword"), "Same lacks forward"),
    ],
)
def test_a_broken_plugin_is_refused_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "mine.py", text)
    with pytest.raises(UsageError, match=message) as caught:
        registry.add_plugin(path)
    assert str(path) in str(caught.value)
    assert "mine" not in registry.names("schedule")


def test_a_missing_plugin_and_an_impossible_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        registry.add_plugin(tmp_path / "absent.py")
    with pytest.raises(UsageError, match="Python identifier"):
        registry.add_plugin(write(tmp_path / "my-trick.py", PLUGIN))


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=list(KINDS))
def test_a_neutral_value_needs_nothing(kind: Kind) -> None:
    if kind.neutral is None:
        assert kind.key in ("dataset", "architecture", "activation", "loss")
    elif kind.many:
        # The empty list.
        assert kind.neutral == kind.default == "none"
    else:
        assert registry.load(kind.key, kind.neutral)().name() == kind.neutral
