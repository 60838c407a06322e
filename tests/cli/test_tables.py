from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest

from dltricks.cli.options import Format
from dltricks.cli.tables import console, print_json, print_rows, spell

ROWS = [
    {"name": "first", "count": 12345, "score": 0.123456789},
    {"name": "second", "count": 6, "score": None},
]
HOSTILE = [
    "\x1b[31mred",
    "\x9b31mred",
    "[red]markup[/red]",
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    " =1+1",
    "a|b",
    "a\nb",
    "<script>",
    "`code`",
    ":smile:",
    "\u202ereversed",
    'quote"d, and comma',
]


def printed(capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], format: Format, **kwargs: Any) -> str:
    capsys.readouterr()
    print_rows(rows, format, **kwargs)
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (0.98765432, "0.9877"),
        (1.0, "1.0000"),
        (0.0, "0.0000"),
        (-0.5, "-0.5000"),
        (0.000123456, "0.0001235"),
        (123456.7, "1.235e+05"),
        (math.inf, "inf"),
        ([64, 64], "[64, 64]"),
        ("a\x1bb", "a\\x1bb"),
    ],
)
def test_spell(value: Any, text: str) -> None:
    assert spell(value) == text


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, ROWS, Format.table, title="A title", total={"name": "total", "count": 12351}).splitlines()
    assert [line.rstrip() for line in lines] == [
        "A title",
        "name      count    score",
        "────────────────────────",
        "first    12,345   0.1235",
        "second        6",
        "",
        "total    12,351",
    ]


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ROWS, Format.markdown).splitlines() == [
        "| name | count | score |",
        "| --- | ---: | ---: |",
        "| first | 12,345 | 0.1235 |",
        "| second | 6 |  |",
    ]


def test_csv_is_unrounded(capsys: pytest.CaptureFixture[str]) -> None:
    found = list(csv.reader(io.StringIO(printed(capsys, ROWS, Format.csv))))
    assert found == [["name", "count", "score"], ["first", "12345", "0.123456789"], ["second", "6", ""]]


def test_json_is_unrounded(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, ROWS, Format.json)) == ROWS


def test_json_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [math.nan, math.inf, 1.5], "b": {"c": -math.inf}, "d": (1, 2)})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "a": [None, None, 1.5],
        "b": {"c": None},
        "d": [1, 2],
    }


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("format", Format)
def test_nothing_is_obeyed(capsys: pytest.CaptureFixture[str], format: Format, text: str) -> None:
    found = printed(capsys, [{text: text, "score": 1.0}], format, title=text)
    assert all(c.isprintable() or c == "\n" for c in found)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isprintable()])
def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert text.strip() in printed(capsys, [{"name": text}], Format.table)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_keeps_text(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert json.loads(printed(capsys, [{text: text}], Format.json)) == [{text: text}]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_spreadsheet_finds_no_formula(capsys: pytest.CaptureFixture[str], text: str) -> None:
    ((head,), (cell,)) = csv.reader(io.StringIO(printed(capsys, [{text: text}], Format.csv)))
    assert head == cell
    assert cell.lstrip()[0] not in "=+-@\t\r"


@pytest.mark.parametrize("text", ["-1", "+1", "-1.5e-3", "1", "a-b", ""])
def test_csv_keeps_what_is_no_formula(capsys: pytest.CaptureFixture[str], text: str) -> None:
    rows = csv.reader(io.StringIO(printed(capsys, [{"class": text, "n": 1}], Format.csv)))
    assert list(rows)[1][0] == text


def test_markdown_keeps_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, [{"a|b": "c|d <i> `e` *f* [g](h) \\"}], Format.markdown).splitlines()
    assert found == ["| a\\|b |", "| --- |", "| c\\|d \\<i\\> \\`e\\` \\*f\\* \\[g\\](h) \\\\ |"]


def test_narrow_windows_break_text_and_no_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    rows = [{"name": "a long text that must be broken", "a long heading": 123456, "score": 0.5}]
    found = printed(capsys, rows, Format.table)
    assert max(map(len, found.splitlines())) <= 30
    assert "123,456" in found
    assert "0.5000" in found
    assert {"a", "long", "text", "that", "must", "be", "broken"} <= set(found.split())


def narrow(capsys: pytest.CaptureFixture[str], row: dict[str, Any]) -> list[str]:
    return [line.rstrip() for line in printed(capsys, [row], Format.table).splitlines()]


def test_words_stay_whole_where_headings_can_be_broken_between_theirs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "57")
    row = {"id": "e9ed8d223422", "status": "finished", "optimizer.lr": 0.01, "trained": "4", "val_accuracy": 0.13}
    assert narrow(capsys, row) == [
        "                          optimizer                 val_",
        "id             status           .lr   trained   accuracy",
        "─" * 56,
        "e9ed8d223422   finished      0.0100   4           0.1300",
    ]


def test_columns_move_together_before_a_word_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "41")
    row = {"arm": "dropout=0.2", "seeds": 12, "pairs": 12, "verdict": "inconclusive"}
    assert narrow(capsys, row) == [
        "arm          seeds  pairs  verdict",
        "─" * 39,
        "dropout=0.2     12     12  inconclusive",
    ]


def test_headings_that_must_be_broken_share_the_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "23")
    row = {"id": "e9ed8d223422", "trained": 4, "stopped": 5}
    assert narrow(capsys, row)[:-2] == ["                    sto", "              trai  ppe", "id             ned    d"]


def test_what_does_not_fit_is_not_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [{"class": f"c{i}", **{str(j): 1000 * i + j for j in range(30)}} for i in range(1, 3)]
    last = printed(capsys, rows, Format.table).splitlines()[-1]
    assert last.split() == ["c2", *(f"{2000 + j:,}" for j in range(30))]


def test_pipes_are_100_columns_wide(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert console().width == 100
    monkeypatch.setenv("COLUMNS", "120")
    assert console().width == 120


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
    ids=str,
)
def test_colours_follow_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], coloured: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    console().print("text", style="red")
    assert ("\x1b[31m" in capsys.readouterr().out) is coloured


def test_a_console_outlives_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    screen = console()
    screen.file = Gone()
    screen.print("unseen")
