from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from cli.shell import Call, process, tree

import dltricks
from dltricks.api.session import open_run


@pytest.fixture
def run(folder: Path) -> Path:
    path = dltricks.train("small.yaml")[0].path
    np.save("new.npy", open_run(path).data.x[:4])
    return path


def test_as_a_process(folder: Path, run: Path) -> None:
    before = tree(folder)
    found = process("predict", run, "new.npy", cwd=folder)
    assert (found.code, found.err) == (0, "")
    assert tree(folder) == before
    head, *rows = csv.reader(io.StringIO(found.out))
    assert head == ["row", "prediction", *(f"p({digit})" for digit in range(10))]
    expected = dltricks.predict(run, "new.npy").rows
    assert [[row[0], row[1], *map(float, row[2:])] for row in rows] == [
        [str(row["row"]), row["prediction"], *list(row.values())[2:]] for row in expected
    ]


def test_json_and_table(cli: Call, run: Path) -> None:
    assert json.loads(cli("predict", "small", "new.npy", "--json").out) == dltricks.predict(run, "new.npy").rows
    lines = cli("predict", "small", "new.npy", "--format", "table").out.splitlines()
    for row, line in zip(dltricks.predict(run, "new.npy").rows, lines[-4:], strict=True):
        assert line.split()[:2] == [str(row["row"]), row["prediction"]]


def test_a_table_of_the_users_own(cli: Call, folder: Path) -> None:
    rows = [f"{i / 60},{'warm' if i % 2 else 'cold'}" for i in range(60)]
    (folder / "data.csv").write_text("\n".join(["size,label", *rows]) + "\n")
    arguments = ["dataset={name: csv, path: data.csv, target: label}", "limit=none"]
    assert cli("train", "small.yaml", *arguments).code == 0
    (folder / "new.csv").write_text("size\n0.5\n0.25\n")
    found = cli("predict", "small", "new.csv")
    assert found.code == 0
    assert [row["prediction"] in ("warm", "cold") for row in csv.DictReader(io.StringIO(found.out))] == [True, True]


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.npy", "none.npy: no such file"), (".", ".: a folder"), ("small.yaml", "small.yaml: inputs for this model")],
)
def test_wrong_files(cli: Call, run: Path, name: str, words: str) -> None:
    found = cli("predict", run, name)
    assert found.code == 2
    assert found.err.startswith(f"dltricks: error: {words}")


def test_negative_classes_stay_numbers(cli: Call, folder: Path) -> None:
    """A spreadsheet must find no formula in csv, but -1 is none."""
    np.savez("data.npz", x=np.eye(40), y=np.arange(40) % 2, classes=np.array(["-1", "+1"]))
    assert cli("train", "small.yaml", "dataset={name: npz, path: data.npz}", "limit=none").code == 0
    np.save("new.npy", np.eye(40))
    found = cli("predict", "small", "new.npy").out
    assert {row["prediction"] for row in csv.DictReader(io.StringIO(found))} <= {"-1", "+1"}
