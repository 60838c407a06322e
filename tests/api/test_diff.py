from __future__ import annotations

from pathlib import Path

import pytest

import dltricks
from dltricks.core.errors import DamagedError, UsageError
from dltricks.runs import reading, sealed


def trained(**values: object) -> Path:
    return dltricks.train("small.yaml", **values)[0].path


def test_keys_and_metrics(folder: Path) -> None:
    a, b = trained(dropout=0.2), trained(dropout=0.5, optimizer="sgd")
    found = dltricks.diff(a, b.name[-12:])
    assert found.config["dropout.rate"] == (0.2, 0.5)
    assert found.config["optimizer"] == ("adam", "sgd")
    assert found.config["optimizer.b1"] == (0.9, None)
    assert all(key.startswith(("dropout.", "optimizer")) for key in found.config)
    results = [reading.read_result(path) or {} for path in (a, b)]
    assert found.metrics["val_loss"] == (results[0]["final"]["val_loss"], results[1]["final"]["val_loss"])
    assert "epoch" not in found.metrics
    assert found.environment == {}
    assert found.notes == ()
    assert not found.same
    assert dltricks.diff(a, a).same


def test_what_they_ran_on(folder: Path) -> None:
    a, b = trained(seed=0), trained(seed=1)
    env = reading.read_environment(b)
    del env["sha256"]
    sealed.save(b / "env.json", {**env, "numpy": "1.0", "python": "3.99", "git": {"commit": "abc", "dirty": True}})
    found = dltricks.diff(a, b).environment
    assert found["numpy"][1] == "1.0"
    assert found["python"][1] == "3.99"
    assert found["git commit"][1] == "abc"
    (b / "env.json").write_text("{}")
    found = dltricks.diff(a, b)
    assert not found.environment
    assert "is not compared" in found.notes[0]


def test_a_run_that_has_not_ended(folder: Path) -> None:
    a, b = trained(seed=0), trained(seed=1)
    (b / "run.json").unlink()
    found = dltricks.diff(a, b)
    assert found.config == {"seed": (0, 1)}
    assert found.metrics["val_loss"][1] is None
    assert "is interrupted and has no metrics" in found.notes[0]


def test_runs_that_cannot_be_compared(folder: Path) -> None:
    a, b = trained(seed=0), trained(seed=1)
    with pytest.raises(UsageError, match="no such run"):
        dltricks.diff(a, "nowhere")
    (b / "config.yaml").write_text("[")
    with pytest.raises(DamagedError, match=r"config\.yaml: damaged"):
        dltricks.diff(a, b)
