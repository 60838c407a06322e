from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dltricks.cli.options import Format
from dltricks.cli.study_report import GROUPS, ArmResult, print_plan, print_results

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


def arms(**more: Any) -> list[ArmResult]:
    return [
        ArmResult("dropout=0", {"dropout": 0}, [0.9, 0.92, 0.94], 0, 0),
        ArmResult("dropout=0.2", {"dropout": 0.2}, [0.95], 0, 0),
        ArmResult("dropout=0.5", {"dropout": 0.5}, [], **{"diverged": 0, "failed": 0, **more}),
    ]


def test_results_for_people(printed: Printed) -> None:
    print_results(arms(diverged=2), "val_accuracy", Format.table)
    lines = printed().splitlines()
    assert lines[0] == "val_accuracy of the last epoch"
    assert words(lines[1]) == ["dropout", "runs", "mean", "sd", "min", "max", "diverged"]
    assert [words(line) for line in lines[3:6]] == [
        ["0", "3", "0.9200", "0.0200", "0.9000", "0.9400", "0"],
        ["0.2", "1", "0.9500", "0.9500", "0.9500", "0"],
        ["0.5", "2", "2"],
    ]
    assert lines[6:] == ["", "0 to 3 seeds in each row; means of few seeds are no verdict."]


@pytest.mark.parametrize(
    ("counts", "columns"),
    [
        ({}, []),
        ({"diverged": 1}, ["diverged"]),
        ({"failed": 1}, ["failed"]),
        ({"failed": 1, "diverged": 2, "note": "why"}, ["diverged", "failed", "note"]),
    ],
)
def test_what_did_not_happen_has_no_column(printed: Printed, counts: dict[str, Any], columns: list[str]) -> None:
    print_results(arms(**counts), "val_loss", Format.csv)
    expected = ["dropout", "runs", "mean val_loss", "sd", "min", "max", *columns]
    assert printed().splitlines()[0].split(",") == expected


def test_numbers_are_those_of_the_sample(printed: Printed) -> None:
    print_results(arms(), "val_accuracy", Format.json)
    found = json.loads(printed())
    assert found["metric"] == "val_accuracy"
    first, second, third = found["arms"]
    assert first["mean"] == pytest.approx(0.92, abs=1e-15)
    assert first["sd"] == pytest.approx(0.02, abs=1e-15)  # divided by 2, not by 3
    assert (first["min"], first["max"], first["values"]) == (0.9, 0.94, [0.9, 0.92, 0.94])
    assert first["varied"] == {"dropout": 0}
    assert (second["mean"], second["sd"]) == (0.95, None)
    assert [third[key] for key in ("runs", "mean", "sd", "min", "max")] == [0, None, None, None, None]


def test_a_small_deviation_is_not_shown_as_none(printed: Printed) -> None:
    print_results([ArmResult("", {}, [0.5, 0.50001], 0, 0)], "val_accuracy", Format.table)
    assert words(printed().splitlines()[3]) == ["2", "0.5000", "7e-06", "0.5000", "0.5000"]


def test_only_one_arm_needs_no_name(printed: Printed) -> None:
    print_results([ArmResult("", {}, [0.5, 0.7], 0, 0)], "val_accuracy", Format.table)
    lines = printed().splitlines()
    assert words(lines[1]) == ["runs", "mean", "sd", "min", "max"]
    assert lines[-1] == "2 seeds in each row; means of few seeds are no verdict."


def test_arms_whose_values_do_not_tell_them_apart_have_names(printed: Printed) -> None:
    print_results([ArmResult(name, {}, [0.5], 0, 0) for name in ("plain", "without dropout")], "m", Format.csv)
    assert [line.split(",")[0] for line in printed().splitlines()] == ["arm", "plain", "without dropout"]


def test_keys_that_only_some_arms_have(printed: Printed) -> None:
    found = [ArmResult("a", {"dropout": 0.1}, [0.5], 0, 0), ArmResult("b", {"optimizer": {"name": "sgd"}}, [0.5], 0, 0)]
    print_results(found, "m", Format.csv)
    assert [line.split(",")[:2] for line in printed().splitlines()] == [
        ["dropout", "optimizer"],
        ["0.1", ""],
        ["", "sgd"],
    ]


def wide() -> list[ArmResult]:
    return [
        ArmResult(
            f"dropout={rate}",
            {"dropout": rate, "optimizer.lr": 0.0316228, "schedule.warmup": 2, "initializer": "orthogonal"},
            [0.95, 0.96],
            diverged=int(rate == 0.5),
            failed=0,
            note="the best value is at the edge" if rate else "",
        )
        for rate in (0, 0.2, 0.5)
    ]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (120, "dropout optimizer.lr schedule.warmup initializer runs mean sd min max diverged"),
        (100, "dropout lr warmup initializer runs mean sd min max diverged"),
        (80, "dropout lr warmup initializer runs mean sd diverged"),
        (70, "dropout lr warmup initializer runs mean sd"),
    ],
)
def test_a_narrow_window_shows_less(
    printed: Printed, monkeypatch: pytest.MonkeyPatch, width: int, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_results(wide(), "val_accuracy", Format.table)
    out = printed()
    lines = out.splitlines()
    assert words(lines[1]) == columns.split()
    assert len(lines[2]) <= width
    assert "dropout=0.2; dropout=0.5: the best value is at the edge" in lines
    assert ("dropout=0.5: 1 diverged" in lines) == (width == 70)


def test_keys_that_end_alike_keep_their_beginnings(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    varied = {"optimizer.rate": 1, "dropout.rate": 2, "averaging.decay": 3}
    print_results([ArmResult("", varied, [0.5, 0.6], 0, 0)], "m", Format.table)
    assert words(printed().splitlines()[1])[:3] == ["optimizer.rate", "dropout.rate", "decay"]


def test_names_of_users_are_inert(printed: Printed) -> None:
    found = [ArmResult("a\x1b[2J", {"dr\x1bop": "b\x1b[1m"}, [0.5], 0, 0, "n\x1b[3m"), ArmResult("c", {}, [0.5], 0, 0)]
    for format in Format:
        print_results(found, "m\x1b[4m", format)
        assert "\x1b[" not in printed()
