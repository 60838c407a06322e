from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dltricks.cli.options import Format
from dltricks.cli.study_report import GROUPS, print_plan

Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Printed:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    return lambda: capsys.readouterr().out


def words(line: str) -> list[str]:
    """The cells of a table's line."""
    return [cell.strip() for cell in line.split("   ") if cell.strip()]


def a_run(number: int, label: str, epochs: int = 30) -> Any:
    return SimpleNamespace(
        number=number, label=label, experiment=SimpleNamespace(recipe=SimpleNamespace(epochs=epochs))
    )


def a_plan(done: dict[int, str] | None = None, **more: Any) -> Any:
    """Two batch sizes with twenty runs each, of which the second is cut in three."""
    done = done or {}
    runs = [a_run(number, f"batch_size={32 << number // 20} s{number % 20}") for number in range(40)]
    left = [run for run in runs if run.number not in done]
    groups = [[run for run in left if run.number < 20], [run for run in left if run.number >= 20]]
    groups = [group for group in groups if group]
    parts = [*groups[:1], *([groups[1][:10], groups[1][10:15], groups[1][15:]] if groups[1:] else [])]
    values: dict[str, Any] = {
        "runs": tuple(runs),
        "done": done,
        "groups": tuple(SimpleNamespace(runs=tuple(group), size=20, seconds=0.03) for group in groups),
        "tasks": tuple(SimpleNamespace(runs=tuple(part), epochs=30) for part in parts),
        "workers": 2,
        "seconds": 0.64,
        "title": "",
    }
    return SimpleNamespace(**{**values, **more})


def test_a_plan_for_people(printed: Printed) -> None:
    print_plan(a_plan({0: "finished", 1: "damaged"}), Format.table)
    lines = printed().splitlines()
    assert words(lines[0]) == ["group", "runs", "stacks", "epochs", "time"]
    assert [words(line) for line in lines[2:5]] == [
        ["batch_size=32, 18 seeds", "18", "1 x 18", "30", "0.5 s"],
        ["batch_size=64, 20 seeds", "20", "1 x 10 + 2 x 5", "30", "0.6 s"],
        ["done already", "2"],
    ]
    assert lines[5:] == [
        "",
        "38 of 40 runs in 4 stacks on 2 workers; 2 done already, of which 1 finished, 1 damaged; about 0.6 s",
    ]


def test_a_plan_as_json(printed: Printed) -> None:
    print_plan(a_plan({0: "finished"}), Format.json)
    found = json.loads(printed())
    assert {key: value for key, value in found.items() if key != "stacks"} == {
        "runs": 40,
        "done": 1,
        "workers": 2,
        "seconds": 0.64,
    }
    assert [stack["runs"] for stack in found["stacks"]] == [19, 10, 5, 5]
    assert found["stacks"][1] == {
        "group": "batch_size=64, 10 seeds",
        "runs": 10,
        "epochs": 30,
        "seconds": pytest.approx(0.3),
    }


def test_a_plan_as_csv_is_not_rounded(printed: Printed) -> None:
    print_plan(a_plan(), Format.csv)
    found = list(csv.DictReader(io.StringIO(printed())))
    assert [row["runs"] for row in found] == ["20", "20"]
    assert [float(row["seconds"]) for row in found] == [20 * 0.03] * 2


def test_a_plan_of_very_many_groups_is_cut_short_for_people(printed: Printed) -> None:
    runs = [a_run(number, f"batch_size={number + 1} s0") for number in range(1000)]
    plan = a_plan(
        runs=runs,
        groups=[SimpleNamespace(runs=(run,), size=1, seconds=5.0) for run in runs],
        tasks=[SimpleNamespace(runs=(run,), epochs=30) for run in runs],
        seconds=2500.0,
    )
    print_plan(plan, Format.table)
    lines = printed().splitlines()
    assert len(lines) == 2 + GROUPS + 3
    assert lines[-3:] == [
        "… and 960 more kinds of stacks",
        "",
        "1,000 runs in 1,000 stacks on 2 workers; 0 done already; about 42 min",
    ]
    print_plan(plan, Format.markdown)
    assert len(printed().splitlines()) == 2 + 1000
