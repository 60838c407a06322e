from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from cli.shell import Call, only_run, process, tree

import dltricks
from dltricks.api.evaluate import Evaluation


def test_as_a_process(folder: Path) -> None:
    assert process("train", "small.yaml", "normalization=batch", cwd=folder).code == 0
    before = tree(folder)
    run = only_run(folder / "runs")
    found = process("evaluate", run, "--json", cwd=folder)
    assert (found.code, found.err) == (0, "")
    assert tree(folder) == before
    values = json.loads(found.out)
    final = json.loads((run / "run.json").read_text())["final"]
    assert values["recorded"] == {name: final[name] for name in ("val_loss", "val_accuracy")}
    assert {name: values["metrics"][name] for name in values["recorded"]} == values["recorded"]
    assert values["path"] == str(run)
    assert np.shape(values["confusion"]) == (10, 10)
    assert [row["class"] for row in values["per_class"]] == values["classes"]


def test_tables(cli: Call) -> None:
    cli("train", "small.yaml")
    found = cli("evaluate", "small").out
    assert "Classes of the val part\nclass   samples   right   accuracy\n" in found
    assert "Confusion matrix\ntrue \\ predicted " in found
    assert found.split()[:3] == ["metric", "measured", "recorded"]


def test_csv_is_unrounded(cli: Call) -> None:
    cli("train", "small.yaml")
    first = cli("evaluate", "small", "--format", "csv").out.partition("\n\n")[0]
    rows = {row["metric"]: row for row in csv.DictReader(io.StringIO(first))}
    assert rows["val_loss"]["measured"] == rows["val_loss"]["recorded"]
    assert float(rows["val_loss"]["measured"]) == dltricks.evaluate("small").metrics["val_loss"]
    assert rows["train_loss"]["recorded"] == ""


@pytest.mark.parametrize("format", ["table", "json"])
def test_a_difference_is_told(cli: Call, monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    cli("train", "small.yaml")
    monkeypatch.setattr(Evaluation, "changed", ["val_loss", "val_accuracy"])
    found = cli("evaluate", "small", "--format", format)
    assert found.code == 0
    assert found.err.startswith("dltricks: val_loss, val_accuracy differ from what was recorded; ")


def test_a_diverged_run_is_valid_json(cli: Call) -> None:
    cli("train", "small.yaml", "optimizer=sgd", "optimizer.lr=1e30")
    found = cli("evaluate", "small", "--json")
    assert found.code == 0
    assert json.loads(found.out, parse_constant=pytest.fail)["recorded"] == {}


def test_damaged_weights(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml")
    path = only_run(folder / "runs") / "weights.npz"
    path.write_bytes(path.read_bytes()[:-7])
    found = cli("evaluate", "small")
    assert found.code == 4
    assert "weights.npz: damaged" in found.err


def test_no_such_run(cli: Call) -> None:
    found = cli("evaluate", "nothing", "--runs-dir", "elsewhere")
    assert found.code == 2
    assert found.err == "dltricks: error: nothing: no such run, and elsewhere holds no runs; name it with --runs-dir\n"


ESCAPE = "\x1b[31m"


@pytest.mark.parametrize("format", ["table", "markdown", "csv", "json"])
def test_names_of_classes_are_only_text(cli: Call, folder: Path, format: str) -> None:
    """They come from a file, and nobody has looked at it."""
    names = [f"{ESCAPE}red", "=1+1", "[red]markup[/red]", "a|b", "\u202eright"]
    x = np.eye(5).repeat(20, axis=0)
    np.savez(folder / "data.npz", x=x, y=np.arange(5).repeat(20), classes=np.array(names))
    assert cli("train", "small.yaml", "dataset={name: npz, path: data.npz}", "limit=none").code == 0
    np.save(folder / "new.npy", x[::20])
    for command in (["evaluate", "small"], ["predict", "small", "new.npy"]):
        found = cli(*command, "--format", format)
        assert found.code == 0
        assert all(c.isprintable() or c == "\n" for c in found.out + found.err)
        if format == "csv":
            cells = {cell for row in csv.reader(io.StringIO(found.out)) for cell in row}
            assert "'=1+1" in cells
            assert "=1+1" not in cells
        if format == "json":
            assert names[0] in str(json.loads(found.out)) or repr(names[0])[1:-1] in str(json.loads(found.out))
