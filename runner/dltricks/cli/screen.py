"""What the displays of training share: where a terminal can be drawn on, bars, and times for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

REFRESH = 0.15
"""Seconds between two drawings of a terminal."""


def moves(screen: Console) -> bool:
    """Whether stderr goes to a terminal on which something may be drawn anew.

    Not what rich takes for a terminal: in a log, FORCE_COLOR asks for colours and not for lines that move.
    """
    return sys.stderr.isatty() and not screen.is_dumb_terminal


def bar(screen: Console, width: int, share: float) -> Text:
    """A line whose first part is done; without colours the rest of it is thinner."""
    from rich.text import Text

    full = round(width * min(1.0, max(0.0, share)))
    colours = screen.color_system is not None and not screen.no_color
    return Text().append("━" * full, "cyan").append(("━" if colours else "─") * (width - full), "bright_black")


def clock(seconds: float) -> str:
    """As on a clock: 1:05, or 2:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def took(seconds: float) -> str:
    """A time that has passed: 1.4 s, or as on a clock from a minute on."""
    return f"{seconds:.1f} s" if seconds < 59.95 else clock(seconds)
