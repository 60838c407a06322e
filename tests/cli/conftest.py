"""The command line in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.shell import SMALL, Call, Result
from cli.study_views import Clock

from dltricks.cli import study_progress
from dltricks.cli.main import main
from dltricks.core import registry


@pytest.fixture(autouse=True)
def _built_in_tricks_only() -> Iterator[None]:
    registry.forget_plugins()
    yield
    registry.forget_plugins()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small experiment in it: small.yaml."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "DLTRICKS_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "small.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line in this process: ``cli("train", "small.yaml").code``."""

    def call(*args: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["dltricks", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit:
            main()
        out, err = capsys.readouterr()
        return Result(int(exit.value.code or 0), out, err)

    return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(study_progress, "time", clock)
    return clock
