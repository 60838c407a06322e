from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import yaml
from cli.shell import Call, process, tree

import dltricks


def test_prints_the_experiment_and_its_layers(folder: Path) -> None:
    before = tree(folder)
    found = process("check", "small.yaml", "dropout=0.25", cwd=folder)
    assert (found.code, found.err) == (0, "")
    assert tree(folder) == before
    resolved, _, table = found.out.partition("\n\n")
    assert yaml.safe_load(resolved)["dropout"] == {"name": "dropout", "rate": 0.25}
    lines = [line.split() for line in table.splitlines()]
    assert lines[0] == ["layer", "output", "parameters", "flops"]
    assert ["2.linear", "16", "1,040", "2,064"] in lines
    assert ["total", "1,210", "2,426"] in lines
    assert "300 training, 180 validation and 0 test samples; 10 steps an epoch" in table


def test_what_it_prints_is_the_same_experiment(cli: Call, folder: Path) -> None:
    resolved = cli("check", "small.yaml", "dropout=0.25").out.partition("\n\n")[0]
    (folder / "resolved.yaml").write_text(resolved)
    first, second = (
        json.loads(cli("check", *a, "--json").out) for a in (["small.yaml", "dropout=0.25"], ["resolved.yaml"])
    )
    assert first["hash"] == second["hash"]


def test_json(cli: Call) -> None:
    found = json.loads(cli("check", "small.yaml", "--json").out)
    layers = dltricks.check("small.yaml").layers
    assert found["layers"] == layers
    assert found["total"] == {
        "parameters": sum(layer["parameters"] for layer in layers),
        "flops": sum(layer["flops"] for layer in layers),
    }
    assert (found["samples"], found["validation"], found["test"], found["steps"]) == (300, 180, 0, 10)
    assert found["config"]["name"] == "small"


def test_csv_and_markdown_hold_the_layers(cli: Call) -> None:
    head, *rows = csv.reader(io.StringIO(cli("check", "small.yaml", "--format", "csv").out))
    assert head == ["layer", "output", "parameters", "flops"]
    assert [row[0] for row in rows] == ["1.flatten", "2.linear", "3.relu", "4.linear", "total"]
    assert cli("check", "small.yaml", "--format", "markdown").out.startswith(
        "| layer | output | parameters | flops |\n"
    )


def test_mistakes(cli: Call, folder: Path) -> None:
    before = tree(folder)
    found = cli("check", "small.yaml", "batch_size=301")
    assert found.code == 2
    assert found.err.startswith("dltricks: error: command line: batch_size: 301 is more than the 300")
    assert tree(folder) == before
