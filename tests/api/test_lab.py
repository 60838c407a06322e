"""Where runs lie, what is planned, and who hears of the training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dltricks
from dltricks.api.lab import Lab, Means, Silent, forget
from dltricks.api.session import open_study
from dltricks.core.errors import LockedError, UsageError
from dltricks.execution.events import Ended, Event, Finished, Notice, Progress
from dltricks.execution.packing import Plan
from dltricks.execution.task import PlannedRun, Task
from dltricks.experiment.study import experiments
from dltricks.runs import lock, reading


class Watch:
    """A view that remembers."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.plans: list[Plan] = []

    def planned(self, plan: Plan, metric: str) -> None:
        self.plans.append(plan)
        self.heard.append(f"planned {metric} {plan.title}".strip())

    def started(self, task: Task) -> None:
        self.heard.append(f"started {len(task.runs)}")

    def report(self, task: Task, event: Event) -> None:
        if isinstance(event, (Ended, Finished)):
            self.heard.append(type(event).__name__)

    def ended(self) -> None:
        self.heard.append("ended")


def silent() -> Silent:
    return Silent(lambda message: None)


def lab(view: Any = None, **means: Any) -> Lab:
    return Lab(Means(Path("runs"), **means), view or silent())


def placed(lab: Lab, *overrides: str, **values: Any) -> list[PlannedRun]:
    return lab.place(experiments(open_study("small.yaml", overrides, values)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"executor": "ray"}, "executor: found 'ray', allowed: serial, processes, dask"),
        ({"workers": 0}, "workers: found 0, allowed: a whole number from 1 to 1024"),
        ({"workers": 1025}, "workers: found 1025"),
        ({"executor": "serial", "workers": 2}, "the serial executor has one, found 2; the executor processes has more"),
        ({"executor": "dask"}, "address of a scheduler"),
        ({"scheduler": "tcp://a:1"}, "no other executor has one"),
        ({"executor": "processes", "scheduler": "tcp://a:1"}, "no other executor has one"),
        ({"executor": "dask", "scheduler": "tcp://a:1", "workers": 2}, "the scheduler knows its workers"),
        ({"threads": 0}, "threads: found 0"),
        ({"threads": 257}, "threads: found 257, allowed: a whole number from 1 to 256"),
    ],
)
def test_means_that_make_no_sense(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Means(Path("runs"), **values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"executor": "serial", "workers": 1},
        {"executor": "processes", "workers": 1024, "threads": 256},
        {"executor": "dask", "scheduler": "tcp://a:1", "threads": 1},
    ],
)
def test_means_that_make_sense(values: dict[str, Any]) -> None:
    assert Means(Path("runs"), **values).runs_dir == Path("runs")


def test_folders_are_named_by_what_varies(folder: Path) -> None:
    runs = placed(lab(), sweep={"dropout": [0, 0.2], "optimizer.lr": [0.01]}, seeds=[0, 3])
    assert [run.number for run in runs] == [0, 1, 2, 3]
    assert [run.label for run in runs] == [
        f"dropout={rate},optimizer.lr=0.01 s{seed}" for rate in (0, 0.2) for seed in (0, 3)
    ]
    for run in runs:
        assert run.path.parent == Path("runs/small")
        assert run.path.name == f"{run.label.replace(' ', '-')}-{run.experiment.hash[:12]}"
    (single,) = placed(lab())
    assert (single.label, single.path.name.split("-")[0]) == ("s0", "s0")
    (purposes,) = placed(lab(), seed={"init": 3, "order": 0})
    assert purposes.path.name.startswith("sinit=3-")


def test_a_run_is_found_by_its_hash_whatever_it_is_called(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", name="other", seed=1)
    found = placed(lab(), seeds=2)
    assert [each.path.parent.name for each in found] == ["small", "other"]
    assert found[1].path == run.path
    moved = run.path.rename(run.path.parent / f"kept-{run.path.name.rpartition('-')[2]}")
    assert placed(lab(), seeds=2)[1].path == moved
    dltricks.train("small.yaml", runs_dir="elsewhere", seed=1)
    Path("elsewhere/small").rename("runs/small")
    assert placed(lab(), seeds=2)[1].path.parent.name == "small"  # its own comes first


def test_a_plan_knows_what_has_ended(folder: Path) -> None:
    overrides = ["optimizer=sgd", "optimizer.lr=0.1,0.2,0.3,1e30,0.4"]
    runs = dltricks.train("small.yaml", overrides)
    (runs[1].path / "run.json").unlink()
    (runs[2].path / "metrics.jsonl").unlink()
    for path in sorted(runs[4].path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    mine = lab()
    plan = mine.plan(placed(mine, *overrides))
    assert plan.done == {0: "finished", 2: "damaged", 3: "diverged"}
    assert sorted(run.number for task in plan.tasks for run in task.runs) == [1, 4]
    fresh = mine.plan(placed(mine, *overrides), fresh=True)
    assert fresh.done == {}
    assert sorted(run.number for task in fresh.tasks for run in task.runs) == [0, 1, 2, 3, 4]


def test_workers_are_used_where_they_were_asked_for(folder: Path) -> None:
    for means, workers in [({"workers": 3}, 3), ({"executor": "serial"}, 1), ({"workers": 9}, 4), ({}, 1)]:
        mine = lab(**means)
        assert mine.plan(placed(mine, seeds=4)).workers == workers


def test_a_view_watches(folder: Path) -> None:
    watch = Watch()
    mine = lab(watch, executor="serial")
    plan = mine.plan(placed(mine, seeds=3))
    plan = replace(plan, title="first")
    assert mine.train(plan, "val_accuracy") == {}
    stacks = [f"started {len(task.runs)}" for task in plan.tasks]
    assert watch.heard[0] == "planned val_accuracy first"
    assert [each for each in watch.heard if each.startswith("started")] == stacks
    assert watch.heard.count("Ended") == 3
    assert watch.heard[-2:] == ["Finished", "ended"]
    assert watch.plans == [plan]
    watch.heard.clear()
    again = mine.plan(placed(mine, seeds=3))
    assert mine.train(again, "val_accuracy") == {}
    assert watch.heard == ["planned val_accuracy", "ended"]


def test_a_view_hears_of_the_end_however_it_comes(folder: Path) -> None:
    class Fails(Watch):
        def started(self, task: Task) -> None:
            raise KeyError("surprise")

    watch = Fails()
    mine = lab(watch, executor="serial")
    with pytest.raises(KeyError):
        mine.train(mine.plan(placed(mine, seeds=2)), "val_accuracy")
    assert watch.heard == ["planned val_accuracy", "ended"]


def test_silence_is_broken_for_notices_alone(folder: Path) -> None:
    told: list[str] = []
    view = Silent(told.append)
    (run,) = placed(lab())
    task = Task((run,))
    view.started(task)
    view.report(task, Progress(0.5, 1, 2, 1, 10.0))
    view.report(task, Notice("mind this"))
    view.report(task, Finished())
    view.ended()
    assert told == ["mind this"]


def test_to_forget_is_to_have_never_trained(folder: Path) -> None:
    mine = lab()
    (run,) = placed(mine)
    forget(run)
    assert not run.path.exists()
    dltricks.train("small.yaml")
    with lock.hold(run.path), pytest.raises(LockedError):
        forget(run)
    assert reading.status(run.path) == "finished"
    forget(run)
    assert reading.read_result(run.path) is None
    assert mine.plan([run]).done == {}
