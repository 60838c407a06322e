"""Views of a study on a terminal that remembers what is left on it, under a clock that tests move."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from dltricks.cli.study_progress import LineView, LiveView, StudyView
from dltricks.execution.events import Ended, Progress

LABELS = [f"dropout={rate} s{seed}" for rate in (0, 0.2) for seed in range(10)]


class Terminal(io.StringIO):
    """As much of a terminal as it takes to see what is left on it."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.rows, self.row, self.column = [""], 0, 0
        self.writes = 0
        self.broken: set[int] = set()
        """Rows that the terminal remembers as the first part of a line, to join it when there is room again."""

    def write(self, text: str) -> int:
        self.writes += 1
        for code, kind, plain in re.findall(r"\x1b\[([\d;]*)([A-Za-z])|(\n|[^\x1b])", text):
            if plain == "\n":
                self.row, self.column = self.row + 1, 0
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif plain:
                self._letter(plain)
            elif kind == "A":
                assert int(code) > 0, "a terminal takes 0 for 1"
                self.row = max(0, len(self.rows) - self.height, self.row - int(code))
            elif kind == "B":
                assert int(code) > 0, "a terminal takes 0 for 1"
                self.row = min(len(self.rows) - 1, self.row + int(code))
            elif kind == "G":
                self.column = int(code) - 1
            elif kind == "K":
                self.broken -= {self.row} if code == "2" else set()
                self.rows[self.row] = "" if code == "2" else self.rows[self.row][: self.column]
            else:
                assert kind == "m", f"{code}{kind} is not expected"
        return len(text)

    def _letter(self, letter: str) -> None:
        if self.column == self.width:
            self.write("\n")
        old = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = old[: self.column] + letter + old[self.column + 1 :]
        self.column += 1

    @property
    def shown(self) -> list[str]:
        """Everything down to the cursor."""
        assert not any(self.rows[self.row :]), f"something is left below the cursor: {self.rows}"
        return [row.rstrip() for row in self.rows[: self.row]]


class Clock(SimpleNamespace):
    """time.perf_counter by hand."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now


def a_task(numbers: Iterable[int]) -> Any:
    return SimpleNamespace(runs=tuple(SimpleNamespace(number=number) for number in numbers), epochs=30, attempt=1)


def progress(share: float, epoch: int = 3, rate: float = 1000.0) -> Progress:
    return Progress(share, epoch, 30, 10, rate)


def ended(number: int, value: float | None = 0.9, status: str = "finished") -> Ended:
    return Ended(number, {"status": status, "final": None if value is None else {"epoch": 30, "val_accuracy": value}})


def console(terminal: io.StringIO, width: int = 80, height: int = 24) -> Console:
    return Console(
        file=terminal,
        width=width,
        height=height,
        force_terminal=True,
        color_system=None,
        highlight=False,
        _environ={"TERM": "xterm"},
    )


def live(width: int = 80, height: int = 24) -> tuple[LiveView, Terminal]:
    terminal = Terminal(width, height)
    return LiveView(console(terminal, width, height)), terminal


def in_lines() -> tuple[LineView, Terminal]:
    terminal = Terminal(200)
    return LineView(console(terminal, 200)), terminal


def begin(view: StudyView, done: int = 0, labels: list[str] = LABELS, larger: bool = True) -> None:
    view.begin(len(labels), done, labels, "val_accuracy", larger)
