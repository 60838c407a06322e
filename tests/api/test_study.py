"""What a study amounts to: its results, its failures, its headline, and the plan that it leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.shell import stats

import dltricks
from dltricks.api.lab import Lab, Means, Silent
from dltricks.api.session import open_study
from dltricks.api.study import StudyResult, fail, headline, run_study
from dltricks.core.errors import DamagedError, SomeFailedError, UsageError
from dltricks.engine.recipe import Recipe
from dltricks.execution.events import Failed
from dltricks.experiment.document import parse
from dltricks.experiment.resolve import resolve
from dltricks.runs import study_file


def run(*overrides: str, **values: Any) -> StudyResult:
    study = open_study("small.yaml", overrides, values)
    return run_study(study, Lab(Means(Path("runs")), Silent(lambda message: None)), notify=lambda message: None)


def recipe(text: str) -> Recipe:
    return resolve(parse(f"name: a\n{text}\n", "a.yaml")).recipe


def regression() -> str:
    Path("data.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    return "dataset: {name: csv, path: data.csv, target: y, task: regression}"


def test_the_headline_is_a_metric_that_all_runs_have(folder: Path) -> None:
    accuracy, loss = recipe("dataset: digits"), recipe(regression())
    unseen = recipe("validation: 0")
    assert headline([accuracy]) == headline([accuracy, accuracy]) == "val_accuracy"
    assert headline([loss]) == headline([accuracy, loss]) == headline([loss, accuracy]) == "val_loss"
    assert headline([unseen]) == headline([accuracy, unseen]) == headline([unseen, loss]) == "train_loss"


@pytest.mark.parametrize(
    ("kinds", "runs", "error", "message"),
    [
        (["DamagedError"], 1, DamagedError, "damaged 0"),
        (["DamagedError"], 2, SomeFailedError, "1 of 2 runs failed:\ndamaged 0"),
        (["UsageError", "UsageError"], 2, UsageError, "wrong 0\nwrong 1"),
        (["UsageError", "DamagedError"], 2, SomeFailedError, "2 of 2 runs failed:\nwrong 0\ndamaged 1"),
        (["Lost"], 1, SomeFailedError, "1 of 1 runs failed:\nlost 0"),
    ],
)
def test_what_failures_amount_to(kinds: list[str], runs: int, error: type[Exception], message: str) -> None:
    words = {"DamagedError": "damaged", "UsageError": "wrong", "Lost": "lost"}
    failures = [Failed(i, kind, f"{words[kind]} {i}", 1) for i, kind in enumerate(kinds)]
    with pytest.raises(error) as raised:
        fail(failures, runs)
    assert type(raised.value) is error
    assert str(raised.value) == message


def test_no_failures_are_no_error() -> None:
    fail([], 0)
    fail([], 3)


def test_many_failures_for_one_reason_are_said_once() -> None:
    with pytest.raises(UsageError, match=r"^the same$"):
        fail([Failed(i, "UsageError", "the same", 2) for i in range(9)], 9)


def test_entries_say_what_has_become_of_each_run(folder: Path) -> None:
    overrides = ("optimizer=sgd", "optimizer.lr=0.1,1e30", "seeds=2")
    result = run(*overrides)
    assert [(entry.arm.label, entry.seed) for entry in result.entries] == [
        *[("optimizer.lr=0.1", 0), ("optimizer.lr=0.1", 1)],
        *[("optimizer.lr=1e+30", 0), ("optimizer.lr=1e+30", 1)],
    ]
    finals = [run.result["final"]["val_accuracy"] for run in result.runs[:2]]
    assert [entry.value("val_accuracy") for entry in result.entries] == [*finals, None, None]
    assert (result.failures, result.notes, result.tuned) == ([], (), None)
    result.require_all()
    # What a status cannot tell, the checksums do.
    path = result.entries[0].path / "weights.npz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    again = run(*overrides)
    first, *others = again.entries
    assert (first.run, first.path, first.value("val_accuracy")) == (None, path.parent, None)
    assert first.failure is not None
    assert first.failure.error == "DamagedError"
    assert "weights.npz" in first.failure.message
    assert [entry.run is not None and entry.run.reused for entry in others] == [True] * 3
    assert len(again.runs) == 3
    with pytest.raises(SomeFailedError, match="1 of 4 runs failed"):
        again.require_all()


def test_a_seed_for_each_purpose(folder: Path) -> None:
    result = run(seed={"init": 7}, seeds=2)
    seeds = [entry.seed for entry in result.entries]
    assert [(seed["init"], seed["order"], seed["split"]) for seed in seeds] == [(7, 0, 0), (7, 1, 1)]
    assert len({entry.path for entry in result.entries}) == 2


def study() -> dict[str, Any]:
    found = study_file.load(Path("runs/small"))
    assert found is not None
    return found


def test_a_single_run_is_no_study(folder: Path) -> None:
    assert not run().study.several
    assert study_file.load(Path("runs/small")) is None
    assert run(seeds=1).study.several
    assert [each["seed"] for each in study()["runs"]] == [0]


def test_the_plan_is_written_before_anything_is_trained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PulledPlugError(Exception):
        pass

    def train(*args: Any, **kwargs: Any) -> None:
        raise PulledPlugError

    monkeypatch.setattr(Lab, "train", train)
    with pytest.raises(PulledPlugError):
        run(seeds=2)
    assert len(study()["runs"]) == 2
    assert [path.name for path in Path("runs/small").iterdir()] == ["study.json"]


def test_runs_that_a_plan_has_lost_are_superseded_until_it_has_them_again(folder: Path) -> None:
    def hashes() -> list[str]:
        return [each["hash"] for each in study()["runs"]]

    run(sweep={"dropout": [0, 0.2]}, seeds=2)
    first = hashes()
    assert study()["superseded"] == []
    run(sweep={"dropout": [0.2, 0.4]}, seeds=2)
    second = hashes()
    assert second[:2] == first[2:]
    assert study()["superseded"] == first[:2]
    run(sweep={"dropout": [0, 0.2]}, seeds=2)
    assert hashes() == first
    assert study()["superseded"] == second[2:]
    before = stats(folder / "runs")
    run(sweep={"dropout": [0, 0.2]}, seeds=2)
    assert stats(folder / "runs") == before


def test_studies_of_two_names_know_nothing_of_each_other(folder: Path) -> None:
    run(seeds=2)
    before = stats(folder / "runs")
    dltricks.train("small.yaml", name="other", seeds=3)
    found = study_file.load(Path("runs/other"))
    assert found is not None
    assert [each["seed"] for each in found["runs"]] == [0, 1, 2]
    assert {path: each for path, each in stats(folder / "runs").items() if path in before} == before
    assert len(list(Path("runs/other").glob("*/run.json"))) == 1
