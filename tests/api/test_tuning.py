"""Tuning from end to end: its runs, its choices, what is judged, and that it happens once."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cli.shell import all_decisive, stats, tree

import dltricks
from dltricks.api.session import Run
from dltricks.core.errors import DamagedError, SomeFailedError, UsageError
from dltricks.experiment.tuning import Tuned
from dltricks.runs import reading, sealed, study_file

FIRST = 1_000_000
LR = {"optimizer.lr": [1e-4, 2e-2], "seeds": 2}
"""Of which the second is the better one, in two epochs."""


def train(*overrides: str, **values: Any) -> list[Run]:
    return dltricks.train("small.yaml", overrides, executor="serial", **values)


def study(name: str = "small") -> dict[str, Any]:
    found = study_file.load(Path("runs") / name)
    assert found is not None
    return found


def tuned() -> Tuned:
    return Tuned.from_json(study()["tuned"])


def arms() -> list[str]:
    return [arm["label"] for arm in study()["arms"]]


def tuning_runs() -> list[reading.RunRecord]:
    runs = [reading.read_run(path.parent) for path in sorted(Path("runs").glob("*/*/config.yaml"))]
    return [run for run in runs if run.config["seed"] >= FIRST]


def forget_tuning() -> None:
    """As gc does on request."""
    for run in tuning_runs():
        shutil.rmtree(run.path)


def test_every_arm_has_the_same_budget_on_seeds_of_its_own(folder: Path) -> None:
    judged = train(sweep={"dropout": [0, 0.3]}, seeds=2, tune={"optimizer.lr": [1e-4, 1e-3, 2e-2], "seeds": 2})
    tried = Counter(
        (run.config["dropout"].get("rate", 0), run.config["optimizer"]["lr"], run.config["seed"])
        for run in tuning_runs()
    )
    assert tried == Counter(
        (rate, lr, seed) for rate in (0, 0.3) for lr in (1e-4, 1e-3, 2e-2) for seed in (FIRST, FIRST + 1)
    )
    for run in tuning_runs():
        assert run.result is not None
        assert run.result["role"] == "tuning"
    assert all("role" not in run.result for run in judged)
    assert {run.config["seed"] for run in judged} == {0, 1}


def test_fixed_and_tuned_are_both_judged(folder: Path) -> None:
    judged = train(sweep={"dropout": [0, 0.3]}, seeds=2, tune=LR)
    assert arms() == ["dropout=0", "dropout=0 tuned", "dropout=0.3", "dropout=0.3 tuned"]
    assert [run.config["optimizer"]["lr"] for run in judged] == [5e-3, 5e-3, 2e-2, 2e-2] * 2
    assert [run.config["seed"] for run in judged] == [0, 1] * 4
    assert [(run["hash"], run["arm"]) for run in study()["runs"]] == [
        (run.result["hash"], arm) for run, arm in zip(judged, [arm for arm in arms() for _ in range(2)], strict=True)
    ]
    assert study()["arms"][1]["varied"] == {"dropout": 0, "optimizer.lr": 0.02, "tuned": "yes"}
    # The choice is the best mean over the tuning seeds.
    for label, rate in (("dropout=0", 0), ("dropout=0.3", 0.3)):
        means = {}
        for lr in (1e-4, 2e-2):
            results = [
                run.result["final"]["val_accuracy"]
                for run in tuning_runs()
                if run.result and (run.config["dropout"].get("rate", 0), run.config["optimizer"]["lr"]) == (rate, lr)
            ]
            means[lr] = sum(results) / 2
        choice = tuned().choices[label]
        assert {tried.point["optimizer.lr"]: tried.mean for tried in choice.table} == pytest.approx(means)
        assert choice.point == {"optimizer.lr": max(means, key=lambda lr: means[lr])} == {"optimizer.lr": 2e-2}


def test_arms_that_tune_more_points_than_others_are_named(folder: Path) -> None:
    both = {"optimizer.lr": [1e-3, 1e-2], "optimizer.gamma": [0.5, 0.9], "seeds": 1}
    train(sweep={"optimizer": ["sgd", "momentum"]}, seeds=1, tune=both)
    effort = "the arms were not tuned with the same effort: points tried were"
    assert f"{effort} 4 in 'optimizer=momentum'; 2 in 'optimizer=sgd'" in study()["notes"]
    train(sweep={"optimizer": ["sgd", "momentum"]}, seeds=1, tune={"optimizer.lr": [1e-3, 1e-2], "seeds": 1})
    assert not any(effort in note for note in study()["notes"])


def test_grids_grow_no_further_than_the_limit(folder: Path) -> None:
    values: dict[str, Any] = {
        "seeds": 1,
        "tune": {"optimizer.lr": {"log": [1e-6, 1e-5], "count": 2}, "seeds": 1, "extend": True},
    }
    message = r"tuning, extended where the best value was the last, has 4 runs \(4 points x 1 seeds\) and up to 2"
    with pytest.raises(UsageError, match=message):
        train(max_runs=5, **values)
    assert len(tuning_runs()) == 2
    train(**values)
    assert len(tuning_runs()) > 2


def test_a_best_value_that_is_the_fixed_one_is_judged_once(folder: Path) -> None:
    judged = train(seeds=2, tune={"optimizer.lr": [1e-6, 5e-3], "seeds": 1})
    assert tuned().choices[""].point == {"optimizer.lr": 5e-3}
    assert arms() == [""]
    assert len(judged) == 2


def test_points_that_arms_share_are_trained_once(folder: Path) -> None:
    variants = [
        {"name": "low", "optimizer": {"name": "adam", "lr": 1e-3}},
        {"name": "high", "optimizer": {"name": "adam", "lr": 1e-2}},
    ]
    judged = train(sweep={"variants": variants}, seeds=2, tune=LR)
    assert len(tuning_runs()) == 4  # two points with two seeds, not for each arm
    assert arms() == ["low", "low tuned", "high", "high tuned"]
    assert [run.config["optimizer"]["lr"] for run in judged] == [1e-3, 1e-3, 2e-2, 2e-2, 1e-2, 1e-2, 2e-2, 2e-2]
    assert [run.path for run in judged[2:4]] == [run.path for run in judged[6:8]]


def test_a_choice_is_frozen(folder: Path) -> None:
    first = train(seeds=2, tune=LR)
    forget_tuning()
    before = stats(folder / "runs")
    again = train(seeds=2, tune=LR)
    assert [run.result for run in again] == [run.result for run in first]
    assert stats(folder / "runs") == before
    train(seeds=3, tune=LR)  # judged on further seeds, with the choice that was made
    assert tuning_runs() == []
    train(seeds=3, tune=LR, name="other")  # another study makes a choice of its own
    assert len(tuning_runs()) == 4


@pytest.mark.parametrize("change", [{"tune": {**LR, "seeds": 1}}, {"epochs": 1}, {"sweep": {"dropout": [0, 0.3]}}])
def test_another_tuning_is_a_choice_of_its_own(folder: Path, change: dict[str, Any]) -> None:
    train(seeds=2, tune=LR)
    before = study()["tuned"]["plan"]
    forget_tuning()
    train(**{"seeds": 2, "tune": LR, **change})
    assert tuning_runs()
    assert study()["tuned"]["plan"] != before


def test_fresh_chooses_anew(folder: Path) -> None:
    first = train(seeds=2, tune=LR)
    content = all_decisive(folder / "runs")
    forget_tuning()
    again = train(seeds=2, tune=LR, fresh=True)
    assert [run.result for run in again] == [run.result for run in first]
    assert not any(run.reused for run in again)
    assert all_decisive(folder / "runs") == content


def test_edges_are_flagged(folder: Path) -> None:
    train(seeds=1, tune=LR)
    flag = "the best optimizer.lr, 0.02, is the largest that was tried; a better one may lie beyond"
    assert study()["notes"] == [flag]
    train(sweep={"dropout": [0, 0.3]}, seeds=1, tune=LR)
    assert study()["notes"] == [f"dropout={rate}: {flag}" for rate in (0, 0.3)]
    train(seeds=1, tune={"optimizer.lr": [1e-4, 2e-2, 1e9], "seeds": 2})
    assert study()["notes"] == []
    train(seeds=1, tune={"activation": ["relu", "tanh"], "seeds": 1})
    assert study()["notes"] == []


def test_a_grid_is_extended_where_its_end_is_best(folder: Path) -> None:
    tune = {"optimizer.lr": {"log": [1e-3, 3e-3], "count": 2}, "seeds": 1, "extend": True}
    train(sweep={"dropout": [0, 0.3]}, seeds=1, tune=tune)
    (grid,) = tuned().tuning.grids
    assert grid.values[:2] == (1e-3, 3e-3)
    assert grid.above > 0
    assert len(grid.values) == 2 + grid.above
    for choice in tuned().choices.values():  # both arms had all of them
        assert [tried.point["optimizer.lr"] for tried in choice.table] == list(grid.values)
        assert choice.point["optimizer.lr"] > 3e-3
    before = stats(folder / "runs")
    train(sweep={"dropout": [0, 0.3]}, seeds=1, tune=tune)
    assert stats(folder / "runs") == before


def test_a_failed_tuning_run_lets_nothing_be_judged(folder: Path) -> None:
    train(seeds=2, tune=LR)
    shutil.rmtree("runs/small")
    plan = dltricks.plan("small.yaml", seeds=2, tune=LR, manifest="m.json", workers=1)
    for index in range(len(plan.tasks)):
        dltricks.worker("m.json", index)
    (tuning_runs()[0].path / "weights.npz").unlink()
    with pytest.raises(SomeFailedError, match=r"1 of 4 tuning runs failed:\n.*weights\.npz: missing; --fresh"):
        train(seeds=2, tune=LR)
    assert {reading.read_run(path.parent).config["seed"] for path in Path("runs").glob("*/*/config.yaml")} == {
        FIRST,
        FIRST + 1,
    }
    assert study_file.load(Path("runs/small")) is None
    assert len(train(seeds=2, tune=LR, fresh=True)) == 4
    assert all(reading.status(run.path) == "finished" for run in tuning_runs())


def test_values_with_which_training_diverges_lose(folder: Path) -> None:
    train("optimizer=sgd", seeds=1, tune={"optimizer.lr": [1e30, 0.2], "seeds": 2})
    choice = tuned().choices[""]
    assert choice.point == {"optimizer.lr": 0.2}
    assert (choice.table[0].mean, choice.table[0].diverged) == (None, 2)
    runs = train("optimizer=sgd", seeds=1, tune={"optimizer.lr": [1e29, 1e30], "seeds": 2})
    assert tuned().choices[""].mean is None
    assert [run.status for run in runs] == ["finished", "diverged"]


PLUGIN = '''\
"""Scaled: relu times a factor."""
from dataclasses import dataclass

from dltricks.activations.relu import Relu as Base


@dataclass
class Scaled(Base):
    """y = factor relu(x)"""

    factor: float = 1.0

    def forward(self, x, context):
        return super().forward(x * self.column(self.factor, x.ndim), context)

    def backward(self, dy):
        return super().backward(dy) * self.column(self.factor, dy.ndim)
'''


def test_a_plugin_is_tuned(folder: Path) -> None:
    (folder / "scaled.py").write_text(PLUGIN)
    tune = {"activation.factor": [0.001, 1.5], "seeds": 1}
    values: dict[str, Any] = {"activation": "scaled", "seeds": 1, "tune": tune}
    runs = train(plugins=["scaled.py"], **values)
    assert [run.config["activation"]["factor"] for run in runs] == [1.0, 1.5]
    plan = study()["tuned"]["plan"]
    (folder / "scaled.py").write_text(PLUGIN + "# changed\n")
    train(plugins=["scaled.py"], **values)
    assert study()["tuned"]["plan"] != plan


def test_arms_of_different_tasks_are_tuned_by_what_both_have(folder: Path) -> None:
    (folder / "data.csv").write_text("x,y\n" + "".join(f"{i / 40},{i % 2}\n" for i in range(40)))
    regression = {"name": "csv", "path": "data.csv", "target": "y", "task": "regression"}
    for datasets in (["digits", regression], [regression, "digits"]):
        train("limit=none", sweep={"dataset": datasets}, seeds=1, epochs=1, tune={"optimizer.lr": [1e-6, 2e-2]})
        assert tuned().metric == study()["metric"] == "val_loss"
        assert all(choice.point == {"optimizer.lr": 2e-2} for choice in tuned().choices.values())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": FIRST}, "argument: seed: seeds from 1,000,000 up are kept for tuning"),
        ({"seed": {"split": FIRST + 7}}, "argument: seed: seeds from 1,000,000 up are kept for tuning"),
        (
            {"seed": dict.fromkeys(["init", "order", "dropout", "augment", "split", "data"], 3)},
            "argument: seed: every purpose has its seed here",
        ),
        (
            {"max_runs": 5},
            r"small\.yaml: tuning has 4 runs \(2 points x 2 seeds\) and up to 2 to judge, more than the 5 of --max",
        ),
        ({"max_runs": 0}, "--max-runs: found 0, allowed: a whole number of runs, at least 1"),
        ({"validation": 0}, "tune: points are chosen by samples kept out of training"),
        ({"tune": {"optimizer.rl": [1, 2]}}, "tune.optimizer.rl: unknown field of optimizer adam 'rl'"),
        ({"tune": {**LR, "metric": "val_rmse"}}, "val_rmse is not measured in classification"),
        ({"tune": {"dropout.rate": [0.1, 1.0]}, "dropout": 0.2}, r"dropout\.rate: found 1\.0"),
        ({"tune": {"batch_size": [32, 301]}}, "batch_size: 301 is more than the 300 training samples"),
    ],
)
def test_wrong_input_writes_nothing(folder: Path, values: dict[str, Any], message: str) -> None:
    before = tree(folder)
    with pytest.raises(UsageError, match=message):
        train(**{"tune": LR, **values})
    assert tree(folder) == before


def test_a_frozen_choice_that_is_none(folder: Path) -> None:
    train(seeds=1, tune=LR)
    path = folder / "runs" / "small" / "study.json"
    content = study()
    sealed.save(path, {**content, "tuned": {**content["tuned"], "choices": [1]}})
    with pytest.raises(DamagedError, match="not the result of a tuning"):
        train(seeds=1, tune=LR)
