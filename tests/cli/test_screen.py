from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from dltricks.cli.screen import bar, clock, moves, took


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (65, "1:05"), (3599.4, "59:59"), (7205, "2:00:05")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(1.44, "1.4 s"), (59.94, "59.9 s"), (59.96, "1:00"), (61, "1:01")])
def test_took(seconds: float, text: str) -> None:
    assert took(seconds) == text


def a_console(**settings: Any) -> Console:
    return Console(file=io.StringIO(), **settings)


@pytest.mark.parametrize(("share", "full"), [(-1, 0), (0, 0), (0.5, 5), (1, 10), (1.5, 10)])
def test_a_bar_is_as_full_as_its_share(share: float, full: int) -> None:
    assert bar(a_console(), 10, share).plain == "━" * full + "─" * (10 - full)


def test_colours_tell_the_parts_of_a_bar_apart() -> None:
    colourful = a_console(force_terminal=True, color_system="standard", no_color=False)
    assert bar(colourful, 10, 0.5).plain == "━" * 10
    assert [str(span.style) for span in bar(colourful, 10, 0.5).spans] == ["cyan", "bright_black"]
    assert bar(a_console(force_terminal=True, color_system="standard", no_color=True), 2, 0.5).plain == "━─"


@pytest.mark.parametrize(
    ("terminal", "term", "expected"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_what_moves(monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str, expected: bool) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    screen = a_console(force_terminal=True, _environ={"TERM": term})
    assert moves(screen) is expected
