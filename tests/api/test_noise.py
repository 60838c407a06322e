"""``dltricks.noise``: what is trained, and what the numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dltricks
from dltricks.api.noise import NoiseResult
from dltricks.core.errors import DivergedError, UsageError
from dltricks.runs import study_file
from dltricks.statistics.power import power


def noise(*overrides: str, **values: Any) -> NoiseResult:
    return dltricks.noise("small.yaml", overrides, executor="serial", **{"epochs": 1, **values})


def test_runs_differ_in_their_seeds_only(folder: Path) -> None:
    result = noise(seeds=13, minutes=[2, 1e-9])
    assert [entry.seed for entry in result.trained.entries] == list(range(13))
    assert {entry.path.parent for entry in result.trained.entries} == {Path("runs/small-noise")}
    final = [entry.run.result["final"]["val_accuracy"] for entry in result.trained.entries if entry.run]
    assert result.values == tuple(final)
    assert (result.metric, result.diverged) == ("val_accuracy", 0)
    assert result.mean == pytest.approx(np.mean(final))
    assert result.spread.sd == pytest.approx(np.std(final, ddof=1))
    assert [each.comparisons for each in result.alarms] == [1, 1]
    assert [each.seeds for each in result.by_seeds] == [6, 10, 13, 20, 40, 100]
    for each in (*result.by_seeds, result.by_minutes[0]):
        shown = power(each.difference / float(result.spread.sd), each.seeds, design="independent")
        assert shown == pytest.approx(0.8, abs=1e-6)
        assert each.low / each.difference == pytest.approx(result.spread.low / result.spread.sd)
    long, short = result.by_minutes
    assert long.seeds == int(60 / result.seconds)
    assert (short.seeds, np.isnan(short.difference)) == (0, True)
    study = study_file.load(folder / "runs" / "small-noise")
    assert study is not None
    assert study["seeds"] == list(range(13))


def test_runs_that_are_there_are_not_trained_again_and_time_is_estimated(folder: Path) -> None:
    first, again = noise(seeds=6), noise(seeds=6)
    assert (first.measured, again.measured) == (True, False)
    assert again.seconds > 0
    assert first.values == again.values
    assert all(run.reused for run in again.trained.runs)
    assert noise(seeds=13).measured
    assert not noise(seeds=15).measured


def test_seeds_are_the_files_else_twenty(folder: Path) -> None:
    assert len(noise("seeds=[3, 9]").values) == 2
    assert len(noise().values) == 20
    with pytest.raises(UsageError, match="given twice"):
        noise("seeds=[3, 9]", seeds=3)


def test_the_margin_of_the_file_holds(folder: Path) -> None:
    assert noise("margin=0.9", seeds=12).alarms[0].words["equivalent"] == 1


@pytest.mark.parametrize(
    ("overrides", "values", "message"),
    [
        (["dropout=0,0.5"], {}, "has 2 arms"),
        (["tune={optimizer.lr: [0.1, 0.2]}"], {}, "this file tunes"),
        ([], {"seeds": 1}, "at least 2"),
        ([], {"block": 5}, "under 6"),
        ([], {"minutes": [0.0]}, "above 0"),
    ],
)
def test_refusals(folder: Path, overrides: list[str], values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        noise(*overrides, **values)
    assert not (folder / "runs").exists()


def test_divergence_is_counted_and_without_values_there_is_no_noise(folder: Path) -> None:
    with pytest.raises(DivergedError, match="3 of 3 runs diverged"):
        noise("optimizer={name: sgd, lr: 1e30}", "activation=identity", seeds=3, epochs=3)
