"""``dltricks verdict``: what is printed, and where."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.shell import Call

ARMS = ("optimizer.lr=0.005", "optimizer.lr=1e-6")
NOTE = "planned by the study and without a run here: optimizer.lr=0.001; p is not adjusted for what is not here"


@pytest.fixture
def verdict(cli: Call) -> Callable[..., list[str]]:
    """Trains a study of three arms; asks about two of them, and gives back stdout and stderr."""
    cli(
        "train", "small.yaml", "optimizer.lr=0.005,0.001,1e-6", "epochs=1", "seeds=6", "--executor", "serial", "--quiet"
    )

    def ask(*arguments: str) -> list[str]:
        found = cli("verdict", *arguments)
        assert found.code == 0
        return [found.out, found.err]

    return ask


def test_arms_of_a_study_need_no_note(verdict: Callable[..., list[str]]) -> None:
    out, err = verdict(*ARMS)
    assert out.startswith("optimizer.lr=1e-06 ")
    assert err == ""


def test_runs_by_themselves_are_told_not_to_be_adjusted_for_the_others(verdict: Callable[..., list[str]]) -> None:
    places = [f"runs/small/optimizer.lr={value}-*" for value in ("0.005", "1e-06")]
    assert NOTE in verdict(*places)[1]
    assert NOTE in verdict(*places, "--format", "csv")[1]
    out, err = verdict(*places, "--json")
    assert err == ""
    assert json.loads(out)["notes"] == [NOTE]
    assert json.loads(out)["verdict"] in {"helps", "hurts", "equivalent", "inconclusive"}
