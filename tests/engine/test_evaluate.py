from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe, run, table

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.engine.evaluate import Evaluator, batch_size
from dltricks.engine.network import Network


@pytest.mark.parametrize(
    ("changes", "stands_for"),
    [
        ({}, "final"),
        ({"normalization": "batch"}, "final"),
        ({"averaging": {"name": "ema", "decay": 0.9}}, "final"),
        ({"averaging": {"name": "swa", "start": 2}, "normalization": "batch"}, "final"),
        ({"early_stopping": "early_stopping", "optimizer": {"name": "adam", "lr": 0.05}, "epochs": 60}, "best"),
        ({"dropout": {"name": "dropout", "rate": 0.5}}, "final"),
        ({"dtype": "float64", "scaling": "standardize"}, "final"),
    ],
)
def test_stored_weights_give_the_same_numbers_bit_for_bit(changes: dict[str, object], stands_for: str) -> None:
    recipes = [recipe(seed, **{"epochs": 3, **changes}) for seed in range(3)]
    data = digits()
    for made, outcome in zip(recipes, run(*recipes, data=data), strict=True):
        line = getattr(outcome, stands_for)
        found = Evaluator.restore(made, digits(), outcome.weights).measure("val")
        assert found == {name: line[name] for name in ("val_loss", "val_accuracy")}


def test_the_best_is_not_always_the_last() -> None:
    made = recipe(early_stopping="early_stopping", optimizer={"name": "adam", "lr": 0.05}, epochs=60)
    outcome = run(made)[0]
    assert outcome.best != outcome.final


def test_parts() -> None:
    data = digits()
    data.test_x, data.test_y = data.x[:30], data.y[:30]
    outcome = run(recipe(), data=data)[0]
    evaluator = Evaluator.restore(recipe(), data, outcome.weights)
    assert [len(evaluator.part(name)[2]) for name in ("train", "val", "test")] == [180, 20, 30]
    assert list(evaluator.measure("test")) == ["test_loss", "test_accuracy"]
    data.test_x = data.test_y = None
    assert evaluator.measure("test") == {}


def test_predictions_are_probabilities_that_give_the_measured_accuracy() -> None:
    data, made = digits(), recipe(epochs=5, optimizer={"name": "adam", "lr": 0.02})
    outcome = run(made, data=data)[0]
    evaluator = Evaluator.restore(made, data, outcome.weights)
    x, y, index = evaluator.part("val")
    shares = evaluator.predict(x[index])
    assert shares.shape == (20, 10)
    np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-5)
    accuracy = (shares.argmax(-1) == y[index]).mean()
    assert evaluator.measure("val")["val_accuracy"] == accuracy > 0.2


def test_predictions_of_a_regression_are_in_the_targets_units() -> None:
    data = table(200)
    made = recipe(loss="mse", scaling="standardize", epochs=30, optimizer={"name": "adam", "lr": 0.03})
    evaluator = Evaluator.restore(made, data, run(made, data=data)[0].weights)
    x, y, index = evaluator.part("val")
    error = evaluator.predict(x[index]) - y[index]
    assert np.sqrt((error**2).mean()) == pytest.approx(evaluator.measure("val")["val_rmse"], rel=1e-6)


def test_inputs_too_large_for_the_dtype_are_not_predicted_as_something() -> None:
    data, made = table(), recipe(loss="mse")
    evaluator = Evaluator.restore(made, data, run(made, data=data)[0].weights)
    x = np.tile(data.x, (20, 1))
    x[1500] = 1e300
    with pytest.raises(UsageError, match=r"sample 1500 .* in float32"):
        evaluator.predict(x)
    assert np.isfinite(evaluator.predict(x[:1500])).all()


def test_weights_of_another_network_are_refused() -> None:
    weights = run(recipe())[0].weights
    with pytest.raises(ValueError, match="expected float32"):
        Evaluator.restore(recipe(architecture={"name": "mlp", "hidden": [8]}), digits(), weights)
    with pytest.raises(KeyError):
        Evaluator.restore(recipe(normalization="batch"), digits(), weights)


def test_samples_evaluated_at_once_depend_on_the_widest_layer_alone() -> None:
    sizes = []
    for hidden, replicas in ((16, 1), (16, 3), (1024, 1), (4096, 1), (1 << 15, 1)):
        made = recipe(architecture={"name": "mlp", "hidden": [hidden]})
        sizes.append(batch_size(Network([made] * replicas, (64,), 10)))
    assert sizes == [1024, 1024, 128, 32, 32]


def test_metrics_against_naive_code() -> None:
    data, made = digits(), recipe(dtype="float64")
    outcome = run(made, data=data)[0]
    evaluator = Evaluator.restore(made, data, outcome.weights)
    x, y, index = evaluator.part("val")
    w = outcome.weights
    hidden = np.maximum(x[index].reshape(len(index), -1) / 16 @ w["2.linear.W"] + w["2.linear.b"], 0)
    z = hidden @ w["4.linear.W"] + w["4.linear.b"]
    shares = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    found = evaluator.measure("val")
    assert found["val_loss"] == pytest.approx(-np.log(shares[np.arange(len(index)), y[index]]).mean())
    assert found["val_accuracy"] == (z.argmax(-1) == y[index]).mean()


def test_more_samples_than_one_batch() -> None:
    rng = np.random.default_rng(0)
    data = Data("classification", rng.normal(size=(3000, 4)), rng.integers(0, 2, 3000), classes=["a", "b"])
    made = recipe(validation=0.8, epochs=1)
    outcome = run(made, data=data)[0]
    found = Evaluator.restore(made, data, outcome.weights).measure("val")
    assert outcome.final is not None
    assert found == {name: outcome.final[name] for name in ("val_loss", "val_accuracy")}
