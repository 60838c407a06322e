"""The live view of a study on stderr: a few lines that are drawn anew on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltricks.cli.labels import count_of, plan_summary, summary
from dltricks.cli.output import inert
from dltricks.cli.screen import REFRESH, bar, clock, moves, took
from dltricks.cli.tables import console, spell
from dltricks.execution.events import Ended, Event, Failed, Lost, Notice, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dltricks.execution.packing import Plan
    from dltricks.execution.task import Task

PAUSE = 5.0
"""Seconds between two lines where nothing can be drawn."""
STACKS = 8
"""Running stacks that are shown, at most."""
KINDS = 5
"""Kinds of stacks that are named before training begins, at most."""
UNSURE = 1.0
"""Seconds before which no time left is guessed."""


def study_view() -> StudyView:
    """The view that fits where stderr goes."""
    screen = console(stderr=True)
    # Where rich takes a terminal for none, it sends nothing that moves the cursor.
    return LiveView(screen) if moves(screen) and screen.is_terminal else LineView(screen)


@dataclass
class _Stack:
    """A stack that is being trained."""

    summary: str
    runs: int
    began: float
    over: int = 0
    """Runs that have ended or failed."""
    base: float = 0.0
    """The share with which it began, from checkpoints."""
    last: Progress | None = None

    @property
    def share(self) -> float:
        return max(self.over / self.runs, self.last.share if self.last else 0.0)

    @property
    def worked(self) -> float:
        """The share that is this session's work."""
        return max(0.0, self.share - self.base)


class StudyView(ABC):
    """Base: what both views count.

    All calls come from one thread; for each plan first ``planned`` (or ``begin``), at the end ``ended``.
    """

    interval: float
    """Seconds between two times that it shows something, unless that is a message."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self.due = 0.0
        """When to show something again."""
        self.total = self.done = 0
        self.closed = True

    def planned(self, plan: Plan, metric: str) -> None:
        """Training of a plan begins, whose runs are compared by that metric."""
        from rich.text import Text

        from dltricks.experiment.tuning import larger_is_better

        labels = [run.label for run in plan.runs]
        self.begin(len(plan.runs), len(plan.done), labels, metric, larger_is_better(metric), plan.title)
        self._print([Text(line, "dim") for line in (plan_summary(plan), *_kinds(plan))])

    def ended(self) -> None:
        """Training has ended, however."""
        self.close()

    def begin(self, total: int, done: int, labels: Sequence[str], metric: str, larger: bool, title: str = "") -> None:
        """As ``planned``.

        Args:
            total: runs of the plan.
            done: how many of them were finished before.
            labels: of all runs, by number, such as "dropout=0.2 s3".
            metric: the one to tell how good a run is, of its last epoch.
            larger: whether larger values of it are better.
            title: what this plan is for, where there are several.
        """
        self.title = f"{inert(title)}: " if title else ""
        self.total, self.done, self.labels, self.metric, self.larger = total, done, labels, metric, larger
        self.began = time.perf_counter()
        self.due = self.began + self.interval
        self.since: float | None = None
        """When the first step was made."""
        self.stacks: dict[int, _Stack] = {}
        """By the number of its first run."""
        self.settled = self.worked = 0.0
        """Runs of stacks that have ended, and how many of them were this session's work."""
        self.finished = self.diverged = self.failed = 0
        self.best: tuple[float, str] | None = None
        self.failures: set[str] = set()
        self.closed = total <= done

    def started(self, task: Task) -> None:
        """A stack begins."""
        now = time.perf_counter()
        stack = _Stack(summary([self.labels[run.number] for run in task.runs]), len(task.runs), now)
        self.stacks[task.runs[0].number] = stack
        self._changed(now)

    def report(self, task: Task, event: Event) -> None:
        """Something has happened in a stack."""
        number = task.runs[0].number
        stack = self.stacks.get(number)
        if isinstance(event, Progress):
            if stack:
                if stack.last is None:
                    # Its first step: what came before was a process that started, and checkpoints.
                    stack.began, stack.base = time.perf_counter(), max(0.0, event.share - stack.share)
                    self.since = self.since or stack.began
                stack.last = event
        elif isinstance(event, Ended):
            self._end(event)
            if stack:
                stack.over += 1
        elif isinstance(event, Failed):
            self.failed += 1
            if stack:
                stack.over += 1
            if event.message not in self.failures:  # many runs may fail for the same reason
                self.failures.add(event.message)
                self.say(": ".join(filter(None, ("failed", self.labels[event.run], event.message))))
        elif isinstance(event, Notice):
            self.say(event.message)
        else:
            if stack:
                del self.stacks[number]
                self.since = self.since or stack.began
                self.settled += stack.over
                self.worked += max(0.0, stack.over - stack.base * stack.runs)
            if isinstance(event, Lost):
                self.say(f"{summary([self.labels[run.number] for run in task.runs])}: {event.reason}")
        self._changed(time.perf_counter())

    def say(self, message: str) -> None:
        """Tells people something that stays."""
        from rich.text import Text

        self._print([Text(inert(line)) for line in f"dltricks: {message}".split("\n")])

    def close(self) -> None:
        """Removes what is not to stay and says what has become of the runs; also after an interruption."""
        from rich.text import Text

        if self.closed:
            return
        self.closed = True
        ended, planned = self.finished + self.diverged + self.failed, self.total - self.done
        count = count_of(ended, "run") if ended == planned else f"{ended:,} of {count_of(planned, 'run')}"
        outcomes = _counts(finished=self.finished, diverged=self.diverged, failed=self.failed)
        seconds = time.perf_counter() - self.began
        line = f"{self.title}{count} in {took(seconds)}{': ' if outcomes else ''}{outcomes}"
        self._print([Text(line + (f" ({self.done:,} done before)" if self.done else ""), "dim")])

    def _end(self, event: Ended) -> None:
        if event.result["status"] == "diverged":
            self.diverged += 1
            return
        self.finished += 1
        value = (event.result["final"] or {}).get(self.metric)
        if value is None or not math.isfinite(value):
            return
        if self.best is None or (value > self.best[0] if self.larger else value < self.best[0]):
            self.best = value, self.labels[event.run]

    def _changed(self, now: float) -> None:
        if now >= self.due and not self.closed:
            self.due = now + self.interval
            self._show(now)

    @abstractmethod
    def _show(self, now: float) -> None:
        """Shows how things stand."""

    @abstractmethod
    def _print(self, lines: Sequence[Text]) -> None:
        """Writes lines that stay."""

    def _state(self) -> str:
        over = self.done + self.finished + self.diverged + self.failed
        return f"{self.title}{over:,}/{count_of(self.total, 'run')}"

    def _position(self) -> float:
        """Runs that are done, parts of runs included."""
        return self.done + self.settled + sum(stack.share * stack.runs for stack in self.stacks.values())

    def _left(self, now: float) -> float | None:
        """Seconds until the end, from what was done since the first step."""
        stacks = self.stacks.values()
        worked = self.worked + sum(stack.worked * stack.runs for stack in stacks)
        elapsed = now - (self.since or self.began)
        if elapsed < UNSURE or worked <= 0:
            return None
        # Towards the end fewer stacks run than before, and the longest says more than all together.
        longest = max(
            ((1 - one.share) * (now - one.began) / one.worked for one in stacks if one.worked > 0), default=0.0
        )
        return max(longest, (self.total - self._position()) * elapsed / worked)


class LineView(StudyView):
    """A line now and then, and one at the end."""

    interval = PAUSE

    def _show(self, now: float) -> None:
        from rich.text import Text

        parts = [self._state(), f"{_percent(self._position() / self.total)} %"]
        if self.best:
            parts.append(f"best {inert(self.metric)} {spell(self.best[0])}{_aside(self.best[1])}")
        parts.append(_counts(diverged=self.diverged, failed=self.failed) or "0 failed")
        left = self._left(now)
        if left is not None:
            parts.append(f"{clock(left)} left")
        self._print([Text(", ".join(parts), "dim")])

    def _print(self, lines: Sequence[Text]) -> None:
        try:
            for line in lines:
                self.screen.print(line, soft_wrap=True)
        except OSError:
            # Where it went to has gone, and training must not.
            self.screen.quiet = True


class LiveView(StudyView):
    """A region of a few lines above the cursor; what stays is written above it."""

    interval = REFRESH

    def __init__(self, screen: Console) -> None:
        super().__init__(screen)
        self.widths: list[int] = []
        """Columns of each line of the region."""

    def _show(self, now: float) -> None:
        self._put([], self._region(now))

    def _print(self, lines: Sequence[Text]) -> None:
        self._put(lines, [] if self.closed else self._region(time.perf_counter()))

    def _put(self, above: Sequence[Text], region: Sequence[Text]) -> None:
        """In a single write, so that nothing flickers: the region is overwritten and what is too much of it erased."""
        from rich.control import Control
        from rich.segment import ControlType

        rest, all_of_it = (ControlType.ERASE_IN_LINE, 0), (ControlType.ERASE_IN_LINE, 2)
        # Lines that are wider than the window has become take more than one row.
        columns = self.screen.width
        rows = sum(max(1, math.ceil(width / columns)) for width in self.widths)
        rows = min(rows, self.screen.height - 1)
        # Rows that were broken so would be joined again in a wider window, unless erased.
        anew = bool(above) or any(width >= columns for width in self.widths)
        surplus = 0 if anew else rows - len(region)
        try:
            with self.screen:
                # Also what was typed meanwhile, such as the ^C of an interruption.
                self.screen.control(Control((ControlType.CURSOR_MOVE_TO_COLUMN, 0), all_of_it))
                if anew:
                    self.screen.control(Control(*[(ControlType.CURSOR_UP, 1), all_of_it] * rows))
                elif rows:
                    self.screen.control(Control((ControlType.CURSOR_UP, rows)))
                for line in above:
                    self.screen.print(line, soft_wrap=True)
                for line in region:
                    self.screen.print(line, end="", soft_wrap=True)
                    self.screen.control(Control(rest))
                    self.screen.print()
                for _ in range(surplus):
                    self.screen.control(Control(all_of_it, (ControlType.CURSOR_DOWN, 1)))
                if surplus > 0:
                    self.screen.control(Control((ControlType.CURSOR_UP, surplus)))
                self.widths = [line.cell_len for line in region]
        except OSError:
            # The terminal has gone, and training must not.
            self.screen.quiet = True

    def _region(self, now: float) -> list[Text]:
        from rich.text import Text

        # Text in a terminal's last column makes some of them begin a new line, and the cursor has a row of its own.
        room, rows = max(1, self.screen.width - 1), max(1, self.screen.height - 1)
        below = []
        if self.best:
            best = f"  {inert(self.metric)} {spell(self.best[0])}  {inert(self.best[1])}"
            below.append(Text().append("best so far", "dim").append(best))
        counts = _counts(diverged=self.diverged, failed=self.failed)
        if counts:
            below.append(Text(counts, "red" if self.failed else "yellow"))
        below = below[: rows - 1]
        space = rows - 1 - len(below)
        shown, more = list(self.stacks.values()), []
        if len(shown) > min(STACKS, space):
            shown = shown[: max(0, min(STACKS, space - 1))]
            more = [Text(f"  … and {len(self.stacks) - len(shown)} more", "dim")][:space]
        lines = [self._head(now, room), *self._rows(shown, room), *more, *below]
        for line in lines:
            line.truncate(room, overflow="ellipsis")
        return lines

    def _head(self, now: float, room: int) -> Text:
        from rich.text import Text

        share, left = self._position() / self.total, self._left(now)
        parts = [f"{_percent(share)} %"] + ([] if left is None else [f"{clock(left)} left"])
        line = Text().append(self._state(), "bold")
        width = min(30, room - line.cell_len - sum(len(part) + 2 for part in parts) - 2)
        if width >= 4:
            line.append("  ").append(bar(self.screen, width, share))
        return line.append("".join(f"  {part}" for part in parts))

    def _rows(self, stacks: Sequence[_Stack], room: int) -> Iterator[Text]:
        """A line for each stack, in columns; a narrow window has fewer of them."""
        from rich.text import Text

        labels = [Text("  " + inert(stack.summary)) for stack in stacks]
        epochs = [f"epoch {one.last.epoch}/{one.last.epochs}" if one.last else "starting" for one in stacks]
        rates = [f"{one.last.rate:,.0f} steps/s" if one.last else "" for one in stacks]
        label = max((text.cell_len for text in labels), default=0)
        epoch, rate = (max(map(len, texts), default=0) for texts in (epochs, rates))
        most = room - epoch - 2
        drawn = min(16, most - rate - 4 - label)
        if drawn < 6:  # the label is worth more than the bar, and as much as the rate
            drawn = 0
        if drawn == 0 and most - rate - 2 < min(label, 20):
            rate = 0
        width = min(label, most - (rate + 2 if rate else 0) - (drawn + 2 if drawn else 0))
        for text, stack, at, fast in zip(labels, stacks, epochs, rates, strict=True):
            text.truncate(max(1, width), overflow="ellipsis", pad=True)
            text.append(f"  {at:<{epoch}}")
            if drawn:
                text.append("  ").append(bar(self.screen, drawn, stack.share))
            if rate:
                text.append(f"  {fast:>{rate}}", "dim")
            yield text


def _kinds(plan: Plan) -> Iterator[str]:
    """How runs are grouped, where there are several kinds of stacks."""
    from dltricks.cli.study_report import plan_rows

    if len(plan.groups) < 2:
        return
    rows = [row for row in plan_rows(plan) if "stacks" in row]
    for row in rows[:KINDS]:
        yield f"  {row['stacks']}: {inert(row['group'])}"
    if len(rows) > KINDS:
        yield f"  … and {len(rows) - KINDS:,} more kinds of stacks, which --plan lists"


def _counts(**numbers: int) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number)


def _percent(share: float) -> int:
    # 100 % is what is over.
    return min(99, int(100 * share)) if share < 1 else 100


def _aside(label: str) -> str:
    return f" ({inert(label)})" if label else ""
