from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from cli.shell import Call, process

import dltricks


@pytest.fixture
def runs(folder: Path) -> list[Path]:
    return [dltricks.train("small.yaml", seed={"init": i})[0].path for i in range(3)]


def test_as_a_process(folder: Path, runs: list[Path]) -> None:
    found = process("average", *runs, "--json", cwd=folder)
    assert (found.code, found.err) == (0, "")
    average = dltricks.average(runs)
    assert json.loads(found.out) == {
        "part": "val",
        "metric": "accuracy",
        "members": [{"path": path, "accuracy": score} for path, score in average.members],
        "mean": average.mean,
        "spread": average.spread,
        "ensemble": average.ensemble,
        "difference": average.difference,
    }


def test_tables(cli: Call, runs: list[Path]) -> None:
    found = cli("average", *runs).out
    average = dltricks.average(runs)
    for path, score in average.members:
        assert [path, f"{score:.4f}"] in [line.split() for line in found.splitlines()]
    for label, value in (("members' mean", average.mean), ("ensemble", average.ensemble)):
        assert [*label.split(), f"{value:.4f}"] in [line.split() for line in found.splitlines()]


def test_csv(cli: Call, runs: list[Path]) -> None:
    members, summary = cli("average", *runs, "--format", "csv").out.split("\n\n")
    head, *rows = csv.reader(io.StringIO(members))
    assert head == ["run", "val_accuracy"]
    assert [row[0] for row in rows] == [str(path) for path in runs]
    assert dict(csv.reader(io.StringIO(summary)))["members' spread (sd)"] == str(dltricks.average(runs).spread)


def test_refusals(cli: Call, runs: list[Path]) -> None:
    for arguments in (runs[:1], [runs[0], runs[0]], [runs[0], "nothing"]):
        found = cli("average", *arguments)
        assert found.code == 2
        assert found.out == ""
    moons = dltricks.train("small.yaml", dataset="moons", limit="none")[0].path
    found = cli("average", runs[0], moons)
    assert found.code == 2
    assert "was not trained on the data of" in found.err
