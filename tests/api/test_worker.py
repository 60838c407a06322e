"""``dltricks.worker``: one stack of a manifest."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.shell import all_decisive

import dltricks
from dltricks.cli.study_progress import LineView
from dltricks.cli.tables import console
from dltricks.core.errors import DamagedError, LockedError, SomeFailedError, UsageError
from dltricks.runs import lock, sealed

INITIALIZER = '''\
"""Mine: the same as he."""
from dataclasses import dataclass

from dltricks.initializers.he import He as Base


@dataclass
class Mine(Base):
    """W ~ N(0, 2 / fan_in)"""
'''


def planned(**values: Any) -> int:
    """Writes m.json; the number of its stacks."""
    return len(dltricks.plan("small.yaml", manifest="m.json", **values).tasks)


def test_trains_one_stack(folder: Path) -> None:
    dltricks.train("small.yaml", seeds=4, runs_dir="calm")
    stacks = planned(seeds=4, workers=2)
    assert stacks >= 2
    first = dltricks.worker("m.json", 0)
    assert {run.path.absolute() for run in first} == {path.parent for path in folder.glob("runs/*/*/run.json")}
    assert len(first) < 4
    for index in range(1, stacks):
        dltricks.worker("m.json", index, threads=1)
    assert all_decisive(folder / "runs") == all_decisive(folder / "calm")
    assert [run.result for run in dltricks.worker("m.json", 0)] == [run.result for run in first]


def test_warnings_go_to_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned()
    (run,) = dltricks.worker("m.json", 0)
    for notify in (None, (told := []).append):
        (run.path / "run.json").unlink()
        (run.path / "env.json").write_text("{}")
        dltricks.worker("m.json", 0, notify=notify)
        out, err = capsys.readouterr()
        assert out == ""
        assert bool(err) == (notify is None)
    assert told


@pytest.mark.parametrize("index", [-1, 1, 10**9])
def test_stacks_that_there_are_not(folder: Path, index: int) -> None:
    planned()
    with pytest.raises(UsageError, match=rf"m\.json: there is no stack {index}, allowed: 0 to 0"):
        dltricks.worker("m.json", index)


def test_manifests_that_are_none(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"m\.json: no such file; dltricks train FILE --plan --manifest m\.json"):
        dltricks.worker("m.json", 0)
    planned()
    content = json.loads(Path("m.json").read_text())
    for damaged in ("", "{}", "[]", json.dumps({**content, "tasks": []})):
        Path("m.json").write_text(damaged)
        with pytest.raises(DamagedError, match=r"m\.json"):
            dltricks.worker("m.json", 0)
    sealed.save(Path("m.json"), {"format": 1, "tasks": {}})
    with pytest.raises(DamagedError, match="tasks is not what a manifest holds there; plan anew"):
        dltricks.worker("m.json", 0)
    sealed.save(Path("m.json"), {"format": 2, "tasks": []})
    with pytest.raises(DamagedError, match="newer dltricks"):
        dltricks.worker("m.json", 0)
    assert not Path("runs").exists()


def test_threads(folder: Path) -> None:
    planned()
    with pytest.raises(UsageError, match="threads: found 0"):
        dltricks.worker("m.json", 0, threads=0)


def test_data_that_have_changed_since(folder: Path) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(60)]
    (folder / "a.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    planned(dataset={"name": "csv", "path": "a.csv", "target": "label"}, limit="none", seeds=2, workers=1)
    (folder / "a.csv").write_text("\n".join(["a,b,label", *rows[:-1]]) + "\n")
    with pytest.raises(DamagedError, match="have changed since this run was planned; plan anew"):
        dltricks.worker("m.json", 0)
    (folder / "a.csv").unlink()
    with pytest.raises(UsageError, match=r"a\.csv"):
        dltricks.worker("m.json", 0)
    assert not list(Path("runs").glob("*/*/config.yaml"))


def test_runs_that_are_refused_do_not_keep_others_from_being_trained(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run of a stack was planned with another plugin."""
    (folder / "mine.py").write_text(INITIALIZER)
    sweep = {"initializer": ["mine", "he"]}
    planned(plugins=["mine.py"], workers=1, sweep=sweep, seeds=2)
    tasks = json.loads(Path("m.json").read_text())["tasks"]
    # As one stack, however many they were.
    runs = sorted((run for task in tasks for run in task["runs"]), key=lambda run: run["number"])
    assert [run["config"]["initializer"]["name"] for run in runs] == ["mine", "mine", "he", "he"]
    runs[0]["hash"] = "0" * 64
    sealed.save(Path("m.json"), {"format": 1, "tasks": [{**tasks[0], "runs": runs}]})
    view = LineView(console(stderr=True))
    with pytest.raises(SomeFailedError, match=r"1 of 4 runs failed:\n.*plan anew"):
        dltricks.worker("m.json", 0, view=view)
    assert len(list(Path("runs").glob("*/*/run.json"))) == 3
    assert "3 finished" in capsys.readouterr().err


def test_a_run_that_another_process_trains(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["dltricks.execution.campaign"], "AGAIN_SECONDS", 0.0)
    planned()
    (run,) = dltricks.worker("m.json", 0)
    (run.path / "run.json").unlink()
    with lock.hold(run.path), pytest.raises(LockedError):
        dltricks.worker("m.json", 0)
    assert dltricks.worker("m.json", 0)[0].result == run.result
