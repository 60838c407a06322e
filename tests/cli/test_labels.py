from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dltricks.cli.labels import about, count_of, plan_summary, summary


@pytest.mark.parametrize(
    ("labels", "together"),
    [
        (["dropout=0.2 s3"], "dropout=0.2 s3"),
        ([""], "1 run"),
        ([f"dropout=0.2 s{seed}" for seed in range(10)], "dropout=0.2, 10 seeds"),
        ([f"s{seed}" for seed in range(1000)], "1,000 seeds"),
        ([f"dropout={rate} s{seed}" for rate in (0, 0.2) for seed in range(10)], "20 runs"),
        (["dropout=0,lr=0.1 s0", "dropout=0.2,lr=0.1 s0", "lr=0.1 s0"], "lr=0.1, 3 runs"),
        (["lr=0.1 s0", "lr=0.10 s0"], "2 runs"),
        (["plain s0", "with dropout s0"], "2 runs"),
        (["with dropout s0", "with dropout s1"], "with dropout, 2 seeds"),
        (["dropout=0.2", "dropout=0.2"], "dropout=0.2, 2 runs"),
        (["lr=0.1 sinit=1", "lr=0.1 s1", "lr=0.1 sorder=1+split=1"], "lr=0.1, 3 seeds"),
        (["wide size=1", "wide size=2"], "2 runs"),
    ],
)
def test_what_runs_have_in_common(labels: list[str], together: str) -> None:
    assert summary(labels) == together


def test_one_is_not_many() -> None:
    assert [count_of(number, "run") for number in (0, 1, 2000)] == ["0 runs", "1 run", "2,000 runs"]


def a_plan(done: dict[int, str] | None = None, stacks: int = 4, workers: int = 2, seconds: float = 0.64) -> Any:
    return SimpleNamespace(
        runs=range(40), done=done or {}, tasks=range(stacks), workers=workers, seconds=seconds, title=""
    )


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (a_plan(), "40 runs in 4 stacks on 2 workers; 0 done already; about 0.6 s"),
        (a_plan({3: "finished"}), "39 of 40 runs in 4 stacks on 2 workers; 1 done already; about 0.6 s"),
        (
            a_plan(dict.fromkeys(range(20), "diverged"), stacks=1),
            "20 of 40 runs in 1 stack on 2 workers; 20 done already, of which 20 diverged; about 0.6 s",
        ),
        (a_plan(workers=1, seconds=75.4), "40 runs in 4 stacks on 1 worker; 0 done already; about 75 s"),
        (a_plan(seconds=0.0), "40 runs in 4 stacks on 2 workers; 0 done already"),
        (a_plan(seconds=9000.0), "40 runs in 4 stacks on 2 workers; 0 done already; about 2.5 h"),
        (a_plan(dict.fromkeys(range(40), "finished"), stacks=0), "nothing to train: 40 runs, all done already"),
    ],
)
def test_a_plan_in_a_sentence(plan: Any, sentence: str) -> None:
    assert plan_summary(plan) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
    ],
)
def test_an_estimate(seconds: float, text: str) -> None:
    assert about(seconds) == text
