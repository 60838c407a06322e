from __future__ import annotations

import io
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from cli.study_views import LABELS, Clock, Terminal, a_task, begin, console, ended, in_lines, live, progress
from rich.console import Console

from dltricks.cli.screen import REFRESH
from dltricks.cli.study_progress import PAUSE, LineView, LiveView, StudyView, study_view
from dltricks.execution.events import Ended, Failed, Finished, Lost, Notice, Stopped


def test_the_plan_comes_first(clock: Clock) -> None:
    """With how the runs are grouped, where that is in several ways."""

    def group(numbers: range, label: str) -> Any:
        runs = tuple(
            SimpleNamespace(
                number=number,
                label=f"{label} s{number}",
                experiment=SimpleNamespace(recipe=SimpleNamespace(epochs=3)),
            )
            for number in numbers
        )
        return SimpleNamespace(runs=runs, size=2, seconds=1.0)

    def plan(count: int) -> Any:
        groups = [group(range(4 * i, 4 * i + 4), f"batch_size={2 + i}") for i in range(count)]
        tasks = [SimpleNamespace(runs=each.runs[i : i + 2]) for each in groups for i in (0, 2)]
        runs = [run for each in groups for run in each.runs]
        return SimpleNamespace(runs=runs, done={}, groups=groups, tasks=tasks, workers=2, seconds=8.0, title="")

    for make in (live, in_lines):
        view, terminal = make()
        view.planned(plan(1), "val_accuracy")
        assert terminal.shown[0] == "4 runs in 2 stacks on 2 workers; 0 done already; about 8.0 s"
        assert not any("batch_size" in line for line in terminal.shown)
        view, terminal = make()
        view.planned(plan(7), "val_accuracy")
        assert terminal.shown[:7] == [
            "28 runs in 14 stacks on 2 workers; 0 done already; about 8.0 s",
            *(f"  2 x 2: batch_size={2 + i}, 4 seeds" for i in range(5)),
            "  … and 2 more kinds of stacks, which --plan lists",
        ]


def test_the_region_says_how_things_stand(clock: Clock) -> None:
    view, terminal = live()
    begin(view)
    first, second = a_task(range(10)), a_task(range(10, 20))
    view.started(first)
    view.started(second)
    view.report(first, progress(0.0))
    view.report(second, progress(0.0))
    clock.now += 10
    view.report(first, ended(4, 0.975))
    view.report(second, ended(12, None, "diverged"))
    view.report(second, Failed(13, "FileSystemError", "runs/x: no space left", 6))
    view.report(first, progress(0.5, epoch=15, rate=123456.0))
    clock.now += 1
    view.report(second, progress(0.25, epoch=7, rate=2000.0))
    assert terminal.shown == [
        "dltricks: failed: dropout=0.2 s3: runs/x: no space left",
        "3/20 runs  ━━━━━━━━━━━───────────────────  37 %  0:33 left",
        "  dropout=0, 10 seeds    epoch 15/30  ━━━━━━━━────────  123,456 steps/s",
        "  dropout=0.2, 10 seeds  epoch 7/30   ━━━━────────────    2,000 steps/s",
        "best so far  val_accuracy 0.9750  dropout=0 s4",
        "1 diverged, 1 failed",
    ]


def test_nothing_is_left_behind(clock: Clock) -> None:
    view, terminal = live()
    terminal.write("before\n")
    begin(view)
    tasks = [a_task([number]) for number in range(20)]
    for task in tasks[:12]:
        clock.now += 1
        view.started(task)
    assert len(terminal.shown) == 1 + 1 + 8 + 1
    for number, task in enumerate(tasks):
        clock.now += 1
        view.report(task, ended(number))
        view.report(task, Finished())
        assert terminal.shown[0] == "before"
        assert len(terminal.shown) <= 1 + 1 + 8 + 1 + 1
    assert len(terminal.shown) == 3  # the stacks have gone, the first line and the best have not
    terminal.write("^C")
    view.close()
    assert terminal.shown == ["before", "20 runs in 32.0 s: 20 finished"]
    view.close()
    assert len(terminal.shown) == 2


def test_what_stays_is_above_the_region(clock: Clock) -> None:
    view, terminal = live(width=40)
    begin(view)
    task = a_task(range(20))
    view.started(task)
    view.report(task, Notice("goes on " + "and on " * 12))
    view.report(task, Notice("two\nlines"))
    view.report(task, Lost("the process has gone"))
    assert "".join(terminal.shown[:3]) == "dltricks: goes on " + "and on " * 11 + "and on"
    assert terminal.shown[3:] == [
        "dltricks: two",
        "lines",
        "dltricks: 20 runs: the process has gone",
        "0/20 runs  ───────────────────────  0 %",
    ]


def test_a_failure_of_many_runs_is_told_once(clock: Clock) -> None:
    view, terminal = live()
    begin(view)
    task = a_task(range(20))
    view.started(task)
    for number in range(20):
        view.report(task, Failed(number, "UsageError", "not enough memory", 2))
    view.report(task, Finished())
    view.close()
    assert terminal.shown == [
        "dltricks: failed: dropout=0 s0: not enough memory",
        "20 runs in 0.0 s: 20 failed",
    ]


@pytest.mark.parametrize("make", [live, in_lines])
def test_names_of_users_are_inert(clock: Clock, make: Callable[[], tuple[StudyView, Terminal]]) -> None:
    view, terminal = make()
    view.begin(2, 0, ["a\x1b[2Jb\r s0", "c\x07 s1"], "val\x1b[1m", True, title="t\x1b]0;x\x07")
    task = a_task([0])
    view.started(task)
    clock.now += 10
    view.report(task, Failed(0, "UsageError", "bad \x1b[31mname", 2))
    view.report(task, Ended(1, {"status": "finished", "final": {"val\x1b[1m": 0.5}}))
    clock.now += 10
    view.report(task, progress(0.1))
    shown = "\n".join(terminal.shown)
    assert "a\\x1b[2Jb\\r s0: bad \\x1b[31mname" in shown
    assert "c\\x07 s1" in shown
    assert "t\\x1b]0;x\\x07: 2/2 runs" in shown
    assert "\x07" not in shown


@pytest.mark.parametrize("width", [10, 20, 40, 60, 80, 120])
@pytest.mark.parametrize("height", [2, 4, 9, 24])
def test_the_region_fits_the_window(clock: Clock, width: int, height: int) -> None:
    view, terminal = live(width, height)
    begin(view, labels=[f"vielfältig-名前={n},optimizer.lr=0.01 s{n}" for n in range(20)])
    tasks = [a_task([number]) for number in range(20)]
    for task in tasks:
        clock.now += 1
        view.started(task)
        view.report(task, progress(0.5, rate=1e6))
        view.report(task, ended(task.runs[0].number, None, "diverged"))
    view.report(tasks[0], ended(0))
    clock.now += 1
    view.report(tasks[0], progress(0.6))
    assert len(terminal.shown) <= height - 1
    assert max(len(line) for line in terminal.shown) < width
    assert terminal.shown[0].startswith("21/20 runs"[: width - 2])


def test_a_narrow_window_keeps_what_matters(clock: Clock) -> None:
    view, terminal = live(width=40)
    begin(view)
    task = a_task(range(10))
    view.started(task)
    clock.now += 1
    view.report(task, progress(0.5, rate=1e6))
    assert terminal.shown[1] == "  dropout=0, 10 seeds  epoch 3/30"


def test_a_window_that_was_made_narrower(clock: Clock) -> None:
    """A terminal breaks the lines that have become too long, so that the region has more rows than lines."""
    view, terminal = live(80)
    terminal.write("before\n")
    begin(view)
    task = a_task(range(10))
    view.started(task)
    clock.now += 1
    view.report(task, progress(0.5))
    assert [len(line) > 50 for line in terminal.shown] == [False, False, True]
    broken = [line[i : i + 50] for line in terminal.shown for i in range(0, len(line), 50)]
    terminal.rows, terminal.row, terminal.width = [*broken, ""], len(broken), 50
    terminal.broken = {row for row, text in enumerate(broken) if len(text) == 50}
    view.screen.width = 50
    clock.now += 1
    view.report(task, progress(0.6))
    assert not terminal.broken
    assert [line[:10] for line in terminal.shown] == ["before", "0/20 runs ", "  dropout="]


def test_drawing_waits_for_its_time_and_is_one_write(clock: Clock) -> None:
    view, terminal = live()
    begin(view)
    task = a_task(range(20))
    clock.now += 1
    view.started(task)
    assert terminal.writes == 1
    clock.now += REFRESH * 0.99
    view.report(task, progress(0.1))
    assert terminal.writes == 1
    clock.now += REFRESH * 0.02
    view.report(task, progress(0.2))
    assert terminal.writes == 2
    view.report(task, Notice("now"))
    assert terminal.writes == 3


@pytest.mark.parametrize(("larger", "best"), [(True, "0.9000  dropout=0 s1"), (False, "0.2000  dropout=0 s2")])
def test_best(clock: Clock, larger: bool, best: str) -> None:
    view, terminal = live()
    begin(view, larger=larger)
    task = a_task(range(20))
    view.started(task)
    for number, value in enumerate((0.5, 0.9, 0.2, float("nan"), float("inf"), float("-inf"), 0.9, 0.2, None)):
        view.report(task, ended(number, value))
    view.report(task, ended(9, 2.0 if larger else -2.0, "diverged"))
    clock.now += 1
    view.report(task, progress(0.5))
    assert f"best so far  val_accuracy {best}" in terminal.shown


def test_an_interruption_says_how_far_it_came(clock: Clock) -> None:
    view, terminal = live()
    begin(view, done=5)
    task = a_task(range(5, 20))
    view.started(task)
    clock.now += 65
    view.report(task, ended(7))
    view.report(task, Stopped(2, "stopped by SIGINT"))
    view.close()
    assert terminal.shown == ["1 of 15 runs in 1:05: 1 finished (5 done before)"]


@pytest.mark.parametrize("make", [live, in_lines])
def test_nothing_to_do_shows_nothing(clock: Clock, make: Callable[[], tuple[StudyView, Terminal]]) -> None:
    view, terminal = make()
    view.close()
    begin(view, done=20)
    view.close()
    assert terminal.shown == []


@pytest.mark.parametrize("make", [live, in_lines])
def test_one_plan_after_another(clock: Clock, make: Callable[[], tuple[StudyView, Terminal]]) -> None:
    view, terminal = make()
    runs = [SimpleNamespace(number=number, label=label) for number, label in enumerate(LABELS)]
    done = dict.fromkeys(range(18), "finished")
    tasks = [a_task([18]), a_task([19])]
    plan: Any = SimpleNamespace(runs=runs, done=done, groups=[], tasks=tasks, workers=2, seconds=1.2)
    for title, metric, best in (("tuning", "val_loss", "0.2500"), ("", "val_accuracy", "0.7500")):
        plan.title = title
        view.planned(plan, metric)
        for task, value in zip(plan.tasks, (0.25, 0.75), strict=True):
            view.started(task)
            view.report(task, Ended(task.runs[0].number, {"status": "finished", "final": {metric: value}}))
            view.report(task, Finished())
        clock.now += PAUSE
        view.report(task, progress(1.0))
        assert re.search(f"best.* {metric} {best}", terminal.shown[-1])
        view.ended()
    assert [line for line in terminal.shown if "best" not in line] == [
        "tuning: 2 of 20 runs in 2 stacks on 2 workers; 18 done already; about 1.2 s",
        "tuning: 2 runs in 5.0 s: 2 finished (18 done before)",
        "2 of 20 runs in 2 stacks on 2 workers; 18 done already; about 1.2 s",
        "2 runs in 5.0 s: 2 finished (18 done before)",
    ]


@pytest.mark.parametrize("make", [live, in_lines])
def test_a_plan_that_is_done_says_so(clock: Clock, make: Callable[[], tuple[StudyView, Terminal]]) -> None:
    view, terminal = make()
    runs = [SimpleNamespace(number=number, label=label) for number, label in enumerate(LABELS)]
    plan: Any = SimpleNamespace(
        runs=runs, done=dict.fromkeys(range(20), "finished"), groups=[], tasks=[], workers=1, seconds=0.0, title=""
    )
    view.planned(plan, "val_loss")
    view.ended()
    assert terminal.shown == ["nothing to train: 20 runs, all done already"]


def test_lines_come_every_few_seconds(clock: Clock) -> None:
    view, terminal = in_lines()
    begin(view)
    task = a_task(range(20))
    view.started(task)
    view.report(task, progress(0.0))
    clock.now += PAUSE - 0.1
    view.report(task, progress(0.1))
    assert terminal.shown == []
    clock.now += 0.1
    view.report(task, progress(0.25))
    view.report(task, progress(0.26))
    assert terminal.shown == ["0/20 runs, 25 %, 0 failed, 0:15 left"]
    view.report(task, ended(1, 0.9832))
    view.report(task, ended(2, None, "diverged"))
    view.report(task, Notice("a notice comes at once"))
    clock.now += PAUSE
    view.report(task, progress(0.5))
    assert terminal.shown[1:] == [
        "dltricks: a notice comes at once",
        "2/20 runs, 50 %, best val_accuracy 0.9832 (dropout=0 s1), 1 diverged, 0:10 left",
    ]
    for number in (0, *range(3, 20)):
        view.report(task, ended(number))
    view.report(task, Finished())
    view.close()
    assert terminal.shown[3:] == ["20 runs in 10.0 s: 19 finished, 1 diverged"]


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("view_class", [LiveView, LineView])
def test_training_outlives_its_terminal(clock: Clock, view_class: Callable[[Console], StudyView]) -> None:
    view = view_class(console(Gone()))
    begin(view)
    task = a_task(range(20))
    view.started(task)
    for _ in range(3):
        clock.now += 10
        view.report(task, progress(0.1))
        view.report(task, Notice("nobody hears"))
    view.close()
    assert view.screen.quiet


@pytest.mark.parametrize(
    ("terminal", "variables", "expected"),
    [
        (True, {"TERM": "xterm"}, LiveView),
        (True, {"TERM": "dumb"}, LineView),
        (False, {"TERM": "xterm", "FORCE_COLOR": "1"}, LineView),
        (True, {"TERM": "xterm", "FORCE_COLOR": ""}, LineView),
    ],
)
def test_the_view_fits_where_stderr_goes(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], expected: type[StudyView]
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", stderr)
    assert type(study_view()) is expected
