from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltricks.api.where import select
from dltricks.core.errors import UsageError
from dltricks.runs.entry import Entry, Epochs
from dltricks.runs.reading import Status


def entry(label: str, *, status: Status = "finished", **config: object) -> Entry:
    base = {
        "name": "quick",
        "dropout": {"name": "none"},
        "optimizer": {"name": "adam", "lr": 0.001},
        "clipping": {"name": "none"},
        "architecture": {"name": "mlp", "hidden": [64, 64], "residual": False},
        "augmentation": [],
        "limit": "none",
        "dtype": "float32",
        "seed": 0,
    }
    final = {"epoch": 3, "val_accuracy": 0.9, "val_loss": 0.3} if status == "finished" else None
    best = {"epoch": 2, "val_accuracy": 0.95, "val_loss": 0.2} if status == "finished" else None
    epochs = Epochs((), 3, lambda: np.array([1.0, 2.0, 3.0]).tobytes())
    return Entry(
        *(
            Path("runs/quick") / label,
            status,
            "quick",
            "ab" * 32,
            {} if status == "damaged" else base | config,
            None,
            3,
        ),
        *(best, final, {"test_accuracy": 0.8} if final else None, None, 0.0, epochs),
    )


RUNS = [
    entry("plain"),
    entry("half", dropout={"name": "dropout", "rate": 0.5}, seed=1),
    entry("fifth", dropout={"name": "dropout", "rate": 0.2}, optimizer={"name": "sgd", "lr": 0.1, "x": True}),
    entry("gauss", dropout={"name": "gaussian", "rate": 0.4}, clipping={"name": "norm", "threshold": 1.0}),
    entry("big", augmentation=[{"name": "crop", "padding": 2}], seed={"init": 3, "order": 0}, limit=500),
    entry("going", status="running"),
    entry("broken", status="damaged"),
]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("dropout<0.5", "plain fifth gauss big going"),
        ("dropout < 0.5", "plain fifth gauss big going"),
        ("dropout=0.5", "half"),
        ("dropout==0.5", "half"),
        ("dropout=0", "plain big going"),
        ("dropout=none", "plain big going"),
        ("dropout=dropout", "half fifth"),
        ("dropout.rate>=0.4", "half gauss"),
        ("dropout!=none", "half fifth gauss"),
        ("clipping<2", "gauss"),
        ("clipping>0", "gauss"),
        ("optimizer=adam", "plain half gauss big going"),
        ("optimizer.name=sgd", "fifth"),
        ("optimizer.lr<1e-2", "plain half gauss big going"),
        ("optimizer.x=true", "fifth"),
        ("optimizer.x!=true", ""),
        ("not optimizer.x=true", "plain half gauss big going broken"),
        ("architecture.hidden=[64, 64]", "plain half fifth gauss big going"),
        ("architecture.hidden=[64]", ""),
        ("architecture.residual=false", "plain half fifth gauss big going"),
        ("augmentation=crop", "big"),
        ("augmentation=none", "plain half fifth gauss going"),
        ("augmentation!=none", "big"),
        ("limit<1000", "big"),
        ("limit=none", "plain half fifth gauss going"),
        ("seed=1", "half"),
        ("seed.init=3", "big"),
        ("dtype='float32'", "plain half fifth gauss big going"),
        ('dtype="float32"', "plain half fifth gauss big going"),
        ("status=running", "going"),
        ("status!=finished", "going broken"),
        ("name=quick", "plain half fifth gauss big going broken"),
        ("folder=half", "half"),
        ("id=abababababab and seed=1", "half"),
        ("role=tuning", ""),
        ("seconds=6 and seed=1", "half"),
        ("val_accuracy>0.9", ""),
        ("val_accuracy>=0.9", "plain half fifth gauss big"),
        ("best.val_accuracy>0.9", "plain half fifth gauss big"),
        ("test_accuracy<0.9", "plain half fifth gauss big"),
        ("grad_norm<1", ""),
        ("dropout<0.5 and optimizer=adam and val_accuracy>0.8", "plain gauss big"),
        ("dropout=0.5 or dropout=0.2 and optimizer=adam", "half"),
        ("(dropout=0.5 or dropout=0.2) and not optimizer=adam", "fifth"),
        ("not (dropout=0.5 or status=damaged)", "plain fifth gauss big going"),
        ("not not dropout=0.5", "half"),
    ],
)
def test_conditions(where: str, found: str) -> None:
    assert [each.path.name for each in select(RUNS, where)] == found.split()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "expected a key such as optimizer.lr, found the end"),
        ("   ", "found the end"),
        ("dropout", "expected a comparison after 'dropout', found the end"),
        ("dropout<", "expected a value after 'dropout<', found the end"),
        ("dropout<<0.5", "expected a value after 'dropout<', found '<'"),
        ("dropout 0.5", "expected one of = != < <= > >= after 'dropout', found '0.5'"),
        ("dropout<0.5 optimizer=adam", "expected and, or, or the end, found 'optimizer'"),
        ("(dropout<0.5", "a parenthesis is not closed"),
        ("dropout<0.5)", "expected and, or, or the end"),
        ("optimizer<adam", "< compares numbers, found 'adam'"),
        ("dropout<'0.5'", "< compares numbers"),
        ("dropout=007", "leading zeros"),
        ("'a'=1", "expected a key"),
        ("dropuot<0.5", "unknown key 'dropuot'; did you mean 'dropout'?"),
        ("optimizer.rl<0.5", "did you mean 'optimizer.lr'?"),
        ("val_acuracy>0.5", "did you mean 'val_accuracy'?"),
        ("status=finishd", "did you mean 'finished'?"),
        ("optimizer=adaam", "did you mean 'adam'?"),
        ("optimizer<0.5", "optimizer is no number; compare optimizer.lr"),
        ("dropout='a", "cannot read on at"),
        ("a=1;b", "unknown key 'a'"),
        ("dropout.__class__=1", "unknown key 'dropout.__class__'"),
        ("final.__len__=1", "unknown key"),
        ("hidden=[1, [2]]", "cannot read on at"),
        ("hidden=[1,,]", "value"),
        ("not " * 200 + "a=1", "nested too deeply"),
        ("(" * 200, "nested too deeply"),
        ("a" * 1001, "1,001 characters, more than the 1,000"),
        ("a\x1b[2J=1", r"a\x1b"),
    ],
)
def test_mistakes(where: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        select(RUNS, where)
    assert message in str(error.value)
    assert str(error.value).isprintable()


def test_a_known_name_that_nobody_used_is_no_mistake() -> None:
    assert select(RUNS, "optimizer=lion") == []
    assert select(RUNS, "val_rmse<0.5 or test_rmse<0.5") == []
