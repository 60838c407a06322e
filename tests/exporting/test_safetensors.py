from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.api.session import open_run

pytestmark = pytest.mark.export


def test_it_holds_weights_statistics_and_scaling(folder: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file

    (run,) = dltricks.train("small.yaml", scaling="standardize", normalization="batch")
    assert dltricks.export(run.path, safetensors="net.safetensors") == [Path("net.safetensors")]
    found = load_file("net.safetensors")
    weights = run.weights()
    assert set(found) == {*weights, "scaling.shift", "scaling.factor"}
    for path, array in weights.items():
        assert found[path].dtype == array.dtype
        np.testing.assert_array_equal(found[path], array)
    stored = open_run(run.path)
    np.testing.assert_array_equal(found["scaling.shift"], stored.evaluator.scale.shift[0, 0])
    np.testing.assert_array_equal(found["scaling.factor"], stored.evaluator.scale.factor[0, 0])
    with safe_open("net.safetensors", "np") as opened:
        notes = json.loads(opened.metadata()["dltricks"])
    assert notes["configuration"] == stored.experiment.config
    assert notes["classes"] == list(stored.data.classes)


def test_the_same_run_gives_the_same_bytes(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml")
    dltricks.export(run.path, safetensors="a.safetensors")
    dltricks.export(run.path, safetensors="b.safetensors")
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()
