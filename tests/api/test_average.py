from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.api.session import Run, open_run
from dltricks.core.errors import UsageError


def members(count: int, **values: object) -> list[Run]:
    return [dltricks.train("small.yaml", seed={"init": i, "order": i}, **values)[0] for i in range(count)]


def test_the_mean_of_the_predictions_is_scored(folder: Path) -> None:
    runs = members(3)
    found = dltricks.average([run.path for run in runs])
    opened = [open_run(run.path) for run in runs]
    x, y, index = opened[0].evaluator.part("val")
    predicted = [run.evaluator.predict(x[index]).astype(np.float64) for run in opened]
    scores = [float((p.argmax(1) == y[index]).mean()) for p in predicted]
    assert (found.part, found.metric) == ("val", "accuracy")
    assert found.members == [(str(run.path), score) for run, score in zip(runs, scores, strict=True)]
    assert scores == [run.recorded["val_accuracy"] for run in runs]
    assert found.ensemble == float((sum(predicted).argmax(1) == y[index]).mean())
    assert found.mean == pytest.approx(np.mean(scores))
    assert found.spread == pytest.approx(np.std(scores, ddof=1))
    assert found.difference == found.ensemble - found.mean


def test_different_models_on_the_same_data(folder: Path) -> None:
    one, two = (
        dltricks.train("small.yaml", **values)[0]
        for values in ({"scaling": "standardize"}, {"architecture": {"name": "mlp", "hidden": [8]}, "limit": 200})
    )
    assert len(dltricks.average([one.path, two.path]).members) == 2


def test_regression_and_the_test_part(folder: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(150, 3))
    y = x.sum(1, keepdims=True)
    np.savez(folder / "data.npz", x=x[:100], y=y[:100], test_x=x[100:], test_y=y[100:])
    # With a test part runs may validate on different samples.
    runs = [
        dltricks.train(
            "small.yaml", seed=i, limit="none", dataset={"name": "npz", "path": "data.npz", "task": "regression"}
        )[0]
        for i in range(2)
    ]
    found = dltricks.average([run.path for run in runs])
    assert (found.part, found.metric) == ("test", "rmse")
    assert [score for _, score in found.members] == pytest.approx([run.recorded["test_rmse"] for run in runs])
    # The error of a mean is never above the mean error.
    assert found.difference <= 0


def refusal(runs: list[object]) -> str:
    with pytest.raises(UsageError) as caught:
        dltricks.average(runs)
    return str(caught.value)


def test_one_is_not_enough(folder: Path) -> None:
    (run,) = members(1)
    assert refusal([run.path]) == "an average needs two or more runs, found 1"
    assert refusal([run.path, run.path]) == f"{run.path} and {run.path} are the same run; name each once"
    assert "are the same run" in refusal([run.path, run.result["id"]])


def test_other_data_are_refused(folder: Path) -> None:
    digits, moons, others, noisy = (
        dltricks.train("small.yaml", **values)[0].path
        for values in (
            {},
            {"dataset": "moons", "limit": "none"},
            {"dataset": "moons", "limit": "none", "seed": 1},
            {"dataset": {"name": "moons", "noise": 0.5}, "limit": "none"},
        )
    )
    found = refusal([digits, moons])
    assert found.startswith(f"{moons} was not trained on the data of {digits}: dataset {{name: moons, ")
    assert found.endswith("there {name: digits}")
    assert "seed 1, there" in refusal([moons, others])
    assert "noise: 0.5" in refusal([moons, noisy])


def test_other_validation_samples_are_refused(folder: Path) -> None:
    one, two = (dltricks.train("small.yaml", seed=i)[0].path for i in range(2))
    assert "validate on different samples" in refusal([one, two])


def test_classes_of_other_names_are_refused(folder: Path) -> None:
    paths = []
    for number, classes in enumerate((["a", "b"], ["b", "a"])):
        np.savez(folder / f"{number}.npz", x=np.eye(40), y=np.arange(40) % 2, classes=np.array(classes))
        dataset = {"name": "npz", "path": f"{number}.npz"}
        paths.append(dltricks.train("small.yaml", dataset=dataset, limit="none")[0].path)
    assert "was not trained on the data of" in refusal(paths)


def test_without_samples_to_measure_on(folder: Path) -> None:
    assert "neither a test nor a validation part" in refusal([run.path for run in members(2, validation=0)])
