"""What is refused before anything is written; tests/exporting/ has the files themselves."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.api.session import open_run
from dltricks.core.errors import UsageError


def test_a_file_must_be_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="nothing to write; name a file with --onnx or --safetensors"):
        dltricks.export("small")


def test_places_that_cannot_be_written_are_refused_first(folder: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        dltricks.export("small", onnx=folder)
    with pytest.raises(UsageError, match="none is not a folder"):
        dltricks.export("small", onnx="none/net.onnx")
    with pytest.raises(UsageError, match="cannot be both files"):
        dltricks.export("small", onnx="net", safetensors="./net")


@pytest.mark.parametrize("extra", ["onnx", "safetensors"])
def test_what_is_not_installed_is_named(folder: Path, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = dltricks.train("small.yaml")
    monkeypatch.setitem(sys.modules, extra, None)
    monkeypatch.setitem(sys.modules, f"{extra}.numpy", None)
    with pytest.raises(UsageError, match=rf'which is missing: pip install "dltricks\[{extra}\]"'):
        dltricks.export(run.path, **{extra: "net"})
    assert not Path("net").exists()


def test_a_run_that_diverged_has_nothing_to_export(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", optimizer={"name": "sgd", "lr": 1e30})
    assert run.status == "diverged"
    with pytest.raises(UsageError, match="diverged: there is no trained network to export"):
        dltricks.export(run.path, onnx="net.onnx")


@pytest.mark.export
def test_both_files_of_a_real_run(folder: Path) -> None:
    import onnxruntime

    (run,) = dltricks.train("small.yaml")
    written = dltricks.export("small", onnx="net.onnx", safetensors="net.safetensors")
    assert written == [Path("net.onnx"), Path("net.safetensors")]
    x = open_run(run.path).data.x
    np.save("x.npy", x)
    (theirs,) = onnxruntime.InferenceSession("net.onnx").run(["probabilities"], {"input": x.astype(np.float32)})
    np.testing.assert_allclose(theirs, dltricks.predict(run.path, "x.npy").values, rtol=1e-5, atol=1e-5)
