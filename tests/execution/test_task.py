from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from execution.plans import experiment, runs_of, write_fuse
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core import registry
from dltricks.core.errors import DamagedError, DltricksError, UsageError
from dltricks.execution.task import PlannedRun, Task, cut

CSV = {"name": "csv", "path": "a.csv", "target": "label"}


def write_table(folder: Path, extra: str = "") -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(40)]
    (folder / "a.csv").write_text("\n".join(["a,b,label", *rows]) + f"\n{extra}")


def refuse(number: int, error: DltricksError) -> None:
    raise error


def sent(task: Task) -> Task:
    """The task as another process gets it."""
    registry.forget_plugins()
    return Task.from_json(json.loads(json.dumps(task.to_json())), refuse)


def test_a_task_is_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path)
    fuse = [write_fuse(tmp_path)]
    monkeypatch.chdir(tmp_path)
    runs = runs_of(
        Path("runs"),
        [
            experiment(tmp_path, fuse, augmentation=["noise", {"name": "fuse", "deadly": 1e-300}], dropout=0.1 + 0.2),
            experiment(tmp_path, dataset=CSV, limit="none", checkpoint_seconds=7, expect={"val_loss": "< 9"}),
            experiment(tmp_path, seed={"init": 2**63 - 1, "data": 3}, dataset="moons", limit="none", batch_size="full"),
        ],
    )
    runs[1] = replace(runs[1], role="tuning")
    task = Task(tuple(runs), Path("data"))
    found = sent(task)
    assert found.data_dir == tmp_path / "data"
    assert (found.attempt, found.epochs) == (1, 3)
    for run, again in zip(runs, found.runs, strict=True):
        assert again.path == tmp_path / run.path
        assert (again.number, again.label, again.role) == (run.number, run.label, run.role)
        one, other = run.experiment, again.experiment
        assert (other.hash, other.config, other.folder) == (one.hash, one.config, one.folder)
        assert list(other.config) == list(one.config)
        assert (other.expect, other.checkpoint_seconds) == (one.expect, one.checkpoint_seconds)
        assert other.recipe.seeds == one.recipe.seeds
    # A plugin that was loaded again is another class of the same content.
    assert repr(found.runs[0].experiment.recipe) == repr(runs[0].experiment.recipe)
    assert [recipe.experiment.recipe for recipe in found.runs[1:]] == [run.experiment.recipe for run in runs[1:]]
    assert sent(found).to_json() == task.to_json()
    assert sent(Task(tuple(runs))).data_dir is None


def test_what_is_known_is_not_resolved_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for users' files, which may have changed, and another configuration under the same hash."""
    write_table(tmp_path)
    monkeypatch.chdir(tmp_path)
    plain, table = experiment(tmp_path), experiment(tmp_path, dataset=CSV, limit="none")
    values = json.loads(json.dumps(Task(tuple(runs_of(Path("runs"), [plain, table]))).to_json()))
    known = {each.hash: each for each in (plain, table)}
    first, second = Task.from_json(values, refuse, known).runs
    assert first.experiment is plain
    assert second.experiment is not table
    assert second.experiment.hash == table.hash
    values["runs"][0]["config"]["checkpoint_seconds"] = 7
    assert Task.from_json(values, refuse, known).runs[0].experiment.checkpoint_seconds == 7


def test_files_that_have_changed_since_are_refused(tmp_path: Path) -> None:
    write_table(tmp_path)
    fuse = write_fuse(tmp_path)
    runs = runs_of(
        tmp_path / "runs",
        [
            experiment(tmp_path, dataset=CSV, limit="none"),
            experiment(tmp_path),
            experiment(tmp_path, [fuse], augmentation=["fuse"]),
        ],
    )
    values = Task(tuple(runs)).to_json()
    write_table(tmp_path, "1,1,yes\n")
    fuse.write_text(fuse.read_text() + "# edited\n")
    refused: dict[int, DltricksError] = {}
    found = Task.from_json(values, refused.__setitem__)
    assert [run.number for run in found.runs] == [1]
    assert list(refused) == [0, 2]
    for number, error in refused.items():
        assert isinstance(error, DamagedError)
        assert str(error) == (
            f"{runs[number].path}: data, plugins or dltricks itself have changed since this run was planned; plan anew"
        )


def test_what_is_missing_elsewhere_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path)
    fuse = write_fuse(tmp_path)
    plan = [
        experiment(tmp_path, [fuse], augmentation=["fuse"]),
        experiment(tmp_path, dataset=CSV, limit="none"),
    ]
    values = Task(tuple(runs_of(tmp_path / "runs", plan))).to_json()
    registry.forget_plugins()
    fuse.unlink()
    (tmp_path / "a.csv").unlink()
    refused: dict[int, DltricksError] = {}
    assert Task.from_json(values, refused.__setitem__).runs == ()
    assert [type(error) for error in refused.values()] == [UsageError, UsageError]
    assert "fuse.py" in str(refused[0])
    assert "a.csv" in str(refused[1])


def test_a_changed_configuration_is_refused(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path / "runs", [experiment(tmp_path)])
    values = run.to_json()
    values["config"] = {**values["config"], "epochs": 4}
    with pytest.raises(DamagedError, match="plan anew"):
        PlannedRun.from_json(values)


@given(st.integers(0, 60), st.integers(1, 70))
def test_cut(length: int, pieces: int) -> None:
    run = PlannedRun(0, None, Path("runs"))
    runs = [replace(run, number=number) for number in range(length)]
    parts = cut(runs, pieces)
    assert list(chain.from_iterable(parts)) == runs
    assert len(parts) == min(pieces, length)
    lengths = [len(part) for part in parts]
    assert not lengths or max(lengths) - min(lengths) <= 1
    assert all(lengths)
