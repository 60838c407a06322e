from dataclasses import dataclass

import pytest

from dltricks.core.dataset import Dataset
from dltricks.core.errors import UsageError
from dltricks.experiment.combinations import check_combination, expect_problem
from dltricks.experiment.document import parse
from dltricks.experiment.resolve import resolve


@dataclass
class Numbers(Dataset):
    task = "regression"


def refusal(text):
    with pytest.raises(UsageError) as error:
        resolve(parse(text, "f.yaml"))
    return str(error.value)


def recipe(text="epochs: 1"):
    return resolve(parse(text, "f.yaml")).recipe


def with_numbers(recipe, loss):
    from dataclasses import replace

    from dltricks.core.registry import load

    return replace(recipe, dataset=Numbers(), loss=load("loss", loss)())


def test_the_defaults_fit_together():
    assert list(check_combination(recipe())) == []


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
def test_losses_for_classes_are_refused_for_numbers(loss):
    [(where, message)] = check_combination(with_numbers(recipe(), loss))
    assert where == ("loss",)
    assert f"{loss} is a loss for classification" in message
    assert "mse" in message


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_losses_for_numbers(loss):
    assert list(check_combination(with_numbers(recipe(), loss))) == []


def test_batch_normalization_needs_a_batch():
    assert "f.yaml:2: batch_size: " in refusal("normalization: batch\nbatch_size: 1\n")
    recipe("normalization: layer\nbatch_size: 1")


def test_what_would_begin_after_the_end_of_training():
    message = refusal("averaging: {name: swa, start: 5}\nepochs: 5\n")
    assert message.startswith("f.yaml:1: averaging: start: ")
    recipe("averaging: {name: swa, start: 4}\nepochs: 5")
    assert refusal("epochs: 5\nschedule: {name: constant, warmup: 6}").startswith("f.yaml:2: schedule: warmup: ")


def test_watching_what_is_not_measured():
    message = refusal("validation: 0\nearly_stopping:\n  patience: 5\n")
    assert message.startswith("f.yaml:2: early_stopping.monitor: val_loss is not measured with validation: 0")
    assert "unknown metric 'val_los'; did you mean 'val_loss'?" in refusal("early_stopping: {monitor: val_los}")
    assert "write val_loss" in refusal("early_stopping: {monitor: test_loss}")
    assert "write val_accuracy" in refusal("early_stopping: {monitor: val_rmse}")
    assert "schedule.monitor" in refusal("schedule: {name: plateau}\nvalidation: 0")
    recipe("validation: 0\nearly_stopping: {monitor: train_loss}")
    recipe("validation: test\nearly_stopping: {monitor: val_loss}")


def test_expecting_what_is_not_measured():
    assert "f.yaml:1: expect.val_loss: " in refusal('expect: {val_loss: "< 1"}\nvalidation: 0')
    assert expect_problem(recipe(), "val_rmse")
    assert expect_problem(with_numbers(recipe(), "mse"), "val_accuracy")
    assert expect_problem(with_numbers(recipe(), "mse"), "val_rmse") is None
    assert expect_problem(recipe("validation: 0"), "train_accuracy") is None


@pytest.mark.parametrize(
    ("text", "where", "advice"),
    [
        ("normalization: weight\npenalty: max_norm", "penalty", "normalization: none"),
        ("optimizer: rprop\nclipping: 1.0", "clipping", "clipping: none"),
        ("optimizer: rprop\nclipping: {name: adaptive}", "clipping", "another optimizer"),
        ("optimizer: normalized\nclipping: 1.0", "clipping", "clipping: {name: value}"),
        ("optimizer: normalized\nclipping: {name: unit}", "clipping", "clipping: none"),
    ],
)
def test_what_would_change_nothing_is_refused(text, where, advice):
    message = refusal(text)
    assert message.startswith(f"f.yaml:2: {where}: ")
    assert advice in message


@pytest.mark.parametrize(
    "text",
    [
        "normalization: weight\npenalty: l2",
        "normalization: batch\npenalty: max_norm",
        "optimizer: rprop",
        "optimizer: normalized\nclipping: {name: value}",
        "optimizer: sgd\nclipping: 1.0",
    ],
)
def test_what_changes_something_is_not(text):
    assert list(check_combination(recipe(text))) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("optimizer: {name: adam, eps: 1e-300}", "optimizer.eps"),
        ("normalization: {name: batch, eps: 1e-50}", "normalization.eps"),
    ],
)
def test_what_must_not_be_0_and_becomes_it(text, where):
    message = refusal(text)
    assert message.startswith(f"f.yaml:1: {where}: ")
    assert "becomes 0 in float32; write 1.2e-38 or more, or dtype: float64" in message
    recipe(f"{text}\ndtype: float64")


def test_what_becomes_very_small_is_none():
    recipe("optimizer: {name: adam, eps: 1e-38}")
