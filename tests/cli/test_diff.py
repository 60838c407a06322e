from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from cli.shell import Call

import dltricks


@pytest.fixture
def pair(folder: Path) -> tuple[Path, Path]:
    return tuple(dltricks.train("small.yaml", dropout=rate)[0].path for rate in (0.2, 0.5))


def test_a_table(cli: Call, pair: tuple[Path, Path]) -> None:
    found = cli("diff", *pair)
    assert found.code == 0
    assert f"first: {pair[0]}\nsecond: {pair[1]}\n" in found.out
    lines = [line.split() for line in found.out.splitlines()]
    assert ["configuration", "dropout.rate", "0.2", "0.5"] in lines
    assert any(line[:2] == ["metric", "val_accuracy"] and len(line) == 5 for line in lines)
    assert found.err == ""


def test_json_is_unrounded(cli: Call, pair: tuple[Path, Path]) -> None:
    found = json.loads(cli("diff", *pair, "--json").out)
    assert found["config"] == [{"key": "dropout.rate", "first": 0.2, "second": 0.5}]
    (loss,) = [row for row in found["metrics"] if row["metric"] == "val_loss"]
    assert loss["difference"] == loss["second"] - loss["first"]
    run = json.loads((pair[1] / "run.json").read_text())
    assert loss["second"] == run["final"]["val_loss"]
    assert found["environment"] == []


def test_csv(cli: Call, pair: tuple[Path, Path]) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("diff", *pair, "--format", "csv").out)))
    assert rows[0] == {
        "what": "configuration",
        "key": "dropout.rate",
        "first": "0.2",
        "second": "0.5",
        "difference": "",
    }


def test_a_run_with_itself(cli: Call, pair: tuple[Path, Path]) -> None:
    assert "the same run" in cli("diff", pair[0], pair[0]).err


def test_no_such_run(cli: Call, pair: tuple[Path, Path]) -> None:
    found = cli("diff", pair[0], "nowhere")
    assert found.code == 2
    assert "no such run" in found.err
