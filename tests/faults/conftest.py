"""The command line in a folder of its own, and a disk that does not sync in earnest, where no test cuts the power."""

from __future__ import annotations

import pytest
from cli.conftest import _built_in_tricks_only, cli, folder
from runs.disks import BrokenDisk

from dltricks.runs import environment, files

__all__ = ["_built_in_tricks_only", "cli", "folder", "quick"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No syncing in earnest, and no process that asks git for the user's commit: they take most of the time."""
    monkeypatch.setattr(files, "disk", BrokenDisk())
    monkeypatch.setattr(environment, "_git", lambda folder: None)
