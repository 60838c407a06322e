from __future__ import annotations

import re

from cli.study_views import Clock, Terminal, a_task, begin, ended, live, progress

from dltricks.cli.screen import REFRESH
from dltricks.execution.events import Finished, Lost


def left(terminal: Terminal) -> str | None:
    found = re.search(r"([\d:]+) left", terminal.shown[0])
    return found and found[1]


def test_time_left_counts_only_the_work_of_this_session(clock: Clock) -> None:
    """15 of 20 runs were done before; the other 5 go on from the middle."""
    view, terminal = live()
    begin(view, done=15)
    task = a_task(range(15, 20))
    view.started(task)
    clock.now += 7  # a process that starts
    view.report(task, progress(0.5))
    clock.now += 0.9
    view.report(task, progress(0.55))
    assert left(terminal) is None
    clock.now += 9.1
    view.report(task, progress(0.6))
    assert terminal.shown[0].startswith("15/20 runs")
    assert " 90 % " in terminal.shown[0]
    assert left(terminal) == "0:40"


def test_time_left_counts_stacks_that_have_ended(clock: Clock) -> None:
    view, terminal = live()
    begin(view)
    first, second = a_task(range(10)), a_task(range(10, 20))
    view.started(first)
    clock.now += 20
    for number in range(10):
        view.report(first, ended(number))
    view.report(first, Finished())
    view.started(second)
    clock.now += 1
    view.report(second, progress(0.0))
    assert left(terminal) == "0:21"


def test_towards_the_end_the_longest_stack_decides(clock: Clock) -> None:
    """Two stacks together did 1.1 in 10 s, but of the one that is left there is 0.9 to do, at 0.1 in 10 s."""
    view, terminal = live()
    begin(view)
    first, second = a_task(range(10)), a_task(range(10, 20))
    for task in (first, second):
        view.started(task)
        view.report(task, progress(0.0))
    clock.now += 10
    for number in range(10):
        view.report(first, ended(number))
    view.report(first, Finished())
    clock.now += 1e-9
    view.report(second, progress(0.1))
    clock.now += REFRESH
    view.report(second, progress(0.1))
    assert left(terminal) == "1:31"


def test_lost_work_is_not_done(clock: Clock) -> None:
    view, terminal = live()
    begin(view)
    task = a_task(range(20))
    view.started(task)
    view.report(task, progress(0.8))
    for number in range(5):
        view.report(task, ended(number))
    clock.now += 1
    view.report(task, Lost("killed"))
    assert terminal.shown[1].startswith("5/20 runs")
    assert terminal.shown[1].endswith(" 25 %")
