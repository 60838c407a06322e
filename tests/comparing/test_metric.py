import pytest
from comparing.made import entry

from dltricks.comparing.metric import At, choose_metric, value
from dltricks.core.errors import UsageError


def test_the_value_of_a_run_at_an_epoch():
    run = entry(curve=[0.5, 0.9, 0.8])
    found = [value(run, "val_accuracy", At.parse(text)) for text in ("last", "best", "epoch=1", "epoch=3", "epoch=4")]
    assert found == [0.8, 0.9, 0.5, 0.8, None]
    assert value(run, "val_rmse", At.parse("last")) is None
    assert value(run, "val_rmse", At.parse("epoch=1")) is None


def test_test_metrics_are_those_of_the_weights():
    run = entry(test={"test_accuracy": 0.7})
    assert value(run, "test_accuracy", At.parse("last")) == 0.7
    assert value(entry(), "test_accuracy", At.parse("last")) is None
    assert At.parse("best").words("val_loss") == "val_loss of each run's best epoch (best in run.json)"
    assert At.parse("last").words("test_accuracy") == "test_accuracy of the stored weights"


@pytest.mark.parametrize("text", ["", "first", "epoch=", "epoch=0", "epoch=-1", "epoch=1.5", "epoch=1e3", "\x1b[31m"])
def test_no_other_epoch_is_understood(text):
    with pytest.raises(UsageError, match="--at: found"):
        At.parse(text)


def test_the_metric_is_one_that_all_runs_have():
    runs = [entry(), entry(seed=1)]
    assert choose_metric(runs, None, None) == "val_accuracy"
    assert choose_metric(runs, None, "val_loss") == "val_loss"
    assert choose_metric(runs, "val_loss", None) == "val_loss"
    object.__setattr__(runs[1], "final", {"val_loss": 0.1})
    assert choose_metric(runs, None, None) == "val_loss"
    assert choose_metric([], None, None) == "val_accuracy"


@pytest.mark.parametrize("name", ["val_acuracy", "lr", "test_accuracy", "epoch"])
def test_a_metric_that_no_run_has_is_refused(name):
    with pytest.raises(UsageError, match="unknown metric of these runs"):
        choose_metric([entry()], name, None)
