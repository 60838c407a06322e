from __future__ import annotations

from pathlib import Path

import pytest
from cli.shell import tree

import dltricks
from dltricks.core.errors import UsageError


def test_layers_parameters_and_operations(folder: Path) -> None:
    found = dltricks.check("small.yaml")
    assert found.layers == [
        {"layer": "1.flatten", "output": "64", "parameters": 0, "flops": 0},
        {"layer": "2.linear", "output": "16", "parameters": 64 * 16 + 16, "flops": 2 * 64 * 16 + 16},
        {"layer": "3.relu", "output": "16", "parameters": 0, "flops": 16},
        {"layer": "4.linear", "output": "10", "parameters": 16 * 10 + 10, "flops": 2 * 16 * 10 + 10},
    ]
    assert found.parameters == 64 * 16 + 16 + 16 * 10 + 10
    assert found.flops == 2 * 64 * 16 + 16 + 16 + 2 * 16 * 10 + 10
    assert (found.samples, found.validation, found.test, found.steps) == (300, 180, 0, 10)


def test_parameters_are_those_that_are_trained(folder: Path) -> None:
    found = dltricks.check(
        "small.yaml", normalization="batch", dropout=0.1, architecture={"name": "mlp", "hidden": [8, 8]}
    )
    (run,) = dltricks.train(
        "small.yaml", normalization="batch", dropout=0.1, architecture={"name": "mlp", "hidden": [8, 8]}
    )
    running = sum(a.size for name, a in run.weights().items() if "running" in name or "mean" in name or "var" in name)
    assert found.parameters == sum(a.size for a in run.weights().values()) - running
    assert found.experiment.hash == run.result["hash"]


@pytest.mark.parametrize("kind", ["normalization", "dropout"])
def test_what_acts_on_weights_has_parameters_alone(folder: Path, kind: str) -> None:
    name = {"normalization": "weight", "dropout": "dropconnect"}[kind]
    found = dltricks.check("small.yaml", **{kind: name})
    gains = 16 if name == "weight" else 0
    assert {"layer": f"2.linear.{name}", "output": "", "parameters": gains, "flops": 0} in found.layers
    assert found.flops == dltricks.check("small.yaml").flops
    (run,) = dltricks.train("small.yaml", **{kind: name})
    assert found.parameters == sum(a.size for a in run.weights().values())


def test_nothing_is_written(folder: Path) -> None:
    before = tree(folder)
    dltricks.check("small.yaml", ["epochs=7"])
    assert tree(folder) == before


def test_it_refuses_what_train_refuses(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^argument: batch_size: 1000 is more"):
        dltricks.check("small.yaml", batch_size=1000)
