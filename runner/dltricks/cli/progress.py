"""The live display of a training on stderr: a line that moves on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.text import Text

from dltricks.cli.screen import REFRESH, bar, clock, moves, took
from dltricks.cli.tables import console
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer

PAUSE = 2.0
"""Seconds between two lines where nothing can be drawn."""


def progress() -> Progress:
    """The display that fits where stderr goes."""
    screen = console(stderr=True)
    return LiveProgress(screen) if moves(screen) else LineProgress(screen)


class Progress(Hook):
    """Base: what both displays count and how they write."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self.due = 0.0
        """When to show something again."""

    def on_train_begin(self, run: Trainer) -> None:
        self.total = run.recipes[0].epochs * run.steps
        self.began, self.first = time.perf_counter(), run.t

    def close(self) -> None:
        """Removes what is not to stay; also after an interruption."""

    def rate(self, run: Trainer) -> float:
        """Steps per second since training began or went on."""
        return (run.t - self.first) / max(1e-9, time.perf_counter() - self.began)

    def print(self, line: Text, end: str = "\n") -> None:
        """Writes a line, for as long as there is somewhere to write to."""
        try:
            self.screen.print(line, end=end, soft_wrap=True)
        except OSError:
            # The terminal has gone, and training must not.
            self.screen.quiet = True


class LineProgress(Progress):
    """The last epoch's line, at most every two seconds, and at the end."""

    def on_epoch_end(self, run: Trainer) -> None:
        now = time.perf_counter()
        if not run.active or now >= self.due:
            self.due = now + PAUSE
            self._print_epoch(run)

    def _print_epoch(self, run: Trainer) -> None:
        ended = next((outcome for outcome in run.outcomes if outcome), None)
        history: list[dict[str, Any]] = ended.history if ended else run.history[0]
        if history:
            last = history[-1]
            values = "  ".join(f"{key} {last[key]:.4f}" for key in last if key.startswith(("train_", "val_")))
            epoch = f"epoch {last['epoch']}/{run.recipes[0].epochs}"
            self.print(Text(f"{epoch}  {values}  {self.rate(run):,.0f} steps/s", "dim"))


class LiveProgress(Progress):
    """One line that is drawn anew a few times a second, and at the end another that says how long it took."""

    drawn = False

    def on_step_end(self, run: Trainer) -> None:
        now = time.perf_counter()
        if now >= self.due:
            self.due = now + REFRESH
            self.drawn = True
            self.print(self._line(run), end="\r")

    def on_train_end(self, run: Trainer) -> None:
        self.close()
        seconds = time.perf_counter() - self.began
        self.print(Text(f"{run.t - self.first:,} steps in {took(seconds)}, {self.rate(run):,.0f} steps/s", "dim"))

    def close(self) -> None:
        if self.drawn:
            self.drawn = False
            self.print(Text(" " * self._room()), end="\r")

    def _room(self) -> int:
        # Text in a terminal's last column makes some of them begin a new line.
        return self.screen.width - 1

    def _line(self, run: Trainer) -> Text:
        rate, epochs = self.rate(run), run.recipes[0].epochs
        parts = {"epoch": f"epoch {run.epoch + 1}/{epochs}"}
        if run.step:
            loss, score = run.so_far(0)
            parts["loss"] = f"loss {loss:.3f}"
            parts["score"] = f"{'acc' if run.classification else 'rmse'} {score:.3f}"
        last = run.history[0][-1] if run.history[0] else {}
        for metric in ("val_accuracy", "val_rmse"):
            if metric in last:
                parts["val"] = f"val {last[metric]:.3f}"
        parts["rate"] = f"{rate:,.0f} steps/s"
        parts["left"] = f"{clock((self.total - run.t) / rate)} left"
        # A narrow window shows less instead of a second line.
        room = self._room()
        for name in ("val", "rate", "score", "loss"):
            if len("  ".join(parts.values())) > room:
                parts.pop(name, None)
        line = Text().append(parts.pop("epoch"), "bold")
        width = min(30, room - len(line) - len("".join(f"  {part}" for part in parts.values())) - 2)
        if width >= 4:
            line.append("  ").append(bar(self.screen, width, run.t / max(1, self.total)))
        for name, part in parts.items():
            line.append("  ").append(part, "dim" if name in ("rate", "left") else "")
        line.truncate(room, pad=True)
        return line
