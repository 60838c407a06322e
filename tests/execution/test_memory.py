from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dltricks.execution import memory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="control groups and sysconf are POSIX")


def group(folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, used: str | None) -> None:
    """Puts this process, as far as the module can tell, into a control group."""
    for name, content in (("memory.max", limit), ("memory.current", used)):
        if content is not None:
            (folder / name).write_text(content + "\n")
    monkeypatch.setattr(memory, "_GROUP", folder)


@pytest.fixture(autouse=True)
def _free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_linux", lambda: 10_000)


@pytest.mark.parametrize(
    ("limit", "used", "found"),
    [
        (None, None, 10_000),
        ("max", "300", 10_000),
        ("5000", "1000", 4_000),
        ("50000", "1000", 10_000),
        ("5000", "6000", 0),
        ("5000", None, 10_000),
    ],
)
def test_the_smaller_of_machine_and_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, used: str | None, found: int
) -> None:
    group(tmp_path, monkeypatch, limit, used)
    assert memory.available() == found


def test_half_of_all_where_nobody_tells_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group(tmp_path, monkeypatch, None, None)
    monkeypatch.setattr(memory, "_linux", lambda: None)
    assert memory.available() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def test_nobody_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(memory, "_linux", lambda: None)
    monkeypatch.setattr(os, "sysconf", none)
    assert memory.available() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/meminfo")
def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    free = memory.available()
    assert free is not None
    assert 0 < free <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory._linux() is not None
