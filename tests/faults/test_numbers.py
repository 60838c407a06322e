"""NaN and infinity at any step of one replica of a stack: it stops and says where; the others never notice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.shell import Call, all_decisive, decisive
from execution.plans import experiment, runs_of
from faults.laboratory import Killed

from dltricks.core import registry
from dltricks.core.layer import Layer
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Failed
from dltricks.execution.stack import train_stack
from dltricks.execution.task import PlannedRun
from dltricks.runs import reading
from dltricks.runs.signals import Signals

pytestmark = pytest.mark.usefixtures("quick")

SEEDS, STEPS = 3, 12
"""Replicas, and steps of each: four in each of three epochs."""
VALUES: dict[str, Any] = {"dataset": "digits", "limit": 60, "batch_size": 16, "epochs": 3}
MLP: dict[str, Any] = {"architecture": {"name": "mlp", "hidden": [8, 6]}}
CNN: dict[str, Any] = {
    "architecture": {"name": "cnn", "blocks": ["3x3x4", "pool"], "hidden": [5]},
    "normalization": "batch",
}
RESNET: dict[str, Any] = {"architecture": {"name": "resnet", "depth": 8, "width": 4}, "normalization": "batch"}
SWA: dict[str, Any] = {"averaging": {"name": "swa", "start": 1}, "normalization": "batch"}
PLACES = ("data", "loss", "gradient", "weights")
BAD = (float("nan"), float("inf"), float("-inf"))


class Injection(Hook):
    """Puts a value into one run at one step, as often as that step is computed."""

    def __init__(self, place: str, value: float, number: int, step: int, draw: random.Random) -> None:
        self.place, self.value, self.number, self.step = place, value, number, step
        self.draw = draw
        self.layer = ""
        self.at = 0.5

    def replica(self, run: Trainer) -> int | None:
        """Where the run lies in the stack, while the step is being computed."""
        return run.numbers.index(self.number) if run.t + 1 == self.step and self.number in run.numbers else None

    def put(self, array: np.ndarray) -> None:
        array.reshape(-1)[int(self.at * array.size)] = self.value

    def on_train_begin(self, run: Trainer) -> None:
        self.at = self.draw.random()
        names = [layer.path for layer in run.network.layers if layer.declarations]
        self.layer = names[int(self.at * len(names))]
        self.run = run

    def on_step_end(self, run: Trainer) -> None:
        if self.place == "weights" and run.t == self.step and self.number in run.numbers:
            k = run.numbers.index(self.number)
            (layer,) = (layer for layer in run.network.layers if layer.path == self.layer)
            kernel = getattr(layer, layer.declarations[0].name)[k]
            kernel[(0,) * kernel.ndim] = self.value

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Reaches the steps between the hooks."""
        augment, injection = Trainer._augment, self

        def augmented(run: Trainer, batch: Any) -> None:
            augment(run, batch)
            k = injection.replica(run)
            if k is not None and injection.place in ("data", "loss"):
                injection.put(batch.x[k] if injection.place == "data" else batch.target[k])

        patch.setattr(Trainer, "_augment", augmented)
        kinds = [Layer]
        for kind in kinds:
            kinds += kind.__subclasses__()
            if "backward" in vars(kind):
                patch.setattr(kind, "backward", self._backward(vars(kind)["backward"]))

    def _backward(self, original: Any) -> Any:
        def backward(layer: Layer, dy: Any) -> Any:
            dx = original(layer, dy)
            if self.place == "gradient" and getattr(layer, "path", None) == self.layer:
                k = self.replica(self.run)
                if k is not None:
                    gradient = getattr(layer, "d" + layer.declarations[0].name)[k]
                    gradient[(0,) * gradient.ndim] = self.value
            return dx

        return backward


def stack(folder: Path, place: str, **values: Any) -> list[PlannedRun]:
    """Runs that differ in the seed alone."""
    found = [experiment(folder, seed=seed, **{**VALUES, **values}) for seed in range(SEEDS)]
    return runs_of(folder / place, found)


def train(runs: Sequence[PlannedRun], *hooks: Hook) -> dict[int, dict[str, Any]]:
    """Trains a stack and gives run.json of each run by its number; none may fail."""
    heard: list[Event] = []
    train_stack(runs, heard.append, Signals(), Datasets(), hooks)
    assert not [event for event in heard if isinstance(event, Failed)]
    return {event.run: event.result for event in heard if isinstance(event, Ended)}


def check(folder: Path, patch: pytest.MonkeyPatch, values: dict[str, Any], place: str, bad: float, case: int) -> None:
    """Breaks one run at a random step, and compares the others with an undisturbed stack."""
    draw = random.Random(f"{values} {place} {bad} {case}")
    number, step = draw.randrange(SEEDS), draw.randint(1, STEPS)
    calm, broken = stack(folder, "calm", **values), stack(folder, "broken", **values)
    if not calm[0].path.exists():
        train(calm)
    injection = Injection(place, bad, number, step, draw)
    with patch.context() as inside:
        injection.install(inside)
        results = train(broken, injection)
    for run in broken:
        if run.number == number:
            hit(run, results[number], injection)
        else:
            assert decisive(run.path) == decisive(calm[run.number].path)


def hit(run: PlannedRun, result: dict[str, Any], injection: Injection) -> None:
    """The run in which a value was put: diverged there, by name, with finite weights and the epochs before."""
    assert result["status"] == "diverged"
    failure = result["failure"]
    per_epoch = STEPS // VALUES["epochs"]
    at = injection.step + 1 if injection.place == "weights" else injection.step
    epoch, step = divmod(at - 1, per_epoch)
    if step == 0 and injection.place == "weights":  # seen at the epoch's end
        epoch, step = epoch - 1, per_epoch - 1
    named = {"data": "input", "loss": "loss"}.get(injection.place, injection.layer)
    assert failure["layer"] == named, failure
    assert (failure["epoch"], failure["step"]) == (epoch + 1, step + 1)
    assert len(reading.read_run(run.path).metrics) == epoch
    assert all(np.isfinite(array).all() for array in reading.read_weights(run.path).values())
    reading.verify(run.path)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", PLACES)
def test_one_broken_replica_stops_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, bad: float
) -> None:
    check(tmp_path, monkeypatch, MLP, place, bad, 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("values", [CNN, RESNET, {**MLP, **SWA}], ids=["cnn", "resnet", "swa"])
def test_networks_for_images_and_averages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], place: str
) -> None:
    check(tmp_path, monkeypatch, values, place, BAD[PLACES.index(place) % 3], 0)


FURTHER: list[dict[str, Any]] = [
    *({**MLP, "optimizer": name} for name in registry.names("optimizer")),
    *({**CNN, "optimizer": name} for name in ("adam", "muon", "lamb", "lars")),
    CNN,
    RESNET,
    {**RESNET, **SWA},
    {**MLP, **SWA},
    {**MLP, "averaging": "ema"},
    {**CNN, "averaging": "ema"},
    *({**MLP, "clipping": name} for name in registry.names("clipping")),
    *({**MLP, "penalty": name} for name in registry.names("penalty")),
    *({**MLP, "normalization": name} for name in ("batch", "layer", "none", "rms", "weight")),
    {**CNN, "normalization": "layer"},
    {**CNN, "normalization": "instance", "architecture": {"name": "cnn", "blocks": ["3x3x4", "pool"], "hidden": []}},
    {**MLP, "normalization": {"name": "group", "groups": 2}},
    {**MLP, "dropout": 0.3, "schedule": {"name": "plateau", "patience": 1, "monitor": "train_loss"}},
    {**MLP, "dtype": "float64"},
    {**MLP, "monitor": "layers"},
    {**MLP, "early_stopping": {"name": "early_stopping", "patience": 2}},
]


@pytest.mark.faults
@pytest.mark.parametrize("values", FURTHER, ids=lambda values: "-".join(map(str, values.values())))
def test_all_optimizers_and_whatever_else_sees_a_gradient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    for place in PLACES:
        for bad in BAD:
            check(tmp_path, monkeypatch, values, place, bad, 1)
            for run in (tmp_path / "broken").iterdir():
                for file in sorted(run.rglob("*"), reverse=True):
                    file.rmdir() if file.is_dir() else file.unlink()


class Halt(Hook):
    """Ends the process after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, run: Trainer) -> None:
        if run.t == self.step:
            raise Killed


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_went_on_stops_at_the_same_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The others end with unchanged bytes, and the broken one with those of a run that was broken at once."""
    values = {**MLP, "normalization": "batch", "averaging": "ema", "checkpoint_seconds": 1e-9}
    folders = {name: stack(tmp_path, name, **values) for name in ("calm", "broken", "resumed")}
    train(folders["calm"])
    with monkeypatch.context() as patch:
        whole = Injection(place, np.nan, 1, 9, random.Random(0))
        whole.install(patch)
        train(folders["broken"], whole)
    with pytest.raises(Killed):
        train(folders["resumed"], Halt(6))
    with monkeypatch.context() as patch:
        later = Injection(place, np.nan, 1, 9, random.Random(0))
        later.install(patch)
        train(folders["resumed"], later)
    for number in range(SEEDS):
        expected = folders["broken" if number == 1 else "calm"][number]
        assert decisive(folders["resumed"][number].path) == decisive(expected.path)


def test_the_smallest_numbers_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are taken for zero in the updates, where a NaN beside them is still seen."""
    calm, tiny = stack(tmp_path, "calm", **MLP), stack(tmp_path, "tiny", **MLP)
    train(calm)
    with monkeypatch.context() as patch:
        injection = Injection("gradient", 1e-42, 1, 5, random.Random(0))
        injection.install(patch)
        results = train(tiny, injection)
    assert [result["status"] for result in results.values()] == ["finished"] * SEEDS
    for number in (0, 2):
        assert decisive(tiny[number].path) == decisive(calm[number].path)


SWEEP = """\
name: rates
dataset: {name: digits}
limit: 100
architecture: {name: mlp, hidden: [8]}
optimizer: sgd
epochs: 2
sweep: {optimizer.lr: [0.01, 1e30, 0.1]}
"""


def test_exit_codes_at_the_command_line(cli: Call, folder: Path) -> None:
    """One run that diverges ends with 3 and says where; in a study it is a result, and the others are as alone."""
    (folder / "rates.yaml").write_text(SWEEP)
    alone = cli("train", "rates.yaml", "optimizer.lr=1e30", "name=alone", "--quiet")
    assert alone.code == 3
    assert "diverged in epoch 1, step 2, first in layer 4.linear: its " in alone.err + alone.out
    assert "A lower learning rate, clipping or another initializer may help" in alone.err + alone.out
    for rate in ("0.01", "0.1"):
        assert cli("train", "rates.yaml", f"optimizer.lr={rate}", "--runs-dir", "single", "--quiet").code == 0
    study = cli("train", "rates.yaml", "--quiet")
    assert study.code == 0
    assert "diverged" in study.out
    singles = {run[-12:]: files for run, files in all_decisive(folder / "single").items()}
    together = {run[-12:]: files for run, files in all_decisive(folder / "runs").items()}
    assert len(singles) == 2
    assert all(together[run] == files for run, files in singles.items())
    assert cli("train", "rates.yaml", "optimizer.lr=1e30,1e31", "name=all", "--quiet").code == 3
