"""``dltricks.train(until="decided")``: what is declared, what is trained, and when it ends."""

from __future__ import annotations

import itertools
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dltricks
from dltricks.api.lab import Lab, Means, Silent
from dltricks.api.session import open_study
from dltricks.api.train import DecidedRuns
from dltricks.api.until import UntilResult, run_until, seconds, widened
from dltricks.core.errors import StoppedError, UsageError
from dltricks.runs import study_file
from dltricks.runs.signals import Signals
from dltricks.statistics import sequential

FAR = ("optimizer.lr=0.005,1e-6",)
"""Two rates of which one learns nothing."""


def train(*overrides: str, **values: Any) -> UntilResult:
    given = {"epochs": 1, "executor": "serial", "until": "decided", "max_seeds": 10, **values}
    runs = dltricks.train("small.yaml", overrides, notify=lambda message: None, **given)
    assert isinstance(runs, DecidedRuns)
    return runs.result


def plan_of(folder: Path, name: str = "small") -> dict[str, Any]:
    study = study_file.load(folder / "runs" / name)
    assert study is not None
    return study


def test_seeds_are_added_until_the_verdict_is_decided(folder: Path) -> None:
    result = train(*FAR, epochs=2)
    declared, (standing,) = result.declared, result.standings
    assert (declared.looks, declared.variants, declared.baseline) == (
        (6, 10),
        ("optimizer.lr=1e-06",),
        "optimizer.lr=0.005",
    )
    assert (standing.word, standing.number, result.ended) == ("hurts", 1, "decided")
    values = [
        [entry.value(declared.metric) for entry in result.trained.entries if entry.arm.label == label]
        for label in (declared.baseline, *declared.variants)
    ]
    assert [len(each) for each in values] == [6, 6]
    look = sequential.decide(values[0], values[1], (6, 10), 0)
    assert standing.look == look
    study = plan_of(folder)
    assert study["until"] == {**declared.to_json(), "seen": 0}
    assert study["until"]["levels"] == list(sequential.boundaries((6, 10)))
    assert len(study["runs"]) == 20
    again = train(*FAR, epochs=2)
    assert again.standings == result.standings
    assert all(run.reused for run in again.trained.runs)
    assert plan_of(folder) == study


def test_an_arm_that_is_decided_is_trained_no_further(folder: Path) -> None:
    result = train("optimizer.lr=0.005,1e-6,0.0050001", epochs=2)
    words = {each.label: (each.word, each.number) for each in result.standings}
    assert words["optimizer.lr=1e-06"] == ("hurts", 1)
    assert words["optimizer.lr=0.0050001"] == ("inconclusive", 2)
    assert result.ended == "seeds"
    counts = {
        label: len(list(entries))
        for label, entries in itertools.groupby(result.trained.entries, lambda entry: entry.arm.label)
    }
    assert counts == {"optimizer.lr=0.005": 10, "optimizer.lr=1e-06": 6, "optimizer.lr=0.0050001": 10}
    assert result.declared.levels == sequential.boundaries((6, 10), 0.05, 2)


def test_a_margin_allows_equivalence(folder: Path) -> None:
    result = train("optimizer.lr=0.005,0.0050001", margin=0.9, baseline="optimizer.lr=0.0050001")
    assert [each.word for each in result.standings] == ["equivalent"]
    assert (result.declared.baseline, result.because) == ("optimizer.lr=0.0050001", "declared in the file")
    assert result.declared.margin == 0.9


@pytest.mark.parametrize(
    ("overrides", "values", "changed"),
    [
        (FAR, {"max_seeds": 20}, "looks was 6, 10, is 6, 8, 14, 20"),
        (FAR, {"margin": 0.1}, "margin was none, is 0.1"),
        (FAR, {"baseline": "optimizer.lr=1e-6"}, "baseline was optimizer.lr=0.005, is optimizer.lr=1e-06"),
        (("optimizer.lr=0.005,1e-6,1e-5",), {}, "variants was"),
        (FAR, {"seeds": "2..11"}, "seeds was 0, 1, 2"),
    ],
)
def test_what_was_declared_is_not_changed_after_looking(
    folder: Path, overrides: tuple[str, ...], values: dict[str, Any], changed: str
) -> None:
    train(*FAR)
    # Nor by a study in between that declares nothing.
    dltricks.train("small.yaml", FAR, epochs=1, seeds=2, executor="serial")
    assert "until" not in plan_of(folder)
    for fresh in (False, True):
        with pytest.raises(UsageError, match="another rule was declared") as raised:
            train(*overrides, fresh=fresh, **values)
        assert changed in str(raised.value)
        assert "name=small-2" in str(raised.value)
    assert train(*FAR).ended == "decided"
    assert plan_of(folder)["until"]["seen"] == 0


def test_other_runs_may_be_declared_anew(folder: Path) -> None:
    train(*FAR)
    assert train(*FAR, max_seeds=6, seeds="10..15").declared.looks == (6,)
    assert train(*FAR, max_seeds=7, epochs=2).declared.looks == (7,)


def test_runs_that_were_there_before_are_told_of(folder: Path) -> None:
    dltricks.train("small.yaml", FAR, epochs=1, seeds=3, executor="serial")
    result = train(*FAR)
    (note,) = [note for note in result.notes if "before this rule" in note]
    assert note.startswith("6 of these runs")
    assert plan_of(folder)["until"]["seen"] == 6
    assert note in train(*FAR).notes


def test_divergence_decides_where_it_leaves_nothing_to_compare(folder: Path) -> None:
    variants = [
        {"name": "good", "activation": "relu"},
        {"name": "bad", "activation": "identity", "optimizer": {"name": "sgd", "lr": 1e30}},
    ]
    result = train(sweep={"variants": variants}, epochs=3)
    (standing,) = result.standings
    assert (standing.word, standing.diverged, standing.number) == ("hurts", (6, 0), 1)
    assert standing.look is not None
    assert np.isnan(standing.look.interval).all()


def test_tuning_comes_first_and_the_rule_counts_its_arms(folder: Path) -> None:
    result = train("dropout=0,0.5", tune={"optimizer.lr": [1e-6, 0.02], "seeds": 1}, max_seeds=6)
    assert result.trained.tuned is not None
    assert result.declared.variants == ("dropout=0 tuned", "dropout=0.5", "dropout=0.5 tuned")
    assert result.declared.baseline == "dropout=0"
    assert result.declared.levels == pytest.approx([0.05 / 3])


def test_the_end_of_the_budget_is_undecided_and_goes_on(folder: Path) -> None:
    study = widened(open_study("small.yaml", ["dropout=0,0.2"], {"epochs": 100_000}), 6, 100)
    with Lab(Means(Path("runs"), executor="serial"), Silent(print)) as lab:
        result = run_until(study, lab, budget=5, fresh=False, most=100, tell=print)
    assert (result.ended, result.trained.entries) == ("budget", ())
    assert [(each.word, each.look) for each in result.standings] == [("inconclusive", None)]
    assert list((folder / "runs" / "small").glob("*/checkpoints/*"))
    assert plan_of(folder)["until"]["looks"] == [6]


def test_a_signal_stops_and_the_same_command_goes_on(folder: Path) -> None:
    def stop(message: str) -> None:
        lab.signals.number = signal.SIGINT

    study = widened(open_study("small.yaml", ["dropout=0,0.01"], {"epochs": 1}), 10, 100)
    with Lab(Means(Path("runs"), executor="serial"), Silent(print)) as lab, pytest.raises(StoppedError):
        run_until(study, lab, budget=1000, fresh=False, most=100, tell=stop)
    assert len(list((folder / "runs" / "small").glob("*/run.json"))) == 12
    with Lab(Means(Path("runs"), executor="serial"), Silent(print)) as lab:
        result = run_until(study, lab, budget=None, fresh=False, most=100, tell=print)
    assert len([run for run in result.trained.runs if run.reused]) == 12


def test_fresh_trains_again_under_the_same_rule(folder: Path) -> None:
    first = train(*FAR)
    again = train(*FAR, fresh=True)
    assert not any(run.reused for run in again.trained.runs)
    assert again.standings == first.standings


def test_which_seeds(folder: Path) -> None:
    def seeds(*overrides: str, most: int | None = None) -> tuple[int, ...] | None:
        return widened(open_study("small.yaml", ["dropout=0,0.1", *overrides], {}), most, 1000).seeds

    assert seeds() == tuple(range(40))
    assert seeds(most=7) == tuple(range(7))
    assert seeds("seeds=8") == tuple(range(8))
    assert seeds("seeds=8", most=12) == tuple(range(12))
    assert seeds("seeds=5..12", most=10) == tuple(range(5, 15))
    assert seeds("seeds=[9, 1, 4, 3, 8, 2, 0]", most=6) == (9, 1, 4, 3, 8, 2)
    for overrides, most, message in [
        (["seeds=[9, 1, 4]"], 6, "list more"),
        (["seeds=3"], None, "at most 3 seeds"),
        (["seeds=999990..999995"], 40, "kept for tuning"),
        (["seed=3"], None, "one seed decides nothing"),
        ([], 600, "1,200 runs"),
    ]:
        with pytest.raises(UsageError, match=message):
            seeds(*overrides, most=most)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"until": "decided"}, "one only"),
        ({"max_seeds": 10}, "--max-seeds belongs to"),
        ({"budget": "10m"}, "--budget belongs to"),
        ({"until": "bored"}, "allowed: decided"),
        ({"until": "decided", "dropout": [0, 0.1], "budget": "soon"}, "--budget: found 'soon'"),
        ({"until": "decided", "hooks": [object()]}, "hooks"),
    ],
)
def test_refusals(folder: Path, values: dict[str, Any], message: str) -> None:
    if "dropout" in values:
        values = {**values, "sweep": {"dropout": values["dropout"]}}
        del values["dropout"]
    with pytest.raises(UsageError, match=message):
        dltricks.train("small.yaml", **values)
    assert not (folder / "runs").exists()


def test_times() -> None:
    assert [seconds(each) for each in ("90", "90s", "10m", "1.5h", 3, 0.5)] == [90, 90, 600, 5400, 3, 0.5]
    for text in ("", "m", "-1s", "0", "nan", "inf", "1d", "ten"):
        with pytest.raises(UsageError, match="--budget"):
            seconds(text)


def test_time_that_is_over_is_no_signal() -> None:
    signals = Signals()
    signals.deadline = time.monotonic() + 1000
    assert (signals.number, signals.expired) == (None, False)
    signals.deadline = time.monotonic() - 1
    assert (signals.number, signals.expired) == (signal.SIGINT, True)
    signals.number = signal.SIGTERM
    assert (signals.number, signals.expired) == (signal.SIGTERM, False)
