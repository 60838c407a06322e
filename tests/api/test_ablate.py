"""``dltricks.ablate``: what is trained, and what the rows say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.shell import tree

import dltricks
from dltricks.api.ablate import AblationResult, plan_ablation
from dltricks.comparing.result import Trick
from dltricks.core.errors import SomeFailedError, UsageError
from dltricks.statistics.judged import Judged


def ablate(*overrides: str, file: str = "small.yaml", **values: Any) -> AblationResult:
    return dltricks.ablate(file, overrides, executor="serial", **{"epochs": 1, **values})


def values_of(result: AblationResult) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {}
    for entry in result.trained.entries:
        found.setdefault(entry.arm.label, []).append(entry.value(result.trained.metric))
    return found


def row(result: AblationResult, *tricks: str, tuned: bool = False) -> Trick:
    (found,) = [each for each in tricks_of(result) if each.tricks == tricks and each.tuned == tuned]
    return found


def tricks_of(result: AblationResult) -> tuple[Trick, ...]:
    assert result.comparison is not None
    return result.comparison.tricks


def gain(judged: Judged | None) -> float:
    assert judged is not None
    assert judged.gain is not None
    return judged.gain


def test_arms_share_their_seeds_and_say_what_each_trick_is_worth(folder: Path) -> None:
    result = ablate("dropout=0.2", seeds=[4, 2])
    found = values_of(result)
    assert [entry.seed for entry in result.trained.entries] == [4, 2] * len(found)
    assert {each.tricks for each in tricks_of(result)} == {("scaling",), ("initializer",), ("dropout",), ("optimizer",)}
    for each in tricks_of(result):
        (trick,) = each.tricks
        for effect, better, worse in [
            (each.costs, "as it stands", f"without {trick}"),
            (each.brings, f"plain + {trick}", "plain"),
        ]:
            differences = [a - b for a, b in zip(found[better], found[worse], strict=True)]
            assert gain(effect) == pytest.approx(sum(differences) / 2, abs=1e-12)
            assert (effect.n, effect.paired, effect.incomplete) == ((2, 2), True, ())
    configs = {entry.arm.label: entry.experiment.config for entry in result.trained.entries}
    assert configs["without optimizer"]["optimizer"]["name"] == "sgd"
    assert configs["plain"]["dropout"] == configs["without dropout"]["dropout"] == {"name": "none"}
    assert configs["plain + dropout"]["dropout"] == {"name": "dropout", "rate": 0.2}
    assert {entry.path.parent for entry in result.trained.entries} == {Path("runs/small-ablation")}
    assert not any(each.tuned for each in tricks_of(result))


def test_of_losses_the_smaller_one_is_better(folder: Path) -> None:
    lines = [f"{i % 7},{i % 3},{i % 7 - i % 3}" for i in range(60)]
    (folder / "data.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    data = {"name": "csv", "path": "data.csv", "target": "y", "task": "regression"}
    result = ablate(dataset=data, limit="none", seeds=2, optimizer={"name": "adam", "lr": 0.05}, epochs=5)
    assert result.trained.metric == "val_loss"
    found = values_of(result)
    differences = [b - a for a, b in zip(found["as it stands"], found["without optimizer"], strict=True)]
    assert gain(row(result, "optimizer").costs) == pytest.approx(sum(differences) / 2)


def test_runs_without_a_value_are_missing(folder: Path) -> None:
    """Without clipping this one diverges."""
    result = ablate(
        "optimizer=sgd", "optimizer.lr=1e25", "clipping=1e-25", "scaling=none", "initializer=uniform", seeds=2
    )
    found = values_of(result)
    assert found["plain"] == [None, None]
    assert None not in found["as it stands"]
    (only,) = tricks_of(result)
    assert only.tricks == ("clipping",)
    assert only.costs is not None
    assert (only.costs.gain, only.costs.incomplete, only.costs.diverged) == (None, (0, 1), (0.0, 1.0))
    assert len(result.trained.runs) == 4


def test_ten_seeds_unless_others_are_asked_for(folder: Path) -> None:
    for values, seeds in [({}, tuple(range(10))), ({"seeds": 2}, (0, 1)), ({"seeds": [7]}, (7,))]:
        _, study = plan_ablation("small.yaml", (), values, pairs=False, plugins=[], max_runs=10_000)
        assert study.seeds == seeds
    (folder / "seed.yaml").write_text((folder / "small.yaml").read_text() + "seed: {init: 99}\n")
    result = ablate(file="seed.yaml")
    assert [entry.seed["init"] for entry in result.trained.entries] == [99] * len(result.trained.entries)
    assert [entry.seed["order"] for entry in result.trained.entries[:10]] == list(range(10))


def test_pairs(folder: Path) -> None:
    result = ablate("scaling=none", "dropout=0.2", "clipping=1", seeds=2, pairs=True)
    found = {label: sum(values) / 2 for label, values in values_of(result).items()}
    both = row(result, "dropout", "clipping")
    base, plain = found["as it stands"], found["plain"]
    alone = (base - found["without dropout"]) + (base - found["without clipping"])
    assert gain(both.costs) == pytest.approx(base - found["without dropout, clipping"] - alone)
    alone = (found["plain + dropout"] - plain) + (found["plain + clipping"] - plain)
    together = found["without initializer, optimizer"]  # of four tricks the two others are what is left
    assert gain(both.brings) == pytest.approx(together - plain - alone)
    assert len([each for each in tricks_of(result) if len(each.tricks) == 2]) == 6


def test_fixed_and_tuned_rows(folder: Path) -> None:
    tune = {"optimizer.lr": [1e-4, 0.3], "seeds": 2}
    result = ablate("scaling=none", seeds=2, tune=tune, epochs=2)
    assert result.trained.tuned is not None
    assert result.trained.study.seeds == (0, 1)
    found = values_of(result)
    best = {label: found.get(f"{label} tuned", found[label]) for label in found if not label.endswith(" tuned")}
    assert set(best) == {"as it stands", "plain", "without initializer", "without optimizer"}
    for tuned, values in ((False, found), (True, best)):
        for trick in ("initializer", "optimizer"):
            pairs = zip(values["as it stands"], values[f"without {trick}"], strict=True)
            assert gain(row(result, trick, tuned=tuned).costs) == pytest.approx(sum(a - b for a, b in pairs) / 2)
    assert not any("nothing was tuned" in note for note in result.trained.notes)


PLUGIN = '''\
"""Small: gradients of half the size."""
from dataclasses import dataclass

from dltricks.clippers.norm import Norm as Base


@dataclass
class Small(Base):
    """g <- g min(1, threshold / |g|)"""
'''


def test_a_plugin_is_a_trick_like_any_other(folder: Path) -> None:
    (folder / "small_steps.py").write_text(PLUGIN.replace("class Small", "class SmallSteps"))
    result = ablate("clipping=small_steps", plugins=["small_steps.py"], seeds=1)
    assert ("clipping",) in [each.tricks for each in tricks_of(result)]
    configs = {entry.arm.label: entry.experiment.config["clipping"]["name"] for entry in result.trained.entries}
    assert (configs["as it stands"], configs["without clipping"]) == ("small_steps", "none")


def test_failures_are_raised_after_everything_else_is_trained(folder: Path) -> None:
    result = ablate(seeds=2)
    (result.trained.entries[0].path / "metrics.jsonl").unlink()
    with pytest.raises(SomeFailedError, match=r"1 of 16 runs failed:\n.*metrics\.jsonl"):
        ablate(seeds=2)
    assert len(ablate(seeds=2, fresh=True).trained.runs) == 16


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sweep": {"dropout": [0, 0.5]}}, "an ablation starts from one configuration, and dropout is swept"),
        ({"sweep": {"variants": [{"name": "a", "dropout": 0.1}, {"name": "b", "clipping": 2}]}}, r"swept \(2 arms\)"),
        ({"seed": 3}, r"argument: seed: an ablation trains every arm with several seeds; write seeds=\[3\]"),
        ({"seeds": 3, "max_runs": 23}, r"24 runs \(8 arms x 3 seeds\), more than the 23 of --max-runs"),
        ({"name": "a" * 95}, "^ablation: name: .* it is longer than 100 characters"),
        ({"optimizer": "sgd", "scaling": "none", "initializer": "uniform"}, "there is no trick to leave out"),
        ({"batch_size": 1000}, "batch_size: 1000 is more"),
        ({"workers": 3}, "serial executor has one"),
    ],
)
def test_wrong_input_writes_nothing(folder: Path, values: dict[str, Any], message: str) -> None:
    before = tree(folder)
    with pytest.raises(UsageError, match=message):
        ablate(**values)
    assert tree(folder) == before
