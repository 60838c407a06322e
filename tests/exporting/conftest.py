"""Exports in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.shell import SMALL

from dltricks.core import registry


@pytest.fixture(autouse=True)
def _built_in_tricks_only() -> Iterator[None]:
    registry.forget_plugins()
    yield
    registry.forget_plugins()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small experiment in it: small.yaml."""
    monkeypatch.delenv("DLTRICKS_DATA", raising=False)
    (tmp_path / "small.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path
