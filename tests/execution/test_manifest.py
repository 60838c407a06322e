from __future__ import annotations

from pathlib import Path

import pytest
from execution.plans import seeds, tasks_of

from dltricks.core.errors import DamagedError, UsageError
from dltricks.execution import manifest
from dltricks.execution.packing import Plan
from dltricks.execution.task import Task
from dltricks.runs import sealed


def plan(tasks: list[Task]) -> Plan:
    runs = tuple(run for task in tasks for run in task.runs)
    return Plan(runs, {}, (), tuple(tasks), 1, 1.0)


def test_each_stack_is_read_by_its_number(tmp_path: Path) -> None:
    tasks = tasks_of(seeds(tmp_path / "runs", 5), 2)
    path = tmp_path / "new" / "folder" / "plan.json"
    manifest.save(path, plan(tasks))
    assert [manifest.load(path, index) for index in range(3)] == [task.to_json() for task in tasks]
    manifest.save(path, plan(tasks[:1]))
    assert manifest.load(path, 0) == tasks[0].to_json()


@pytest.mark.parametrize("index", [-1, 3, 10**30])
def test_stacks_that_do_not_exist(tmp_path: Path, index: int) -> None:
    manifest.save(tmp_path / "plan.json", plan(tasks_of(seeds(tmp_path / "runs", 5), 2)))
    with pytest.raises(UsageError) as caught:
        manifest.load(tmp_path / "plan.json", index)
    assert str(caught.value) == f"{tmp_path / 'plan.json'}: there is no stack {index}, allowed: 0 to 2"


def test_an_empty_plan(tmp_path: Path) -> None:
    manifest.save(tmp_path / "plan.json", plan([]))
    with pytest.raises(UsageError, match="nothing is left to train"):
        manifest.load(tmp_path / "plan.json", 0)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.json: no such file; .*--manifest .*no\.json writes it"):
        manifest.load(tmp_path / "no.json", 0)


def test_damage(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    manifest.save(path, plan(tasks_of(seeds(tmp_path / "runs", 2), 2)))
    whole = path.read_bytes()
    for text in (whole[:-9], whole.replace(b'"epochs": 3', b'"epochs": 4'), b"hello"):
        assert text != whole
        path.write_bytes(text)
        with pytest.raises(DamagedError, match="damaged"):
            manifest.load(path, 0)
    for content, words in (
        ({"format": manifest.FORMAT}, "not what a manifest holds"),
        ({"format": manifest.FORMAT, "tasks": {}}, "not what a manifest holds"),
        ({"format": manifest.FORMAT + 1, "tasks": []}, "newer dltricks"),
    ):
        sealed.save(path, content)
        with pytest.raises(DamagedError, match=words):
            manifest.load(path, 0)
