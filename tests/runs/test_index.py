import shutil

import numpy as np
import pytest
from runs.forging import plan
from runs.toy import HASH, train

from dltricks.core.errors import UsageError
from dltricks.runs import index, lock, sealed, study_file


@pytest.fixture
def runs(tmp_path):
    """runs/one with a run of each sort, and runs/two with a finished one."""
    root = tmp_path / "runs"
    for name, epochs in {"finished": None, "interrupted": 2, "running": 1}.items():
        train(root / "one" / name, halt_after=epochs)
    train(root / "one" / "damaged")
    (root / "one" / "damaged" / "metrics.jsonl").write_text("{}\n")
    (root / "one" / "empty-0123456789ab").mkdir()
    train(root / "two" / "alone")
    return root


def found(*places):
    return {entry.path.name: entry for entry in index.scan(places)}


def test_each_sort_of_run(runs):
    with lock.hold(runs / "one" / "running"):
        entries = found(runs)
    assert {name: entry.status for name, entry in entries.items()} == {
        **{name: name for name in ("finished", "interrupted", "running", "damaged")},
        "empty-0123456789ab": "empty",
        "alone": "finished",
    }
    finished = entries["finished"]
    assert finished.name == "toy"
    assert finished.hash == HASH
    assert finished.epochs == 4
    assert finished.config["optimizer"] == {"lr": 0.001, "name": "adam"}
    assert finished.final == {"epoch": 4, "val_loss": 0.25}
    assert finished.test is None
    assert finished.role is None
    assert finished.problem is None
    assert finished.metrics == ("val_loss",)
    np.testing.assert_array_equal(finished.curve("val_loss"), [1, 1 / 2, 1 / 3, 1 / 4])
    assert finished.curve("val_accuracy") is None
    np.testing.assert_array_equal(finished.seconds, [0.25] * 4)
    interrupted = entries["interrupted"]
    assert interrupted.final is None
    assert interrupted.epochs == 2
    np.testing.assert_array_equal(interrupted.curve("val_loss"), [1, 1 / 2])
    damaged = entries["damaged"]
    assert "metrics.jsonl: damaged" in damaged.problem
    assert damaged.config["name"] == "toy"
    assert damaged.final is None
    assert entries["empty-0123456789ab"].id == "0123456789ab"


@pytest.mark.parametrize(
    ("place", "names"), [("one/finished", 1), ("two", 1), ("one", 5), (".", 6), ("*/*nished", 1), ("one/*", 5)]
)
def test_places(runs, place, names):
    assert len(index.scan([runs / place])) == names


def test_each_run_once_and_sorted(runs):
    (runs / "three").symlink_to(runs / "two")
    entries = index.scan([runs / "two", runs, runs / "one"])
    paths = [entry.path for entry in entries]
    assert paths == sorted(paths)
    assert len(paths) == 6


@pytest.mark.parametrize(
    ("place", "message"),
    [("nowhere", "no such folder"), ("file", "is no folder"), ("bare", "holds no runs"), ("x*y", "holds no runs")],
)
def test_places_without_runs(runs, place, message):
    (runs / "bare" / "folder").mkdir(parents=True)
    (runs / "file").touch()
    with pytest.raises(UsageError, match=message):
        index.scan([runs, runs / place])


def test_a_study_of_which_no_run_is_there_yet(runs):
    study_file.save(runs / "planned", plan([HASH]))
    assert index.scan([runs / "planned"]) == []
    assert len(index.scan([runs, runs / "planned"])) == 6


def test_a_missing_file_is_damage(runs):
    for name in ("config.yaml", "weights.npz", "metrics.jsonl"):
        shutil.copytree(runs / "two" / "alone", runs / "lost" / name)
        (runs / "lost" / name / name).unlink()
    for name, entry in found(runs / "lost").items():
        assert entry.status == "damaged"
        assert entry.problem.endswith(f"{name}: missing")


def test_timing_is_no_result(runs):
    (runs / "two" / "alone" / "timing.jsonl").write_bytes(b"\xff\n")
    entry = found(runs / "two")["alone"]
    assert entry.status == "finished"
    assert entry.seconds.size == 0


def test_studies_on_the_way(runs):
    study_file.save(runs / "one", plan([HASH]))
    sealed.save(runs / "two" / "study.json", {"format": 1})
    (runs / "two" / "study.json").write_text("{}")
    plans = index.studies(index.scan([runs]))
    assert [run["hash"] for run in plans[runs / "one"]["runs"]] == [HASH]
    assert "damaged" in str(plans[runs / "two"])
