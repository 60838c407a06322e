from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from dltricks.core import cores


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two physical cores of two processors each; the third processor is not ours."""
    for number, siblings in enumerate(["0,2\n", "1,3\n", "0,2\n", "1,3\n"]):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings)
    monkeypatch.setattr(cores, "_CPU", tmp_path)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 3}, raising=False)
    return tmp_path


def test_processors_on_one_core_count_once(machine: Path) -> None:
    assert cores.available_cores() == 3
    assert cores.physical_cores() == 2
    (machine / "cpu3" / "topology" / "core_cpus_list").write_text("3\n")  # the newer name counts
    assert cores.physical_cores() == 3


def test_where_the_system_does_not_tell_all_count(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_CPU", machine / "none")
    assert cores.physical_cores() == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", 3), ("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("?", 3)],
)
def test_a_containers_quota_is_kept(machine: Path, text: str, expected: int) -> None:
    (machine / "cpu.max").write_text(text)
    assert cores.available_cores() == expected


def test_this_machine_has_some() -> None:
    assert 1 <= cores.physical_cores() <= cores.available_cores()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is copied")
def test_only_a_process_of_one_thread_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    others = threading.active_count() - 1  # of whoever runs the tests
    count = threading.active_count
    monkeypatch.setattr(threading, "active_count", lambda: count() - others)
    assert cores.copyable()
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert not cores.copyable()
    finally:
        over.set()
        thread.join()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not cores.copyable()
