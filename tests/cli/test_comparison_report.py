"""Comparisons as tables, in every format and width, whatever the names are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comparing.made import arm, entry, plan, rate, spread
from comparing.test_compare import compare
from comparing.test_tasks import runs as tasks
from comparing.test_tricks import ablation

from dltricks.cli import comparison_cells as cells
from dltricks.cli.comparison_report import print_comparison
from dltricks.cli.options import Format

Printed = Callable[[], str]
WORDS = {"helps", "hurts", "equivalent", "inconclusive"}
HOSTILE = "\x1b[2J[red]=cmd|'/c calc'!A1 `x` \\input{a} $&%#_{}~^ " + "x" * 300


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Printed:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    return lambda: capsys.readouterr().out


def three() -> Any:
    runs = [each for i in range(3) for each in arm(spread(0.9 + i / 50, seed=i), dropout=rate(i / 10))]
    return compare(runs)


def test_for_people(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_comparison(three(), Format.table)
    out = printed()
    lines = out.splitlines()
    assert lines[0] == "val_accuracy of the last epoch, larger is better"
    assert lines[1].split() == ["dropout", "runs", "val_accuracy", "difference", "verdict"]
    assert lines[3].split() == ["0", "10", *lines[3].split()[2:5], "baseline"]
    assert lines[5].split()[-1] == "helps"
    assert max(map(len, lines)) <= 80
    assert "baseline: dropout=0 (the neutral one)" in lines
    assert "adjusted for 2 by Holm" in out
    assert "no margin is declared" in out
    assert "█" in out


def test_a_wide_window_shows_one_table(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_comparison(three(), Format.table)
    head = printed().splitlines()[1]
    for column in (
        "dropout",
        "runs",
        "difference",
        "verdict",
        "P(better)",
        "adj. p",
        "perm. p",
        "seconds",
        "mean curve",
    ):
        assert column in head


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_is_lost_where_it_is_narrow(printed: Printed, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_comparison(three(), Format.table)
    out = " ".join(printed().split())
    for word in ("helps", "baseline", "perm. p" if width > 60 else "perm.", "seconds"):
        assert word in out


def test_every_row_of_json_has_one_word(printed: Printed) -> None:
    found, _ = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3])
    for each in (three(), compare(tasks()), found, compare([entry()])):
        print_comparison(each, Format.json)
        value = json.loads(printed())
        assert {row["verdict"] for row in value["rows"]} <= WORDS
        assert bool(value["rows"]) == (each.rows[0].verdict is not None or len(each.rows) > 1)
        assert value["baseline"] == each.baseline
        assert value["value"].startswith("val_accuracy of the last epoch")


def test_csv_has_unrounded_numbers(printed: Printed) -> None:
    found = three()
    print_comparison(found, Format.csv)
    rows = list(csv.DictReader(io.StringIO(printed())))
    assert [float(row["mean"]) for row in rows] == [row.mean for row in found.rows]
    assert [row["verdict"] for row in rows] == ["", *(row.verdict.word for row in found.rows[1:])]
    assert [row["dropout"] for row in rows] == ["0", "0.1", "0.2"]


def test_latex_and_markdown_are_tables(printed: Printed) -> None:
    print_comparison(three(), Format.latex)
    out = printed()
    assert "\n\\begin{tabular}{" in out
    assert r"val\_accuracy" in out
    assert r"$\pm$" in out
    assert out.rstrip().endswith("\\end{tabular}")
    assert out.isascii()
    print_comparison(three(), Format.markdown)
    lines = [line for line in printed().splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 5


@pytest.mark.parametrize(("format", "mark"), [(Format.markdown, "- "), (Format.latex, "% ")])
def test_pasted_tables_say_what_they_rest_on(printed: Printed, format: Format, mark: str) -> None:
    print_comparison(three(), format)
    said, _, _ = printed().partition("\n\n")
    lines = said.splitlines()
    assert all(line.startswith(mark) for line in lines)
    assert lines[0].replace("\\", "") == f"{mark}val_accuracy of the last epoch, larger is better"
    assert f"{mark}baseline: dropout=0 (the neutral one)" in lines
    assert "adjusted for 2 by Holm" in said


def test_csv_has_the_numbers_of_json(printed: Printed) -> None:
    runs = [each for i in range(2) for each in arm(spread(0.9 + i / 50, seed=i), dropout=rate(i / 10))]
    found = compare(runs, margin=0.001, effect_size=True)
    print_comparison(found, Format.csv)
    _, row = csv.DictReader(io.StringIO(printed()))
    print_comparison(found, Format.json)
    (told,) = json.loads(printed())["rows"]
    for key in ("p", "adjusted_p", "equivalence_p", "permutation_p", "correlation"):
        assert float(row[key]) == told[key]
    assert [float(row[f"hedges_g{end}"]) for end in ("", "_low", "_high")] == list(told["hedges_g"].values())
    assert (row["test"], row["paired"], float(row["margin"])) == ("paired t", "yes", 0.001)


def test_a_table_too_wide_is_taken_apart_between_its_columns(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    print_comparison(three(), Format.table)
    lines = printed().splitlines()
    assert max(map(len, lines)) <= 44
    for column in ("difference", "verdict", "P(better)", "perm. p", "mean curve"):
        assert any(column in line and line.startswith("dropout") for line in lines)
    assert any(line.startswith("0.1") and line.rstrip().endswith("helps") for line in lines)


def test_divergence_and_what_has_not_ended_have_columns(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    runs = [
        *arm(spread(0.9), dropout=rate(0.0)),
        *(entry(0.1, seed, "diverged", dropout=rate(0.5)) for seed in range(5)),
        *(entry(0.9, seed, "running", dropout=rate(0.5)) for seed in range(5, 10)),
    ]
    print_comparison(compare(runs), Format.table)
    out = printed()
    assert out.splitlines()[1].split()[:5] == ["dropout", "runs", "diverged", "without", "result"]
    assert "100 %" in out
    assert "5 running" in out
    assert "incomplete, for want of a value of the seeds 0, 1, 2, 3, 4 and 5 more" in " ".join(out.split())
    print_comparison(three(), Format.table)
    assert "diverged" not in printed()


def test_few_runs_are_said_to_declare_no_winner(printed: Printed) -> None:
    runs = [each for i in range(7) for each in arm(spread(0.9, n=5, seed=i), dropout=rate(i / 10))]
    print_comparison(compare(runs), Format.table)
    named = "dropout=0.1, dropout=0.2, dropout=0.3, dropout=0.4, dropout=0.5 and 1 more"
    assert f"fewer than 6 runs of each can declare no winner: {named}" in " ".join(printed().split())
    print_comparison(three(), Format.table)
    assert "no winner" not in printed()


def test_single_runs_leave_nothing_to_test(printed: Printed) -> None:
    print_comparison(compare([entry(0.9, 0, dropout=rate(i / 10)) for i in range(3)]), Format.table)
    out = printed()
    assert "interval of the mean; there is nothing to test" in out
    assert "adjusted" not in out


def test_divergence_that_decides_is_named_by_its_test(printed: Printed) -> None:
    runs = [*arm(spread(0.9), dropout=rate(0)), *(entry(0.1, i, "diverged", dropout=rate(0.5)) for i in range(10))]
    print_comparison(compare(runs), Format.table)
    assert "at which it is judged; Fisher's exact tests of divergence" in " ".join(printed().split())


def test_what_is_left_out_is_said(printed: Printed) -> None:
    broken = entry(seed=30, status="damaged")
    print_comparison(compare([*arm(spread(0.9)), broken, entry(seed=1_000_000, role="tuning")]), Format.table)
    out = printed()
    assert "left out: 1 run of a tuning" in out
    assert "damaged: it is damaged" in out


def test_tricks_pairs_and_tasks_have_tables(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    found, _ = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3])
    print_comparison(found, Format.table)
    out = printed()
    assert "val_accuracy: what each trick is worth (positive: better)" in out
    assert "what two tricks do together beyond the sum of each" in out
    assert "adjusted for 4 by Holm, and apart from these for the interactions" in " ".join(out.split())
    runs = [each for i in range(3) for each in arm(spread(0.9 + i / 50, seed=i), dropout=rate(i / 10))]
    print_comparison(compare(runs, pairs=True), Format.table)
    assert "every two variants" in printed()
    print_comparison(compare(tasks()), Format.table)
    out = printed()
    assert out.splitlines()[1].split()[:2] == ["task", "dropout"]
    assert "interquartile mean" in out


@pytest.mark.parametrize("format", list(Format))
def test_names_are_inert(printed: Printed, format: Format) -> None:
    arms = {"a=0": arm(spread(0.9), epochs=2), "b": arm(spread(0.95, seed=1), epochs=3)}
    study = plan(arms, notes=[HOSTILE])
    for each in study["arms"]:
        each["label"] += HOSTILE
        each["varied"] = {"k" + HOSTILE: "=1+1" + each["label"]}
    for each in study["runs"]:
        each["arm"] += HOSTILE
    runs = [each for mine in arms.values() for each in mine]
    found = compare([*runs, entry(status="damaged", seed=99)], {Path("runs/made"): study})
    print_comparison(found, format)
    out = printed()
    assert "\x1b" not in out
    if format is Format.csv:
        assert not [cell for row in csv.reader(io.StringIO(out)) for cell in row if cell.startswith(("=", "@", "+"))]
    if format is Format.latex:
        assert "\\input{" not in out
    if format is Format.markdown:
        beside = [line for line in out.splitlines() if line and not line.startswith("|")]
        assert all(line.startswith("- ") and "`" not in line.replace("\\`", "") for line in beside)
        table = [line for line in out.splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_digits_are_those_that_are_known() -> None:
    assert cells.decimals([0.0026, 0.0021]) == 4
    assert cells.decimals([]) == cells.decimals([0.0]) == 4
    assert cells.decimals([120.0]) == 0
    assert cells.around(0.98018, (0.97755, 0.98281), 4) == "0.9802 ± 0.0026"
    assert cells.around(0.0014, None, 4, sign=True) == "+0.0014"
    assert cells.around(-1e-18, None, 4, sign=True) == "0.0000"
    assert cells.around(None, None, 4) == ""
    assert cells.number(float("nan"), 3) == ""
    assert cells.p_value(0.00001) == "<0.0001"
    assert cells.percent(1 / 3) == "33.3 %"


def test_small_curves() -> None:
    curve = three().rows[0].curve
    assert len(cells.sparkline(curve, (0.5, 0.9))) == 3
    assert cells.sparkline(None, (0, 1)) == ""
    assert cells.sparkline(curve, (0.5, 0.5)) == "▅▅▅"
