"""Every experiment file that is shipped: it says how to run it, is valid, trains, and keeps its word."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import dltricks
from dltricks.api.expectations import missed
from dltricks.api.session import Run, open_experiment, open_study
from dltricks.core import registry
from dltricks.experiment.arm import Arm
from dltricks.experiment.resolve import Experiment
from dltricks.experiment.study import Study, experiments
from dltricks.runs import study_file

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"
FILES = sorted(path.relative_to(ROOT).as_posix() for path in CONFIGS.rglob("*.yaml"))
NOTEBOOK = "configs/mnist-dropout.yaml"
NEEDS_DATA = {"configs/mnist.yaml", NOTEBOOK}
EMBEDDED = [file for file in FILES if file not in NEEDS_DATA]
CLAIMS = [file for file in FILES if file.startswith("configs/tricks/")]
EXPECTING = ["configs/quickstart.yaml", "configs/smoke.yaml"]
ONE: Mapping[str, Any] = {"seed": 0, "sweep": {}, "tune": {}}
"""Laid over a study, these leave the one experiment that it varies."""


@pytest.fixture(autouse=True)
def _built_in_tricks_only() -> Iterator[None]:
    registry.forget_plugins()
    yield
    registry.forget_plugins()


def lines(file: str) -> list[str]:
    return (ROOT / file).read_text("utf-8").splitlines()


def commands(file: str) -> list[str]:
    """Every training command in the file's comments."""
    return [found[1] for line in lines(file) if (found := re.fullmatch(r"# *(dltricks train .*)", line))]


def train(file: str, runs_dir: Path, **values: object) -> Run:
    (run,) = dltricks.train(ROOT / file, runs_dir=runs_dir, **values)
    return run


def planned(file: str, overrides: Sequence[str] = ()) -> tuple[Study, list[tuple[Arm, Experiment]]]:
    """The study of a file or a command, and all its runs: whatever would be refused is refused here."""
    study = open_study(ROOT / file, overrides, {})
    return study, list(experiments(study))


def test_every_claim_of_the_lesson_has_a_file() -> None:
    assert {Path(file).stem for file in CLAIMS} == {
        "augmentation",
        "batch_normalization",
        "clipping",
        "depth",
        "dropout",
        "early_stopping",
        "full_batch",
        "inception",
        "initialization",
        "input_scaling",
        "learning_rate_decay",
        "model_averaging",
        "momentum",
        "optimizers",
        "parameters_and_samples",
        "residual",
        "stochastic_depth",
        "weight_decay",
    }


@pytest.mark.parametrize("file", FILES)
def test_a_file_opens_with_its_schema_and_the_command_that_runs_it(file: str) -> None:
    schema, command, *_ = lines(file)
    target = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", schema)
    assert target
    assert ((ROOT / file).parent / target[1]).resolve() == ROOT / "dltricks.schema.json"
    assert command == f"# dltricks train {file}"


@pytest.mark.parametrize("file", FILES)
def test_every_command_in_a_files_comments_is_valid(file: str) -> None:
    hashes, names = set(), set()
    for command in commands(file):
        _, _, named, *overrides = shlex.split(command)
        assert named == file
        _, pairs = planned(file, overrides)
        hashes.add(frozenset(experiment.hash for _, experiment in pairs))
        names.add(pairs[0][1].name)
    assert len(hashes) == len(commands(file)), "two of the commands train the same"
    if file in CLAIMS:
        assert len(names) == len(commands(file)), "a study would take the place of another in study.json"


@pytest.mark.parametrize("file", CLAIMS)
def test_a_claims_file_says_what_it_tests_and_is_a_study_of_it(file: str) -> None:
    comments = [line for line in lines(file) if line.startswith("#")]
    assert comments[2].startswith("# Claim: ")
    assert comments[-1] == "# What the runs say: docs/lesson.md"
    study, pairs = planned(file)
    assert len(study.arms) >= 3
    assert study.seeds is not None
    assert len(study.seeds) >= 10
    assert len(pairs) == len(study.arms) * len(study.seeds)


def test_the_lessons_notebook_is_trained_at_its_four_rates() -> None:
    study, pairs = planned(NOTEBOOK)
    assert [arm.varied for arm in study.arms] == [{"dropout": rate} for rate in (0, 0.2, 0.5, 0.8)]
    assert study.seeds is not None
    assert len(study.seeds) >= 3
    recipe = pairs[0][1].recipe
    assert (recipe.optimizer.name(), recipe.optimizer.lr, recipe.batch_size, recipe.epochs) == ("adam", 1e-3, 64, 5)
    assert (recipe.initializer.name(), recipe.initializer.distribution) == ("glorot", "uniform")
    assert (recipe.scaling.name(), recipe.validation) == ("unit", "test")


@pytest.mark.parametrize("file", sorted(set(FILES) - set(CLAIMS) - {NOTEBOOK}))
def test_every_other_file_is_a_single_run(file: str) -> None:
    study, pairs = planned(file)
    assert not study.several
    assert len(pairs) == 1


@pytest.mark.parametrize("file", EMBEDDED)
def test_a_file_is_valid_with_its_data(file: str) -> None:
    found = dltricks.check(ROOT / file, **ONE)
    assert found.validation >= 100
    assert found.steps >= 1


@pytest.mark.parametrize("file", sorted(set(EMBEDDED) - set(CLAIMS)))
def test_a_file_trains(file: str, tmp_path: Path) -> None:
    run = train(file, tmp_path, epochs=2, limit=100, expect={})
    assert run.status == "finished"
    assert len(run.history) == 2
    assert run.history[-1]["train_loss"] > 0


@pytest.mark.parametrize("file", CLAIMS)
def test_a_claims_study_trains(file: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {"seeds": 1, "limit": 60}
    if open_study(ROOT / file, (), {}).tune is not None:
        values["tune"] = {"optimizer.lr": [0.01, 0.1], "seeds": 1}
    runs = dltricks.train(ROOT / file, runs_dir=tmp_path, executor="serial", **values)
    folder = runs[0].path.parent
    study = study_file.load(folder)
    assert study is not None
    assert [run.result["hash"] for run in runs] == [run["hash"] for run in study["runs"]]
    assert len(runs) == len(study["arms"])
    assert {run.status for run in runs} <= {"finished", "diverged"}
    finished = [run for run in runs if run.status == "finished"]
    assert all(run.history[-1]["train_loss"] > 0 for run in finished)
    # What the arms vary makes a difference.
    assert len({run.history[-1]["val_loss"] for run in finished}) > len(finished) / 2


@pytest.mark.parametrize("file", EXPECTING)
def test_what_a_file_expects_comes_true(file: str, tmp_path: Path) -> None:
    expect = open_experiment(ROOT / file).experiment.expect
    assert expect
    assert missed(train(file, tmp_path), expect) == []


def test_quickstart_reaches_97_percent(tmp_path: Path) -> None:
    assert train("configs/quickstart.yaml", tmp_path, seed=1).recorded["val_accuracy"] >= 0.97


def test_without_clipping_the_deep_network_diverges_and_with_it_learns(tmp_path: Path) -> None:
    wild = train("configs/tricks/clipping.yaml", tmp_path, **{**ONE, "clipping": "none"})
    tame = train("configs/tricks/clipping.yaml", tmp_path, **ONE)
    assert (wild.status, tame.status) == ("diverged", "finished")
    assert tame.recorded["val_accuracy"] > 0.5


def test_ten_sigmoid_layers_let_the_gradient_vanish_on_its_way_to_the_first(tmp_path: Path) -> None:
    layers = train("configs/tricks/depth.yaml", tmp_path, epochs=1, **ONE).history[0]["layers"]
    sizes = [layer["weight_gradient_rms"] for layer in layers.values() if "weight_gradient_rms" in layer]
    assert len(sizes) == 11
    assert sizes[0] < 1e-4 * sizes[-1]


@pytest.mark.data
def test_mnist_is_valid_with_its_data() -> None:
    found = dltricks.check(CONFIGS / "mnist.yaml", data_dir=os.environ["DLTRICKS_DATA"])
    assert (found.samples + found.validation, found.test) == (60_000, 10_000)


@pytest.mark.data
def test_the_notebooks_network_is_keras_own_and_learns(tmp_path: Path) -> None:
    found = dltricks.check(ROOT / NOTEBOOK, data_dir=os.environ["DLTRICKS_DATA"], **ONE)
    assert (found.parameters, found.samples, found.validation) == (34_826, 60_000, 10_000)
    values = {"sweep": {}, "seed": 0, "dropout": 0.5, "epochs": 1, "limit": 5000}
    assert train(NOTEBOOK, tmp_path, data_dir=os.environ["DLTRICKS_DATA"], **values).recorded["val_accuracy"] > 0.85


@pytest.mark.data
def test_mnist_reaches_98_4_percent_on_the_test_images(tmp_path: Path) -> None:
    run = train("configs/mnist.yaml", tmp_path, data_dir=os.environ["DLTRICKS_DATA"])
    assert run.recorded["test_accuracy"] >= 0.984
    assert missed(run, open_experiment(CONFIGS / "mnist.yaml").experiment.expect) == []
