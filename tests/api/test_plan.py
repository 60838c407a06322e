"""``dltricks.plan``, the function of ``train --plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.shell import tree

import dltricks
from dltricks.core.errors import UsageError
from dltricks.execution import manifest
from dltricks.runs import study_file

VALUES: dict[str, Any] = {"sweep": {"dropout": [0, 0.2]}, "seeds": 2}


def test_a_plan_is_what_training_does(folder: Path) -> None:
    before = tree(folder)
    plan = dltricks.plan("small.yaml", **VALUES)
    assert tree(folder) == before
    assert plan.done == {}
    assert sorted(run.number for task in plan.tasks for run in task.runs) == [0, 1, 2, 3]
    runs = dltricks.train("small.yaml", **VALUES)
    assert [run.path for run in runs] == [run.path for run in plan.runs]
    assert [run.result["hash"] for run in runs] == [run.experiment.hash for run in plan.runs]
    again = dltricks.plan("small.yaml", **VALUES)
    assert (again.tasks, again.seconds) == ((), 0)
    assert again.done == dict.fromkeys(range(4), "finished")


def test_ways_to_ask(folder: Path) -> None:
    hashes = {
        tuple(run.experiment.hash for run in plan.runs)
        for plan in [
            dltricks.plan("small.yaml", ["dropout=0,0.2", "seeds=2"]),
            dltricks.plan("small.yaml", {"seeds": 2}, sweep={"dropout": [0, 0.2]}, runs_dir="elsewhere", workers=1),
            dltricks.plan(folder / "small.yaml", **VALUES, workers=3),
        ]
    }
    assert len(hashes) == 1
    assert dltricks.plan("small.yaml", **VALUES, workers=3).workers == 3


def test_a_plan_of_an_ablation_is_what_it_trains(folder: Path) -> None:
    before = tree(folder)
    plan = dltricks.plan("small.yaml", ablate=True, seeds=2, epochs=1)
    assert tree(folder) == before
    more = dltricks.plan("small.yaml", ablate=True, pairs=True, seeds=2, epochs=1, dropout=0.2)
    assert (len(plan.runs), len(more.runs)) == (16, 2 * (2 + 4 + 4 + 6))
    trained = dltricks.ablate("small.yaml", seeds=2, epochs=1).trained
    assert [entry.path for entry in trained.entries] == [run.path for run in plan.runs]
    planned = dltricks.plan("small.yaml", ablate=True, seeds=3, epochs=1, manifest="m.json")
    assert (len(planned.done), len(planned.runs)) == (len(plan.runs), len(plan.runs) * 3 // 2)
    study = study_file.load(Path("runs/small-ablation"))
    assert study is not None
    assert (study["kind"], study["seeds"]) == ("ablation", [0, 1, 2])
    with pytest.raises(UsageError, match="pairs are asked for by an ablation"):
        dltricks.plan("small.yaml", pairs=True)


def test_a_manifest_holds_every_stack(folder: Path) -> None:
    plan = dltricks.plan("small.yaml", **VALUES, manifest="deep/er/m.json", workers=2)
    path = Path("deep/er/m.json")
    found = [manifest.load(path, index) for index in range(len(plan.tasks))]
    assert [[run["hash"] for run in task["runs"]] for task in found] == [
        [run.experiment.hash for run in task.runs] for task in plan.tasks
    ]
    study = study_file.load(Path("runs/small"))
    assert study is not None
    assert [run["hash"] for run in study["runs"]] == [run.experiment.hash for run in plan.runs]
    assert [path.name for path in Path("runs/small").iterdir()] == ["study.json"]


def test_a_manifest_of_one_run_makes_no_study(folder: Path) -> None:
    dltricks.plan("small.yaml", manifest="m.json")
    assert len(manifest.load(Path("m.json"), 0)["runs"]) == 1
    assert not Path("runs").exists()


def test_a_tuning_is_planned_first(folder: Path) -> None:
    values: dict[str, Any] = {"tune": {"optimizer.lr": [1e-3, 0.1], "seeds": 2}, "seeds": 3, "epochs": 1}
    plan = dltricks.plan("small.yaml", **values, manifest="m.json")
    assert [run.experiment.config["seed"] for run in plan.runs] == [1_000_000, 1_000_001] * 2
    assert not Path("runs").exists()  # study.json tells of what is judged
    dltricks.train("small.yaml", **values)
    plan = dltricks.plan("small.yaml", **values)
    assert {run.experiment.config["seed"] for run in plan.runs} == {0, 1, 2}
    assert plan.tasks == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": 3, "max_runs": 2}, "more than the 2 of --max-runs"),
        ({"tune": {"epochs": [1, 2]}, "max_runs": 5}, r"tuning has 6 runs \(2 points x 3 seeds\)"),
        ({"batch_size": 1000}, "batch_size: 1000 is more than"),
        ({"workers": 0}, "workers: found 0"),
        ({"dropuot": 1}, "did you mean 'dropout'"),
    ],
)
def test_what_cannot_be_trained_is_not_planned(folder: Path, values: dict[str, Any], message: str) -> None:
    before = tree(folder)
    with pytest.raises(UsageError, match=message):
        dltricks.plan("small.yaml", manifest="m.json", **values)
    assert tree(folder) == before
