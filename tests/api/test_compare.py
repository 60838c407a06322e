import json
from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.core.errors import UsageError

COMMON = {"limit": 60, "epochs": 2, "seeds": 3, "architecture": "linear"}


@pytest.fixture
def trained(folder: Path) -> Path:
    dltricks.train("small.yaml", ["optimizer=sgd,adam"], name="two", baseline="optimizer=adam", margin=0.5, **COMMON)
    return folder


def values(runs, optimizer):
    return [run.metrics["val_accuracy"][-1] for run in runs if run.config["optimizer"]["name"] == optimizer]


def test_the_values_are_those_of_the_runs(trained):
    runs = dltricks.train("small.yaml", ["optimizer=sgd,adam"], name="two", **COMMON)
    found = dltricks.compare("runs/two")
    assert [list(row.values) for row in found.rows] == [values(runs, "sgd"), values(runs, "adam")]
    assert [row.label for row in found.rows] == ["optimizer=sgd", "optimizer=adam"]
    first = [run.metrics["val_accuracy"] for run in runs[:3]]
    assert found.rows[0].curve.mean == pytest.approx(np.mean(first, axis=0))
    assert found.rows[0].seconds > 0


def test_what_was_declared_is_found_in_the_folder(trained):
    found = dltricks.compare("two")  # below runs
    assert (found.study, found.baseline, found.baseline_is, found.margin) == (
        "two", "optimizer=adam", "declared in the file", 0.5
    )  # fmt: skip
    assert dltricks.compare("runs/two", margin=0.1, baseline="optimizer=sgd").margin == 0.1


def test_runs_that_a_study_shares_with_another_are_found_where_they_lie(trained):
    dltricks.train("small.yaml", ["optimizer=sgd,momentum"], name="more", **COMMON)
    found = dltricks.compare("runs/more")
    assert [(row.label, len(row.values)) for row in found.rows] == [("optimizer=sgd", 3), ("optimizer=momentum", 3)]
    assert not list(Path("runs/more").glob("optimizer=sgd*"))


def test_places_conditions_and_everything(trained):
    assert len(dltricks.compare().rows) == 2
    assert len(dltricks.compare("runs/two/*-s0-*").rows[0].values) == 1
    assert [row.label for row in dltricks.compare(where="optimizer=sgd").rows] == ["optimizer=sgd"]
    assert dltricks.compare(where="seed<2").rows[0].counts == {"finished": 2}
    for wrong in ("nothing", "runs/nothing", "*/nothing*"):
        with pytest.raises(UsageError):
            dltricks.compare(wrong)


def test_a_damaged_folder_is_listed_and_the_rest_compared(trained):
    victim = next(Path("runs/two").glob("optimizer=sgd-s1*"))
    (victim / "metrics.jsonl").write_text("{}")
    found = dltricks.compare("runs/two")
    assert len(found.damaged) == 1
    assert "metrics.jsonl" in found.damaged[0]
    assert found.rows[0].counts == {"finished": 2, "damaged": 1}
    assert found.rows[1].verdict is None or found.rows[0].verdict.incomplete == (1,)


def test_a_damaged_plan_is_said_and_configurations_decide(trained):
    Path("runs/two/study.json").write_text("{}")
    found = dltricks.compare("runs/two")
    assert len(found.rows) == 2
    assert any("study.json" in note for note in found.notes)


def test_the_size_of_the_test_set_is_in_run_json(folder):
    Path("t.csv").write_text("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    Path("e.csv").write_text("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(6)))
    Path("t.yaml").write_text(
        "dataset: {name: csv, path: t.csv, test: e.csv, target: b}\nepochs: 1\nbatch_size: 8\nseeds: 2\n"
        "validation: 0.25\n"
    )
    dltricks.train("t.yaml")
    for path in Path("runs/t").glob("*/run.json"):
        assert json.loads(path.read_text())["samples"] == {"train": 30, "val": 10, "test": 6}
    found = dltricks.compare("runs/t", metric="test_accuracy")
    mean = found.rows[0].mean
    assert found.rows[0].sampling.se == pytest.approx((mean * (1 - mean) / 6) ** 0.5)


def test_regression_is_compared_by_its_loss(folder):
    Path("d.csv").write_text("a,b\n" + "".join(f"{i},{2 * i % 7}\n" for i in range(40)))
    Path("r.yaml").write_text(
        "dataset: {name: csv, path: d.csv, target: b, task: regression}\nepochs: 1\nseeds: 2\noptimizer: sgd\n"
        "sweep: {batch_size: [4, 8]}\n"
    )
    dltricks.train("r.yaml")
    found = dltricks.compare("runs/r")
    assert (found.metric, found.larger_is_better) == ("val_loss", False)
