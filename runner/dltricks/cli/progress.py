"""The live display of a training on stderr: a line that moves on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dltricks.cli.tables import console
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer

REFRESH = 0.15
"""Seconds between two drawings of a terminal."""
PAUSE = 2.0
"""Seconds between two lines elsewhere."""


def progress() -> Progress:
    """The display that fits where stderr goes."""
    screen = console(stderr=True)
    return LiveProgress(screen) if screen.is_terminal else LineProgress(screen)


class Progress(Hook):
    """Base: what both displays count and say."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen

    def on_train_begin(self, run: Trainer) -> None:
        self.total = run.recipes[0].epochs * run.steps
        self.began, self.first = time.perf_counter(), run.t
        self.shown = 0.0

    def close(self) -> None:
        """Leaves the terminal as it was; also after an interruption."""

    def rate(self, run: Trainer) -> float:
        """Steps per second since training began or went on."""
        return (run.t - self.first) / max(1e-9, time.perf_counter() - self.began)

    def numbers(self, run: Trainer) -> str:
        """Loss and score so far in this epoch, and the last epoch's validation."""
        parts = []
        if run.step:
            loss, score = run.so_far(0)
            parts += [f"loss {loss:.3f}", f"{'acc' if run.classification else 'rmse'} {score:.3f}"]
        last = run.history[0][-1] if run.history[0] else {}
        parts += [f"val {value:.3f}" for key, value in last.items() if key in ("val_accuracy", "val_rmse")]
        return "  ".join(parts)


class LiveProgress(Progress):
    """One line that is drawn anew a few times a second."""

    def on_train_begin(self, run: Trainer) -> None:
        super().on_train_begin(run)
        self.live = Live(console=self.screen, auto_refresh=False, transient=True)
        self.live.start()

    def on_step_end(self, run: Trainer) -> None:
        now = time.perf_counter()
        if now - self.shown >= REFRESH:
            self.shown = now
            self.live.update(self._line(run), refresh=True)

    def on_train_end(self, run: Trainer) -> None:
        self.close()

    def close(self) -> None:
        if hasattr(self, "live"):
            self.live.stop()

    def _line(self, run: Trainer) -> Text:
        rate, epochs = self.rate(run), run.recipes[0].epochs
        left = (self.total - run.t) / rate if rate else 0.0
        end = f"{rate:,.0f} steps/s  {_clock(left)} left"
        begin = f"epoch {run.epoch + 1}/{epochs}"
        middle = self.numbers(run)
        room = self.screen.width - len(begin) - len(middle) - len(end) - 7
        line = Text(no_wrap=True, overflow="crop")
        line.append(begin, "bold")
        if room >= 6:
            width = min(30, room)
            full = round(width * run.t / max(1, self.total))
            line.append("  " + "━" * full, "cyan").append("━" * (width - full), "bright_black")
        return line.append("  " + middle + "  ").append(end, "dim")


class LineProgress(Progress):
    """A line at the end of an epoch, at most every two seconds, and at the last."""

    def on_epoch_end(self, run: Trainer) -> None:
        now = time.perf_counter()
        if run.active and now - self.shown < PAUSE:
            return
        self.shown = now
        history: list[dict[str, Any]] = next((o.history for o in run.outcomes if o), None) or run.history[0]
        if history:
            last = history[-1]
            wanted = [key for key in last if key.startswith(("train_", "val_"))]
            values = "  ".join(f"{key} {last[key]:.4g}" for key in wanted)
            self.screen.print(
                f"epoch {last['epoch']}/{run.recipes[0].epochs}  {values}  {self.rate(run):,.0f} steps/s",
                soft_wrap=True,
            )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
