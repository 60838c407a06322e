from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.core.errors import UsageError


def write_npz(path: Path, task: str) -> None:
    rng = np.random.default_rng(0)
    x, test_x = rng.normal(size=(200, 5)), rng.normal(size=(90, 5))
    if task == "classification":
        y, test_y = (np.abs(part[:, 0]).astype(np.int64).clip(0, 2) for part in (x, test_x))
    else:
        y, test_y = (part[:, :2] @ np.ones((2, 2)) for part in (x, test_x))
    np.savez(path, x=x, y=y, test_x=test_x, test_y=test_y)


CONFIGURATIONS = {
    "plain": {},
    "batch norm, dropout": {"normalization": "batch", "dropout": 0.3},
    "ema": {"normalization": "batch", "averaging": {"name": "ema", "decay": 0.9}},
    "swa": {"normalization": "batch", "averaging": {"name": "swa", "start": 2}},
    "best": {"early_stopping": {"patience": 2}, "optimizer": {"name": "adam", "lr": 0.2}},
    "float64": {"dtype": "float64"},
    "no validation": {"validation": 0},
    "validation on test": {"validation": "test"},
}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_same_numbers_to_the_last_bit(folder: Path, name: str, task: str) -> None:
    write_npz(folder / "data.npz", task)
    dataset = {"name": "npz", "path": "data.npz", "task": task}
    (run,) = dltricks.train("small.yaml", dataset=dataset, limit="none", **{"epochs": 6, **CONFIGURATIONS[name]})
    found = dltricks.evaluate(run.path)
    score = "accuracy" if task == "classification" else "rmse"
    expected = {"test_loss", f"test_{score}"}
    if name != "no validation":
        expected |= {"val_loss", f"val_{score}"}
    assert set(found.recorded) == expected
    assert {metric: found.metrics[metric] for metric in found.recorded} == found.recorded
    assert found.changed == []
    assert set(found.metrics) == expected | {"train_loss", f"train_{score}"}
    assert found.part == "test"


def test_who_is_taken_for_whom(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml")
    found = dltricks.evaluate(run.path)
    assert found.part == "val"
    assert found.classes == [str(digit) for digit in range(10)]
    assert found.confusion is not None
    assert found.confusion.sum() == 180
    assert np.trace(found.confusion) / 180 == found.metrics["val_accuracy"]
    for number, row in enumerate(found.per_class):
        samples, right = int(found.confusion[number].sum()), int(found.confusion[number, number])
        assert row == {"class": str(number), "samples": samples, "right": right, "accuracy": right / samples}


def test_a_class_without_samples_has_no_accuracy(folder: Path) -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    np.savez(folder / "data.npz", x=x, y=np.arange(40) % 2, test_x=x[:3], test_y=np.zeros(3, np.int64))
    (run,) = dltricks.train("small.yaml", dataset={"name": "npz", "path": "data.npz"}, limit="none")
    rows = dltricks.evaluate(run.path).per_class
    assert [row["samples"] for row in rows] == [3, 0]
    assert rows[1]["accuracy"] is None


def test_regression_has_no_classes(folder: Path) -> None:
    write_npz(folder / "data.npz", "regression")
    dataset = {"name": "npz", "path": "data.npz", "task": "regression"}
    (run,) = dltricks.train("small.yaml", dataset=dataset, limit="none")
    found = dltricks.evaluate(run.path)
    assert (found.classes, found.confusion, found.per_class) == ([], None, [])


def test_without_other_parts_the_training_part_is_counted(folder: Path) -> None:
    dltricks.train("small.yaml", validation=0)
    found = dltricks.evaluate("small")
    assert found.part == "train"
    assert found.recorded == {}
    assert found.confusion is not None
    assert found.confusion.sum() == 300


def test_a_diverged_run_has_nothing_recorded(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", optimizer={"name": "sgd", "lr": 1e30})
    found = dltricks.evaluate(run.path)
    assert found.recorded == {}
    assert found.changed == []


def test_a_changed_number_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = dltricks.train("small.yaml")
    found = dltricks.evaluate(run.path)
    found.metrics["val_loss"] = np.nextafter(found.metrics["val_loss"], 9)
    assert found.changed == ["val_loss"]


def test_only_runs_are_evaluated(folder: Path) -> None:
    with pytest.raises(UsageError, match="holds no runs"):
        dltricks.evaluate("small.yaml")
