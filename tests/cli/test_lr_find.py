from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli.shell import Call, process, tree

import dltricks
from dltricks.api.lr_find import RangeTest
from dltricks.cli.lr_find import HEIGHT, curve
from dltricks.engine.range_test import smooth


def test_as_a_process_it_writes_nothing(folder: Path) -> None:
    before = tree(folder)
    found = process("lr-find", "small.yaml", cwd=folder)
    assert (found.code, found.err) == (0, "")
    assert tree(folder) == before
    rate = dltricks.lr_find("small.yaml").suggestion
    assert found.out.endswith(f"\nsuggestion: optimizer.lr={rate:.2g} (where the smoothed loss falls fastest)\n")


def test_json(cli: Call) -> None:
    found = json.loads(cli("lr-find", "small.yaml", "--json", "--steps", "50").out, parse_constant=pytest.fail)
    expected = dltricks.lr_find("small.yaml", steps=50)
    assert found["suggestion"] == expected.suggestion
    assert [row["lr"] for row in found["curve"]] == expected.rates.tolist()
    assert [row["smoothed"] for row in found["curve"]] == expected.smoothed.tolist()


def test_csv_is_the_curve_alone(cli: Call) -> None:
    found = cli("lr-find", "small.yaml", "--format", "csv", "--steps", "50")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert [float(row["loss"]) for row in rows] == dltricks.lr_find("small.yaml", steps=50).losses.tolist()


def test_no_suggestion(cli: Call) -> None:
    found = cli("lr-find", "small.yaml", "--low", "1e3", "--high", "1e4")
    assert found.code == 0
    assert found.err == "dltricks: no suggestion: the loss never fell; try another range with --low and --high\n"


def test_wrong_ranges(cli: Call) -> None:
    found = cli("lr-find", "small.yaml", "--low", "1", "--high", "0.1")
    assert found.code == 2
    assert "found low 1, high 0.1" in found.err


def a_test(rates: np.ndarray, losses: np.ndarray, suggestion: float | None) -> RangeTest:
    return RangeTest(rates, losses, smooth(losses), suggestion)


@pytest.mark.parametrize("width", [40, 79, 100])
def test_the_curve(width: int) -> None:
    rates = np.geomspace(1e-6, 10, 200)
    lines = curve(a_test(rates, np.linspace(3, 1, 200), 1e-3), width).splitlines()
    assert max(map(len, lines)) == width
    assert len(lines) == HEIGHT + 3
    points = [line[11:] for line in lines[:HEIGHT]]
    assert points[0].startswith("●")
    assert points[-1].endswith("●")
    # Every column has one point, and the suggestion stands below its decade.
    for column in range(width - 11):
        assert sum(row[column : column + 1] == "●" for row in points) == 1
    axis, names, arrow = lines[HEIGHT:]
    assert axis.count("┴") == 8
    assert re.findall(r"1e-?\d", names)[0] == "1e-6"
    assert names[arrow.index("▲")] in "1e-3 "
    assert axis[arrow.index("▲")] == "┴"


def test_the_curve_without_a_suggestion_or_with_infinity() -> None:
    rates = np.geomspace(1e-3, 10, 40)
    losses = np.full(40, 2.0)
    losses[-1] = np.inf
    text = curve(a_test(rates, losses, None), 60)
    assert "▲" not in text
    assert text.count("●") == 49
    assert curve(a_test(rates, np.full(40, np.nan), None), 60) == "the loss is not finite from the first step on"


def test_the_curve_in_ascii() -> None:
    rates = np.geomspace(1e-6, 10, 200)
    assert curve(a_test(rates, np.linspace(3, 1, 200), 1e-3), 60, plain=True).isascii()
