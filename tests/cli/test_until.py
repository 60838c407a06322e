"""``dltricks train --until decided``: what is printed."""

from __future__ import annotations

import json

import pytest
from cli.shell import Call

ARGUMENTS = (
    *("train", "small.yaml", "optimizer.lr=0.005,1e-6", "epochs=2", "--executor", "serial"),
    *("--until", "decided", "--max-seeds", "10"),
)


def test_for_people(cli: Call) -> None:
    found = cli(*ARGUMENTS)
    assert found.code == 0
    said = " ".join(found.out.split())
    assert "optimizer.lr=1e-06: hurts: worse by " in said
    assert "declared beforehand: baseline optimizer.lr=0.005 (the first), no margin, looks after so many seeds" in said
    assert max(map(len, found.out.splitlines())) <= 100
    assert "look 1 of 2, 6 seeds: optimizer.lr=1e-06 hurts" in found.err
    assert "(98.99 % repeated interval" in said
    assert cli(*ARGUMENTS, "--quiet").err == ""


def test_machines_get_the_rule_the_verdicts_and_the_runs(cli: Call) -> None:
    found = json.loads(cli(*ARGUMENTS, "--json", "--quiet").out)
    (verdict,) = found["verdicts"]
    assert (verdict["verdict"], verdict["look"], verdict["seeds"], verdict["pairs"]) == ("hurts", 1, 6, 6)
    assert verdict["low"] < verdict["difference"] < verdict["high"] < 0
    assert (found["ended"], found["looks"], found["metric"]) == ("decided", [6, 10], "val_accuracy")
    assert [run["status"] for run in found["runs"]] == ["finished"] * 12
    csv = cli(*ARGUMENTS, "--format", "csv", "--quiet").out.splitlines()
    assert csv[0] == "arm,seeds,pairs,difference,low,high,look,verdict"
    assert csv[1].endswith(",1,hurts")


def test_the_plan_shows_the_looks_and_trains_nothing(cli: Call) -> None:
    found = cli(*ARGUMENTS, "--plan", "--budget", "10m")
    assert "20 runs" in found.out
    assert "looks after so many seeds (level): 6 (0.01), 10 (0.046)" in " ".join(found.out.split())
    plan = json.loads(cli(*ARGUMENTS, "--plan", "--json").out)
    assert (plan["runs"], plan["done"], plan["until"]["looks"]) == (20, 0, [6, 10])
    tuned = cli(*ARGUMENTS[:2], *ARGUMENTS[3:], "tune={optimizer.lr: [0.1, 0.2]}", "--plan")
    assert "what is looked at is declared after the tuning" in " ".join(tuned.out.split())


def test_the_budget_is_told(cli: Call) -> None:
    longer = [each if each != "epochs=2" else "epochs=500" for each in ARGUMENTS]
    found = cli(*longer, "--budget", "0.2s", "--quiet")
    assert found.code == 0
    said = " ".join(found.out.split())
    assert "inconclusive: no look was taken; the first is at 6 seeds" in said
    assert "the budget of 0.2 s is used up; the same command goes on" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ARGUMENTS, "--budget", "never"), "--budget: found 'never'"),
        ((*ARGUMENTS, "--plan", "--manifest", "m"), "--manifest"),
        ((*ARGUMENTS[:6], "--max-seeds", "10"), "--max-seeds belongs to --until decided"),
        (("train", "small.yaml", "--until", "decided"), "one only"),
    ],
)
def test_refusals(cli: Call, arguments: tuple[str, ...], message: str) -> None:
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
