"""Activations, normalizations, losses and initializers against PyTorch, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from layers.bench import Bench
from losses.bench import apply
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from dltricks.core import registry

pytestmark = pytest.mark.parity

VECTOR, IMAGE = (12,), (3, 2, 8)


def close(mine: np.ndarray, its: torch.Tensor) -> None:
    np.testing.assert_allclose(mine, its.detach().numpy(), rtol=1e-10, atol=1e-12)


def tensor(array: np.ndarray) -> torch.Tensor:
    """A copy that takes gradients; images with their channels first, as PyTorch has them."""
    moved = np.moveaxis(array, -1, 1) if array.ndim == 4 else array
    return torch.tensor(np.ascontiguousarray(moved), requires_grad=True)


def back(its: torch.Tensor) -> torch.Tensor:
    return its.movedim(1, -1) if its.ndim == 4 else its


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.5, shape)


ACTIVATIONS: dict[str, tuple[dict[str, Any], Callable[[torch.Tensor], torch.Tensor]]] = {
    "identity": ({}, lambda x: x),
    "relu": ({}, nn.functional.relu),
    "leaky_relu": ({"slope": 0.07}, lambda x: nn.functional.leaky_relu(x, 0.07)),
    "tanh": ({}, torch.tanh),
    "sigmoid": ({}, torch.sigmoid),
    # Above its threshold of 20 PyTorch leaves the formula.
    "softplus": ({}, lambda x: nn.functional.softplus(x, threshold=1e9)),
    "elu": ({"alpha": 0.7}, lambda x: nn.functional.elu(x, 0.7)),
    "selu": ({}, nn.functional.selu),
    "gelu": ({}, nn.functional.gelu),
    "gelu tanh": ({"approximate": "tanh"}, lambda x: nn.functional.gelu(x, approximate="tanh")),
    "silu": ({}, nn.functional.silu),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    fields, function = ACTIVATIONS[name]
    bench = Bench(registry.load("activation", name.split()[0])(**fields))
    x = np.concatenate([normal(6, 12), [np.linspace(-300, 300, 12), np.linspace(-0.02, 0.02, 12)]])
    dy = normal(*x.shape, seed=1)
    y, dx, _ = bench.step(x[None], dy[None])
    its = tensor(x)
    out = function(its)
    out.backward(torch.tensor(dy))
    close(y[0], out)
    assert its.grad is not None
    close(dx[0], its.grad)


def test_every_activation_is_compared() -> None:
    assert {name.split()[0] for name in ACTIVATIONS} >= set(registry.names("activation"))


NORMALIZATIONS: list[tuple[str, dict[str, Any], tuple[int, ...], Callable[[], nn.Module]]] = [
    ("batch", {"momentum": 0.2, "eps": 1e-3}, VECTOR, lambda: nn.BatchNorm1d(12, 1e-3, 0.2)),
    ("batch", {"momentum": 0.2, "eps": 1e-3}, IMAGE, lambda: nn.BatchNorm2d(8, 1e-3, 0.2)),
    ("batch", {}, VECTOR, lambda: nn.BatchNorm1d(12)),
    ("layer", {}, VECTOR, lambda: nn.LayerNorm(12)),
    ("layer", {}, IMAGE, lambda: nn.GroupNorm(1, 8)),
    ("group", {"groups": 4}, VECTOR, lambda: nn.GroupNorm(4, 12)),
    ("group", {"groups": 2, "eps": 1e-3}, IMAGE, lambda: nn.GroupNorm(2, 8, 1e-3)),
    ("instance", {}, IMAGE, lambda: nn.InstanceNorm2d(8, affine=True)),
    ("rms", {"eps": 1e-6}, VECTOR, lambda: nn.RMSNorm(12, 1e-6)),
]


@pytest.mark.parametrize(("name", "fields", "shape", "make"), NORMALIZATIONS)
def test_normalization(
    name: str, fields: dict[str, Any], shape: tuple[int, ...], make: Callable[[], nn.Module]
) -> None:
    bench = Bench(registry.load("normalization", name)(**fields), shape=shape)
    trick: Any = bench.trick
    its: Any = make().double()
    its.weight.data = torch.tensor(trick.gain[0].copy())
    if hasattr(trick, "bias"):
        its.bias.data = torch.tensor(trick.bias[0].copy())
    for step in range(5):
        x, dy = normal(7, *shape, seed=step), normal(7, *shape, seed=100 + step)
        y, dx, _ = bench.step(x[None], dy[None])
        given = tensor(x)
        its.zero_grad()
        out = its(given)
        out.backward(tensor(dy).detach())
        close(y[0], back(out))
        assert given.grad is not None
        close(dx[0], back(given.grad))
        close(trick.dgain[0], its.weight.grad)
        if hasattr(trick, "bias"):
            close(trick.dbias[0], its.bias.grad)
    if name == "batch":
        close(trick.running["mean"][0], its.running_mean)
        close(trick.running["variance"][0], its.running_var)
    bench.context.training = False
    its.eval()
    x, dy = normal(7, *shape, seed=50), normal(7, *shape, seed=51)
    y, dx, _ = bench.step(x[None], dy[None])
    given = tensor(x)
    out = its(given)
    out.backward(tensor(dy).detach())
    close(y[0], back(out))
    assert given.grad is not None
    close(dx[0], back(given.grad))


def test_an_estimation_of_batch_statistics_is_a_cumulative_average() -> None:
    bench = Bench(registry.load("normalization", "batch")())
    its = nn.BatchNorm1d(12, momentum=None).double()
    for number in range(1, 6):
        x = normal(7, 12, seed=number)
        bench.context.estimating = number
        bench.forward(x[None])
        its(torch.tensor(x))
    assert its.running_mean is not None
    assert its.running_var is not None
    close(bench.trick.running["mean"][0], its.running_mean)
    close(bench.trick.running["variance"][0], its.running_var)


def test_weight_normalization() -> None:
    bench = Bench(registry.load("normalization", "weight")())
    layer, trick = bench.layer, bench.trick
    its: Any = weight_norm(nn.Linear(12, 5).double())
    g, v = its.parametrizations.weight.original0, its.parametrizations.weight.original1
    g.data, v.data = torch.tensor(trick.gain[0][:, None].copy()), torch.tensor(layer.W[0].T.copy())
    its.bias.data = torch.tensor(layer.b[0].copy())
    x, dy = normal(7, 12), normal(7, 5, seed=1)
    y, dx, _ = bench.step(x[None], dy[None])
    given = tensor(x)
    out = its(given)
    out.backward(torch.tensor(dy))
    assert given.grad is not None
    for mine, other in (
        (y[0], out),
        (dx[0], given.grad),
        (trick.dgain[0][:, None], g.grad),
        (layer.dW[0].T, v.grad),
        (layer.db[0], its.bias.grad),
    ):
        close(mine, other)


def test_every_normalization_is_compared() -> None:
    assert {name for name, *_ in NORMALIZATIONS} | {"weight", "none"} >= set(registry.names("normalization"))


CLASS_LOSSES = [
    ("cross_entropy", {}, nn.CrossEntropyLoss),
    ("cross_entropy", {"smoothing": 0.15}, lambda **k: nn.CrossEntropyLoss(label_smoothing=0.15, **k)),
    ("hinge", {}, nn.MultiMarginLoss),
    ("hinge", {"margin": 0.4}, lambda **k: nn.MultiMarginLoss(margin=0.4, **k)),
]
NUMBER_LOSSES = [
    ("mse", {}, nn.MSELoss),
    ("huber", {}, nn.HuberLoss),
    ("huber", {"delta": 0.3}, lambda **k: nn.HuberLoss(delta=0.3, **k)),
]


def compare_loss(
    trick: Any, z: np.ndarray, target: np.ndarray, its_target: torch.Tensor, make: Callable[..., Any]
) -> None:
    value, dz = apply(trick, z, target)
    given = tensor(z)
    mean = make()(given, its_target)
    mean.backward()
    each = make(reduction="none")(given, its_target)
    close(value, each.mean(-1) if each.ndim == 2 else each)
    close(value.mean(), mean)
    assert given.grad is not None
    close(dz, given.grad)


@pytest.mark.parametrize(("name", "fields", "make"), CLASS_LOSSES)
def test_loss_of_classes(name: str, fields: dict[str, Any], make: Callable[..., Any]) -> None:
    labels = np.random.default_rng(1).integers(0, 6, 40)
    trick = registry.load("loss", name)(**fields)
    compare_loss(trick, normal(40, 6), np.eye(6)[labels], torch.tensor(labels), make)


@pytest.mark.parametrize(("name", "fields", "make"), NUMBER_LOSSES)
def test_loss_of_numbers(name: str, fields: dict[str, Any], make: Callable[..., Any]) -> None:
    target = normal(40, 6, seed=1)
    compare_loss(registry.load("loss", name)(**fields), normal(40, 6), target, torch.tensor(target), make)


def test_soft_targets() -> None:
    target = np.random.default_rng(1).dirichlet(np.ones(6), 40)
    trick = registry.load("loss", "cross_entropy")(smoothing=0.2)
    compare_loss(
        trick, normal(40, 6), target, torch.tensor(target), lambda **k: nn.CrossEntropyLoss(label_smoothing=0.2, **k)
    )


def test_every_loss_is_compared() -> None:
    assert {name for name, *_ in CLASS_LOSSES + NUMBER_LOSSES} >= set(registry.names("loss"))


INITIALIZERS: list[tuple[str, dict[str, Any], Callable[[torch.Tensor], Any]]] = [
    ("uniform", {"limit": 0.3}, lambda w: nn.init.uniform_(w, -0.3, 0.3)),
    ("gaussian", {}, lambda w: nn.init.normal_(w, 0, 1 / 500)),
    ("standard_normal", {}, nn.init.normal_),
    ("lecun", {}, lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear")),
    ("lecun", {"distribution": "uniform"}, lambda w: nn.init.kaiming_uniform_(w, nonlinearity="linear")),
    ("glorot", {}, nn.init.xavier_normal_),
    ("glorot", {"distribution": "uniform"}, nn.init.xavier_uniform_),
    ("he", {}, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
    ("he", {"distribution": "uniform"}, lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu")),
    ("orthogonal", {"gain": 1.4}, lambda w: nn.init.orthogonal_(w, 1.4)),
    ("zeros", {}, nn.init.zeros_),
    ("constant", {"value": 0.2}, lambda w: nn.init.constant_(w, 0.2)),
]


@pytest.mark.parametrize(("name", "fields", "fill"), INITIALIZERS)
def test_initializer_has_the_same_distribution(name: str, fields: dict[str, Any], fill: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    its = torch.empty(300, 500, dtype=torch.float64)
    fill(its)
    mine = registry.load("initializer", name)(**fields).draw(np.random.default_rng(0), (500, 300), 500, 300)
    shares = np.linspace(0.01, 0.99, 25)
    spread = float(its.std())
    np.testing.assert_allclose(
        np.quantile(mine, shares), np.quantile(its.numpy(), shares), atol=0.02 * spread + 1e-15, rtol=1e-12
    )
    assert abs(mine.std() - spread) <= 0.01 * spread + 1e-15


def test_a_truncated_normal_is_cut_at_two_deviations_before_it_is_rescaled() -> None:
    torch.manual_seed(0)
    its = nn.init.trunc_normal_(torch.empty(300, 500, dtype=torch.float64))
    mine = registry.load("initializer", "lecun")("truncated").draw(np.random.default_rng(0), (500, 300), 500, 300)
    assert abs(np.abs(mine).max() / mine.std() - float(its.abs().max() / its.std())) < 0.02
