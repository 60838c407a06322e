from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runs import forging

import dltricks
from dltricks.api.gc import Garbage, clear, search
from dltricks.api.lab import Lab, Means, Silent
from dltricks.api.session import open_study
from dltricks.core.errors import FileSystemError, UsageError
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer
from dltricks.execution.stack import train_stack
from dltricks.experiment.study import experiments
from dltricks.runs import files, lock, reading, study_file
from dltricks.runs.signals import Signals

TUNING = 1_000_000


class Crash(Hook):
    """Ends training as no caller expects it."""

    class CrashError(Exception):
        pass

    def on_epoch_end(self, run: Trainer) -> None:
        raise self.CrashError


@pytest.fixture
def told() -> list[str]:
    """What ``gc`` tells people."""
    return []


def train(**values: Any) -> Path:
    return dltricks.train("small.yaml", **values)[0].path


def tune(seed: int = TUNING) -> Path:
    """A run as tuning trains it."""
    study = open_study("small.yaml", (), {"seed": seed})
    lab = Lab(Means(Path("runs")), Silent(print))
    (run,) = lab.place(experiments(study), "tuning")
    train_stack([run], lambda event: None, Signals(), lab.datasets)
    return run.path


def interrupt(**values: Any) -> Path:
    before = set(Path("runs").glob("*/*"))
    with pytest.raises(Crash.CrashError):
        dltricks.train("small.yaml", hooks=[Crash()], **values)
    (path,) = set(Path("runs").glob("*/*")) - before
    assert reading.status(path) == "interrupted"
    return path


def plan(folder: Path, *runs: Path, tuned: Any = None, name: str = "small") -> None:
    """Writes study.json as a study of these runs does."""
    planned = []
    for run in runs:
        result = reading.read_result(run)
        assert result is not None
        planned.append({"hash": result["hash"], "arm": "", "seed": result["seed"]})
    study_file.save(folder / "runs" / name, {**forging.plan([]), "runs": planned, "tuned": tuned})


def superseded(name: str = "small") -> list[str]:
    study = study_file.load(Path("runs") / name)
    assert study is not None
    return [config_hash[:12] for config_hash in study["superseded"]]


def digits(run: Path) -> str:
    return run.name.rpartition("-")[2]


def size(run: Path) -> int:
    return sum(path.stat().st_size for path in run.rglob("*") if path.is_file())


def listed(told: list[str], *names: str, **options: Any) -> dict[str, str]:
    return {garbage.path.name: garbage.why for garbage in dltricks.gc(names, notify=told.append, **options)}


def test_each_sort_is_listed_and_removed_and_nothing_else(folder: Path, told: list[str]) -> None:
    finished, replaced, tuning = train(seed=0), train(seed=1), tune()
    diverged = train(seed=3, optimizer={"name": "sgd", "lr": 1e30})
    assert reading.status(diverged) == "diverged"
    broken_off = interrupt(seed=2)
    plan(folder, finished, replaced)
    plan(folder, finished)
    expected = [
        Garbage(broken_off, "interrupted", size(broken_off)),
        Garbage(replaced, "superseded", size(replaced)),
        Garbage(tuning, "tuning, not yet judged", size(tuning)),
    ]
    expected.sort(key=lambda garbage: garbage.path)
    assert dltricks.gc(notify=told.append) == expected
    assert all(garbage.path.exists() for garbage in expected)
    after = dltricks.gc(remove=True, notify=told.append)
    assert after == [Garbage(each.path, each.why, each.bytes, removed=True) for each in expected]
    assert sorted(Path("runs/small").iterdir()) == sorted([finished, diverged, Path("runs/small/study.json")])
    assert superseded() == []
    assert told == []
    assert dltricks.gc(notify=told.append) == []


@pytest.mark.parametrize("sort", ["interrupted", "superseded", "tuning"])
def test_only_the_sorts_that_are_asked_for(folder: Path, told: list[str], sort: str) -> None:
    kept, replaced = train(seed=0), train(seed=1)
    runs = {"interrupted": interrupt(seed=2), "superseded": replaced, "tuning": tune()}
    plan(folder, kept, replaced)
    plan(folder, kept)
    others = {name: name == sort for name in runs}
    assert listed(told, remove=True, **others) != {}
    assert [name for name, path in runs.items() if not path.exists()] == [sort]
    assert superseded() == ([] if sort == "superseded" else [digits(replaced)])


def test_the_list_of_the_superseded_forgets_what_is_removed_in_whatever_way(folder: Path, told: list[str]) -> None:
    kept, replaced, other = (train(seed=seed) for seed in range(3))
    plan(folder, kept, replaced, other)
    plan(folder, kept)
    (replaced / "run.json").unlink()
    assert listed(told, superseded=False, remove=True) == {replaced.name: "interrupted"}
    assert superseded() == [digits(other)]


def test_what_another_study_plans_is_not_superseded(folder: Path, told: list[str]) -> None:
    kept, replaced = train(seed=0), train(seed=1)
    plan(folder, kept, replaced)
    plan(folder, kept)
    plan(folder, replaced, name="other")
    assert listed(told) == {}
    assert listed(told, "small") == {}
    (folder / "runs" / "other" / "study.json").unlink()
    assert listed(told) == {replaced.name: "superseded"}


def test_what_was_trained_for_another_experiment_is_not_superseded(folder: Path, told: list[str]) -> None:
    kept, shared = train(seed=0), train(seed=1, name="other")
    plan(folder, kept, shared)
    plan(folder, kept)
    assert superseded() == [digits(shared)]
    assert listed(told) == {}


def test_a_damaged_plan_keeps_everything_that_it_may_plan(folder: Path, told: list[str]) -> None:
    kept, replaced = train(seed=0), train(seed=1)
    plan(folder, kept, replaced)
    plan(folder, kept)
    (folder / "runs" / "other").mkdir()
    (folder / "runs" / "other" / "study.json").write_bytes(b"{}")
    assert listed(told, remove=True) == {}
    (message,) = told
    assert message.startswith("runs/other/study.json: damaged")
    assert message.endswith("no run can be called superseded without it, so none is")


def test_tuning_is_judged_once_its_choice_is_frozen(folder: Path, told: list[str]) -> None:
    path = tune(TUNING + 3)
    assert listed(told) == {path.name: "tuning, not yet judged"}
    judged = train(seed=0)
    plan(folder, judged)
    assert listed(told) == {path.name: "tuning, not yet judged"}
    plan(folder, judged, tuned={"plan": ""})
    assert listed(told) == {path.name: "tuning"}


def test_a_large_seed_alone_makes_no_tuning_run(folder: Path, told: list[str]) -> None:
    """Some people take the date for a seed."""
    train(seed=20_240_101)
    assert listed(told) == {}
    path = interrupt(seed=TUNING)
    assert listed(told) == {path.name: "interrupted"}
    assert listed(told, interrupted=False) == {}


def test_a_run_in_training_is_not_listed(folder: Path, told: list[str]) -> None:
    path, tuning = interrupt(), tune()
    with lock.hold(path), lock.hold(tuning):
        assert listed(told, remove=True) == {}
    assert listed(told) == {path.name: "interrupted", tuning.name: "tuning, not yet judged"}


def test_a_run_that_a_study_judges_is_none_of_tuning(folder: Path, told: list[str]) -> None:
    path = tune()
    plan(folder, path, tuned={"plan": ""})
    assert listed(told) == {}


def test_a_damaged_run_stays_and_is_mentioned_with_the_remedy(folder: Path, told: list[str]) -> None:
    path = tune()
    (path / "metrics.jsonl").write_bytes(b"{}\n")
    assert listed(told, remove=True) == {}
    (message,) = told
    assert message.startswith(f"{path}/metrics.jsonl: damaged")
    assert message.endswith("it stays: train it again with --fresh, or remove its folder yourself")
    assert path.exists()


def test_folders_of_runs_that_never_began(folder: Path, told: list[str]) -> None:
    path = Path("runs/small/s0-0123456789ab")
    path.mkdir(parents=True)
    (path / ".lock").write_bytes(b"")
    (path / ".tmp-config.yaml-7").write_bytes(b"name: sm")
    foreign = Path("runs/small/s1-0123456789ab")
    foreign.mkdir()
    (foreign / "notes.txt").write_bytes(b"")
    assert dltricks.gc(remove=True) == [Garbage(path, "interrupted", 8, removed=True)]
    assert (path.exists(), foreign.exists()) == (False, True)


def test_only_folders_named_as_runs_are_looked_at(folder: Path, told: list[str]) -> None:
    path = interrupt()
    path.rename(path.with_name("keep this"))
    assert listed(told) == {}
    path.with_name("keep this").rename(path)
    assert listed(told) == {path.name: "interrupted"}


def test_links_are_not_followed(folder: Path, told: list[str]) -> None:
    path = interrupt()
    elsewhere = folder / "elsewhere"
    Path("runs/small").rename(elsewhere)
    Path("runs/small").symlink_to(elsewhere)
    assert listed(told, remove=True) == {}
    assert told == ["runs/small: a link, which is not followed; its runs stay"]
    Path("runs/other").mkdir()
    (Path("runs/other") / path.name).symlink_to(elsewhere / path.name)
    assert listed(told, "other", remove=True) == {}
    assert reading.status(elsewhere / path.name) == "interrupted"


def test_names_limit_to_experiments(folder: Path, told: list[str]) -> None:
    one, two = interrupt(seed=0), interrupt(seed=1, name="other")
    assert listed(told) == {one.name: "interrupted", two.name: "interrupted"}
    assert listed(told, "other") == {two.name: "interrupted"}
    assert [garbage.path for garbage in dltricks.gc("small")] == [one]
    assert [garbage.path for garbage in dltricks.gc(["small", "small"])] == [one]


def test_unknown_names(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown experiment 'smal': runs holds no runs; name it with --runs-dir"):
        dltricks.gc("smal")
    train()
    with pytest.raises(UsageError, match=r"unknown experiment 'smal'; did you mean 'small'\? .* below runs"):
        dltricks.gc("smal")
    with pytest.raises(UsageError, match="unknown experiment"):
        dltricks.gc("study.json")


def test_without_any_runs_there_is_nothing_to_remove(folder: Path) -> None:
    assert dltricks.gc(remove=True) == []
    assert not Path("runs").exists()


def test_listing_writes_nothing(folder: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(seed=1)
    plan(folder, train(seed=0))

    class ReadOnly(files.Disk):
        def open(self, path: Path, flags: int) -> int:
            assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            return super().open(path, flags)

        def unlink(self, path: Path) -> None:
            raise AssertionError(path)

    monkeypatch.setattr(files, "disk", ReadOnly())
    assert len(listed(told)) == 1


class Stuck(files.Disk):
    """Removes no file of one run."""

    def __init__(self, run: Path) -> None:
        self.run = run

    def unlink(self, path: Path) -> None:
        if self.run in path.parents:
            raise PermissionError(13, "Permission denied")
        super().unlink(path)


@pytest.fixture
def stuck(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One of three interrupted runs, which cannot be removed."""
    paths = sorted(interrupt(seed=seed) for seed in range(3))
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", Stuck(paths[1]))
        yield paths[1]


def test_what_cannot_be_removed_does_not_keep_the_others(stuck: Path, told: list[str]) -> None:
    with pytest.raises(FileSystemError, match=rf"{stuck.name}/.*: Permission denied"):
        dltricks.gc(remove=True, notify=told.append)
    assert list(Path("runs/small").iterdir()) == [stuck]


def test_each_is_told_whether_it_was_removed(stuck: Path, told: list[str]) -> None:
    after, failures = clear(find(told), "runs", told.append)
    assert [garbage.path == stuck for garbage in after] == [not garbage.removed for garbage in after]
    assert (len(after), len(failures), told) == (3, 1, [])


def find(told: list[str]) -> list[Garbage]:
    return search((), "runs", interrupted=True, superseded=True, tuning=True, notify=told.append)


def test_what_changed_since_it_was_listed_stays(folder: Path, told: list[str]) -> None:
    kept, replaced, broken_off = train(seed=0), train(seed=1), interrupt(seed=2)
    gone, locked = interrupt(seed=3), interrupt(seed=4)
    plan(folder, kept, replaced)
    plan(folder, kept)
    found = find(told)
    assert {each.path for each in found} == {replaced, broken_off, gone, locked}
    plan(folder, kept, replaced)
    train(seed=2)
    for path in sorted(gone.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    gone.rmdir()
    with lock.hold(locked):
        after, failures = clear(found, "runs", told.append)
    assert failures == []
    assert not any(garbage.removed for garbage in after)
    assert all(path.exists() for path in (replaced, broken_off, locked))
    messages = {path: next(message for message in told if str(path) in message) for path in (replaced, broken_off)}
    assert messages[replaced].endswith("has been planned meanwhile; it stays")
    assert messages[broken_off].endswith("has been finished meanwhile; it stays")
    assert f"{gone}: is gone already" in told
    assert any("is training this run" in message for message in told)
    assert len(told) == 4


def test_foreign_files_stay_and_are_mentioned(folder: Path, told: list[str]) -> None:
    path = interrupt()
    (path / "notes.txt").write_text("why I stopped")
    (garbage,) = dltricks.gc(remove=True, notify=told.append)
    assert garbage.removed
    assert [each.name for each in path.iterdir()] == ["notes.txt"]
    assert told == [f"{path}: the folder stays, for it holds what dltricks did not write: notes.txt"]
    assert listed(told) == {}


def test_what_is_left_alone_goes_to_stderr_unless_told_otherwise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = train()
    (path / "run.json").write_bytes(b"{}")
    assert dltricks.gc() == []
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"dltricks: {path}/run.json: damaged")


def test_a_removed_run_trains_anew_to_the_same_bytes(folder: Path) -> None:
    path = tune()
    before = {name: (path / name).read_bytes() for name in ("config.yaml", "run.json", "metrics.jsonl", "weights.npz")}
    dltricks.gc(remove=True)
    assert not path.exists()
    assert tune() == path
    assert {name: (path / name).read_bytes() for name in before} == before
