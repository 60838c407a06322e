from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path

import pytest
from cli.shell import Call

import dltricks
from dltricks.core.registry import KINDS
from dltricks.runs import index, lock, reading, sealed

HOSTILE = "=cmd|' /C calc'!A0 [bold red]x[/] \x1b[2J\u202e| `a` <b> \\n" + "n" * 200


@pytest.fixture
def runs(folder: Path) -> dict[str, Path]:
    """A run of each sort by its status."""
    return {
        status: dltricks.train("small.yaml", dropout=rate, seed=seed)[0].path
        for seed, (status, rate) in enumerate(
            [("finished", 0.2), ("interrupted", 0.5), ("damaged", 0.5), ("running", 0)]
        )
    }


@pytest.fixture
def spoilt(runs: dict[str, Path]) -> dict[str, Path]:
    for status in ("interrupted", "running"):
        (runs[status] / "run.json").unlink()
    (runs["damaged"] / "metrics.jsonl").write_text("{}\n")
    return runs


def row(out: str, path: Path) -> list[str]:
    (found,) = [line.split() for line in out.splitlines() if line.startswith(path.name[-12:])]
    return found


def test_a_table(cli: Call, spoilt: dict[str, Path]) -> None:
    with lock.hold(spoilt["running"]):
        found = cli("list")
    assert found.code == 0
    result = reading.read_result(spoilt["finished"]) or {}
    expected = ["finished", "0.2", "0", str(result["epochs"]), f"{result['final']['val_accuracy']:.4f}"]
    assert row(found.out, spoilt["finished"])[1:6] == expected
    assert row(found.out, spoilt["running"])[1:5] == ["running", "0", "3", f"{result['epochs']}/{result['epochs']}"]
    assert row(found.out, spoilt["interrupted"])[1:4] == ["interrupted,", "can", "continue"]
    assert row(found.out, spoilt["damaged"])[1] == "damaged"
    assert f"damaged: {spoilt['damaged'] / 'metrics.jsonl'}: damaged" in found.err
    assert found.out.splitlines()[0].split() == [
        "id",
        "status",
        "dropout",
        "seed",
        "trained",
        "val_accuracy",
        "time",
        "age",
    ]


def test_json(cli: Call, spoilt: dict[str, Path]) -> None:
    found = {each["path"]: each for each in json.loads(cli("list", "--json").out)}
    finished = found[str(spoilt["finished"])]
    result = reading.read_result(spoilt["finished"]) or {}
    for key in ("id", "status", "seed", "epochs", "best", "final", "test"):
        assert finished[key] == result[key]
    assert finished["varied"] == {"dropout": 0.2}
    assert finished["config"]["optimizer"]["name"] == "adam"
    assert finished["seconds"] > 0
    assert found[str(spoilt["damaged"])]["problem"]
    assert found[str(spoilt["interrupted"])]["final"] is None


def test_csv(cli: Call, spoilt: dict[str, Path]) -> None:
    rows = {each["path"]: each for each in csv.DictReader(io.StringIO(cli("list", "--format", "csv").out))}
    result = reading.read_result(spoilt["finished"]) or {}
    assert float(rows[str(spoilt["finished"])]["val_accuracy"]) == result["final"]["val_accuracy"]
    assert rows[str(spoilt["finished"])]["dropout"] == "0.2"
    assert "damaged" in rows[str(spoilt["damaged"])]["problem"]


def test_conditions_and_orders(cli: Call, spoilt: dict[str, Path]) -> None:
    assert len(json.loads(cli("list", "--where", "dropout<0.5 and optimizer=adam", "--json").out)) == 2
    assert cli("list", "--where", "seed=99").err == "dltricks: no run fits the condition\n"
    assert cli("list", "--where", "seed=99", "--json").out.strip() == "[]"
    seeds = [each["seed"] for each in json.loads(cli("list", "--sort", "-seed", "--json").out)]
    assert seeds == [3, 2, 1, 0]
    found = cli("list", "--where", "dropuot<1")
    assert (found.code, "did you mean 'dropout'?" in found.err) == (2, True)
    assert "val_loss" in cli("list", "--where", "val_loss<100").out.splitlines()[0]
    assert "grad_norm" in cli("list", "--metric", "grad_norm").out.splitlines()[0]
    assert cli("list", "--metric", "grad_nrom").code == 2


def test_places(cli: Call, spoilt: dict[str, Path]) -> None:
    assert len(json.loads(cli("list", "small", "--json").out)) == 4
    assert len(json.loads(cli("list", "small/s0-*", "--json").out)) == 1
    assert len(json.loads(cli("list", spoilt["finished"], spoilt["damaged"], "--json").out)) == 2
    found = cli("list", "nowhere")
    assert (found.code, found.err) == (2, "dltricks: error: nowhere: no such folder\n")


def test_a_limit_is_told(cli: Call, spoilt: dict[str, Path]) -> None:
    found = cli("list", "--limit", "1")
    assert len(found.out.strip().splitlines()) == 3
    assert "3 more runs; --limit 0 shows all" in found.err
    assert "more runs" not in cli("list", "--limit", "0").err


def test_the_index_changes_nothing_but_the_time(cli: Call, runs: dict[str, Path]) -> None:
    for i in range(20):
        shutil.copytree(runs["finished"], runs["finished"].parent / f"copy{i}")
    first = cli("list", "--json").out
    assert cli("list", "--json").out == first
    Path("runs", index.NAME).unlink(missing_ok=True)
    assert cli("list", "--json").out == first


@pytest.mark.parametrize("format", ["table", "markdown", "csv", "json"])
def test_hostile_names_and_values_are_inert(cli: Call, runs: dict[str, Path], format: str) -> None:
    path = runs["finished"]
    config = (path / "config.yaml").read_text()
    for key in KINDS:
        assert f"\n{key}: " in config
    config = config.replace("name: small\n", f"name: {json.dumps(HOSTILE)}\n").replace(
        "activation: {name: relu}", f"activation: {{name: {json.dumps(HOSTILE)}}}"
    )
    (path / "config.yaml").write_text(config)
    result = reading.read_result(path) or {}
    result["files"]["config.yaml"] = hashlib.sha256(config.encode()).hexdigest()
    result["final"][HOSTILE] = 0.5
    del result["sha256"]
    sealed.save(path / "run.json", result)
    hostile = path.parent / ("=1+1 [red]\x1b[31m\u202e;rm -rf '" + "x" * 150)
    shutil.move(runs["damaged"], hostile)
    (hostile / "metrics.jsonl").write_text("{}\n")
    found = cli("list", "--format", format, "--metric", "val_loss", "--metric", HOSTILE)
    assert found.code == 0
    for text in (found.out, found.err):
        assert all(character.isprintable() or character == "\n" for character in text)
    if format == "csv":
        cells = [cell for line in csv.reader(io.StringIO(found.out)) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
        assert any(cell.startswith("'=cmd") for cell in cells)
    if format == "json":
        assert {each["name"] for each in json.loads(found.out)} == {HOSTILE, "small"}
    if format == "table":
        assert "[bold red]" in "".join(found.out.split("\n")).replace(" ", "").replace("[boldred]", "[bold red]")
