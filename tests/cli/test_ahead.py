from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from dltricks.cli.ahead import Ahead


class Seen:
    """A view that remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append(name)


@pytest.mark.parametrize("workers", [1, 2])
def test_modules_are_loaded_when_other_processes_train(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("dltricks.cli.ahead.import_module", loaded.append)
    view: Any = Seen()
    ahead: Any = Ahead(view, "one", "two")
    ahead.planned(SimpleNamespace(workers=workers), "val_loss")
    ahead.started(None)
    assert loaded == []
    for _ in range(2):
        ahead.started(None)
        ahead.report(None, None)
        assert loaded == ([] if workers == 1 else ["one", "two"])
    ahead.ended()
    assert view.calls == ["planned", "started", "started", "report", "started", "report", "ended"]


def test_what_the_report_needs_exists() -> None:
    from dltricks.cli.train import REPORT

    for name in REPORT:
        __import__(name)
        assert name in sys.modules
