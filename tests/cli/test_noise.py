"""``dltricks noise``: what is printed."""

from __future__ import annotations

import csv
import io
import json

import pytest
from cli.shell import Call

ARGUMENTS = ("noise", "small.yaml", "epochs=1", "--executor", "serial", "--quiet")


def test_for_people(cli: Call) -> None:
    found = cli(*ARGUMENTS, "--seeds", "13", "--minutes", "1")
    assert (found.code, found.err) == (0, "")
    assert "val_accuracy of the last epoch, 13 runs that differ only in seed: mean 0." in found.out
    said = " ".join(found.out.split())
    assert "noise floor (standard deviation) 0." in said
    assert "as if seeds were shared (paired t): " in said
    assert "in 1 comparison of 6 runs with 6" in said
    assert "say nothing of the share of false alarms; --seeds 2400 makes 200 of them" in said
    assert max(map(len, found.out.splitlines())) <= 100
    table = found.out.partition("the smallest difference")[2].splitlines()
    assert [line.split()[0] for line in table if line.strip()[:1].isdigit()][:4] == [*("6", "10", "13", "20")]
    few = cli(*ARGUMENTS, "--seeds", "3")
    assert "too few runs for one comparison of 6 runs with 6" in " ".join(few.out.split())


def test_machines_get_all_numbers(cli: Call) -> None:
    found = json.loads(cli(*ARGUMENTS, "--seeds", "13", "--json").out)
    assert (found["metric"], found["runs"], found["diverged"], len(found["values"])) == ("val_accuracy", 13, 0, 13)
    assert found["sd_interval"][0] < found["sd"] < found["sd_interval"][1]
    assert [each["paired"] for each in found["false_alarms"]] == [True, False]
    assert {each["comparisons"] for each in found["false_alarms"]} == {1}
    assert [each["minutes"] for each in found["by_minutes"]] == [1, 10, 60]
    rows = list(csv.DictReader(io.StringIO(cli(*ARGUMENTS, "--seeds", "13", "--format", "csv").out)))
    assert float(rows[0]["difference"]) == found["by_seeds"][0]["difference"]


@pytest.mark.parametrize(("format", "mark"), [("markdown", "- "), ("latex", "% ")])
def test_pasted_tables_say_what_the_noise_is(cli: Call, format: str, mark: str) -> None:
    lines = cli(*ARGUMENTS, "--seeds", "13", "--format", format).out.splitlines()
    assert lines[0].startswith(f"{mark}val")
    assert "noise floor" in lines[0]
    assert [line.startswith(mark) for line in lines[:4]] == [True] * 4
    assert any("0.0" in line and not line.startswith(mark) for line in lines)


def test_more_time_than_is_reckoned_with_is_told(cli: Call) -> None:
    said = "100,000 seeds are the most that are reckoned with"
    assert said in " ".join(cli(*ARGUMENTS, "--seeds", "6", "--minutes", "100000").out.split())
    assert said not in " ".join(cli(*ARGUMENTS, "--seeds", "6", "--minutes", "0.1").out.split())


@pytest.mark.parametrize(
    ("arguments", "message"), [(["dropout=0,0.1"], "has 2 arms"), (["--block", "3"], "--block: found 3")]
)
def test_refusals(cli: Call, arguments: list[str], message: str) -> None:
    found = cli(*ARGUMENTS, *arguments)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
