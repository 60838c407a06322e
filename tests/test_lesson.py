"""Statements of the lesson that one forward pass can show; docs/lesson.md has those that take training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.small import clip, recipe, run, same

from dltricks.api.session import open_study
from dltricks.core.registry import load
from dltricks.core.store import Parameter, Store
from dltricks.engine.update import Updater
from dltricks.experiment.study import experiments

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_number_is_absorbed_by_a_large_one(dtype: type[np.floating[Any]]) -> None:
    large, small = dtype(10) ** 10, dtype(10) ** -10
    assert small > 0
    assert large + small == large
    assert (large + small) - large == 0  # and so the small one is lost
    # Numbers of similar size keep it.
    assert dtype(1) + dtype(1e-3) > dtype(1)


@pytest.mark.parametrize(("dtype", "gap"), [(np.float32, 2.0**10), (np.float64, 2.0**-19)])
def test_the_next_number_after_a_large_one_is_as_far_as_the_comment_in_input_scaling_says(
    dtype: type[np.floating[Any]], gap: float
) -> None:
    large = dtype(10) ** 10
    assert np.spacing(large) == gap
    assert large + dtype(0.4 * gap) == large
    assert large + dtype(0.6 * gap) == large + dtype(gap)


def deviation(initializer: str, width: int, layers: int = 1) -> float:
    """Standard deviation after that many linear layers of equal width, of inputs with mean 0 and deviation 1."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, width))
    for _ in range(layers):
        x = x @ load("initializer", initializer)().draw(rng, (width, width), width, width)
    return float(x.std())


@pytest.mark.parametrize("width", [64, 256])
def test_standard_normal_weights_spread_the_values_by_the_root_of_n(width: int) -> None:
    # The lesson says n; variances add up, so that the deviation grows with the root.
    assert deviation("standard_normal", width) == pytest.approx(np.sqrt(width), rel=0.05)


@pytest.mark.parametrize("name", ["lecun", "glorot", "orthogonal"])
def test_lecun_glorot_and_orthogonal_keep_the_deviation_through_ten_layers(name: str) -> None:
    assert deviation(name, 256, layers=10) == pytest.approx(1.0, rel=0.2)


def test_a_deviation_of_one_over_n_shrinks_the_values_by_the_root_of_n() -> None:
    # N(0, 1/n) keeps the values only if 1/n is the variance, and then it is lecun.
    assert deviation("gaussian", 256) == pytest.approx(1 / np.sqrt(256), rel=0.05)


def test_momentum_without_memory_is_plain_sgd() -> None:
    (momentum,) = run(recipe(optimizer={"name": "momentum", "lr": 0.1, "gamma": 0.0}))
    (sgd,) = run(recipe(optimizer={"name": "sgd", "lr": 0.1}))
    same(momentum, sgd)


def step(kind: str, name: str, gradient: list[float], **fields: float) -> Any:
    """What is left of a gradient after a clipper, or how far an optimizer's first step goes."""
    store = Store([Parameter("w", (len(gradient),), "kernel")], 1, np.dtype("float64"))
    store.p[...] = 0
    store.g[...] = gradient
    component = load(kind, name)(**fields)
    if kind == "clipping":
        clip(store, component)
        return store.g[0]
    Updater([component], store)(np.array([[component.lr]]), 1)
    return store.p[0]


def test_what_the_lesson_calls_adagrad_keeps_the_direction_and_adagrad_does_not() -> None:
    gradient = np.array([3.0, -0.04])
    direction = -gradient / np.linalg.norm(gradient)
    lesson = step("optimizer", "normalized", list(gradient), lr=1.0)
    np.testing.assert_allclose(lesson, direction, rtol=1e-12)
    published = step("optimizer", "adagrad", list(gradient), lr=1.0)
    np.testing.assert_allclose(published, [-1.0, 1.0], rtol=1e-6)  # every coordinate by its own size


def test_the_lessons_clipping_divides_by_the_norm_and_so_jumps_at_a_threshold_of_ten() -> None:
    below, above = [0.0, 9.9], [0.0, 10.1]
    for name in ("unit", "norm"):
        np.testing.assert_allclose(step("clipping", name, below, threshold=10.0), below)
    np.testing.assert_allclose(step("clipping", "unit", above, threshold=10.0), [0.0, 1.0])
    np.testing.assert_allclose(step("clipping", "norm", above, threshold=10.0), [0.0, 10.0])


def test_at_a_threshold_of_one_both_clippings_are_the_same() -> None:
    gradient = [3.0, 4.0]
    np.testing.assert_allclose(
        step("clipping", "unit", gradient, threshold=1.0), step("clipping", "norm", gradient, threshold=1.0)
    )
    np.testing.assert_allclose(step("clipping", "norm", gradient, threshold=1.0), [0.6, 0.8])


def sections() -> dict[str, str]:
    """The sections of docs/lesson.md by the experiment file that they report on."""
    parts = (ROOT / "docs" / "lesson.md").read_text("utf-8").split("\n## ")[1:]
    return {re.findall(r"`(configs/[\w/-]+\.yaml)`", part)[0]: part for part in parts}


def test_the_report_has_a_section_for_every_claim() -> None:
    claims = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs" / "tricks").glob("*.yaml")}
    assert set(sections()) == {"configs/mnist-dropout.yaml", *claims}


@pytest.mark.parametrize("file", sorted(sections()))
def test_every_arm_of_the_report_can_be_trained(file: str) -> None:
    for arm in set(re.findall(r"`([a-z_.]+=[^`]*)`", sections()[file])):
        study = open_study(ROOT / file, arm.split(), {})
        assert list(experiments(study, seeds=[0]))


def test_the_commands_of_the_report_are_those_of_the_files() -> None:
    commands = re.findall(r"^ +(dltricks train .*)$", (ROOT / "docs" / "lesson.md").read_text("utf-8"), re.MULTILINE)
    assert commands
    for command in commands:
        file = ROOT / command.split()[2]
        assert f"# {command}\n" in file.read_text("utf-8")
