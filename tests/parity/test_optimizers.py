"""Fifty steps of a small network beside PyTorch's optimizers in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from dltricks.core.optimizer import Optimizer
from dltricks.core.registry import load
from dltricks.engine.network import Network
from dltricks.engine.recipe import Recipe
from dltricks.engine.update import Updater

pytestmark = pytest.mark.parity

INPUTS, HIDDEN, CLASSES, BATCH, STEPS = 7, [12, 9], 5, 16, 50
WEIGHTS = ["1.linear.W", "3.linear.W", "5.linear.W"]
BIASES = ["1.linear.b", "3.linear.b", "5.linear.b"]
HIDDEN_WEIGHT = WEIGHTS[1]

Tensors = dict[str, torch.Tensor]
Group = dict[str, Any]


@pytest.fixture(autouse=True)
def _wide() -> Iterator[None]:
    """PyTorch keeps some scalars, such as NAdam's product of momenta, in the default dtype."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


def batches() -> Iterator[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4 * BATCH, INPUTS))
    labels = (x @ rng.normal(size=(INPUTS, CLASSES))).argmax(-1)
    for step in range(STEPS):
        part = slice(step % 4 * BATCH, (step % 4 + 1) * BATCH)
        yield x[part], labels[part]


def recipe(optimizer: Optimizer) -> Recipe:
    def part(kind: str, name: str) -> Any:
        return load(kind, name)()

    return Recipe(
        dataset=part("dataset", "digits"),
        scaling=part("scaling", "none"),
        augmentation=(),
        architecture=load("architecture", "mlp")(hidden=HIDDEN),
        activation=part("activation", "relu"),
        initializer=part("initializer", "he"),
        normalization=part("normalization", "none"),
        dropout=part("dropout", "none"),
        loss=part("loss", "cross_entropy"),
        optimizer=optimizer,
        penalty=part("penalty", "none"),
        clipping=part("clipping", "none"),
        schedule=part("schedule", "constant"),
        early_stopping=part("early_stopping", "none"),
        averaging=part("averaging", "none"),
        dtype="float64",
    )


def ours(optimizer: Optimizer) -> tuple[Tensors, dict[str, np.ndarray]]:
    """The first and the last parameters of a training of our own."""
    run = recipe(optimizer)
    network = Network([run], (INPUTS,), CLASSES)
    network.draw()
    views = {parameter.path: view[0] for parameter, view in network.store.views(network.store.p)}
    start = {path: torch.tensor(view, requires_grad=True) for path, view in views.items()}
    assert sorted(start) == sorted(WEIGHTS + BIASES)
    update = Updater([optimizer], network.store)
    for t, (x, labels) in enumerate(batches(), 1):
        z = network.forward(x[None], training=True)
        run.loss.allocate(z.shape, z.dtype)
        run.loss.forward(z, np.eye(CLASSES)[labels][None])
        network.backward(run.loss.backward())
        update(update.rates, t)
    return start, views


def theirs(w: Tensors, optimizers: list[torch.optim.Optimizer]) -> None:
    """The same training of the tensors w, in place."""
    for x, labels in batches():
        h = torch.tensor(x)
        for number, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
            h = h @ w[weight] + w[bias]
            h = torch.relu(h) if number < len(HIDDEN) else h
        loss = torch.nn.functional.cross_entropy(h, torch.tensor(labels))
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()


def compare(optimizer: Optimizer, build: Callable[[Tensors], list[torch.optim.Optimizer]]) -> None:
    w, found = ours(optimizer)
    start = {path: tensor.detach().numpy().copy() for path, tensor in w.items()}
    theirs(w, build(w))
    for path, tensor in w.items():
        assert np.abs(found[path] - start[path]).max() > 1e-3, "both stood still"
        np.testing.assert_allclose(found[path], tensor.detach().numpy(), rtol=1e-10, atol=1e-10, err_msg=path)


def groups(w: Tensors, weight_decay: float) -> list[Group]:
    """Kernels that decay, and biases that do not: the rule here, which PyTorch leaves to its user."""
    return [
        {"params": [w[path] for path in WEIGHTS], "weight_decay": weight_decay},
        {"params": [w[path] for path in BIASES], "weight_decay": 0.0},
    ]


OPTIM = torch.optim
CASES: list[tuple[str, dict[str, float], Any, dict[str, Any]]] = [
    ("sgd", {"lr": 0.2}, OPTIM.SGD, {"lr": 0.2}),
    ("momentum", {"lr": 0.05}, OPTIM.SGD, {"lr": 0.05, "momentum": 0.9}),
    ("momentum", {"lr": 0.005, "gamma": 1.0}, OPTIM.SGD, {"lr": 0.005, "momentum": 1.0}),
    ("nesterov", {"lr": 0.05, "gamma": 0.8}, OPTIM.SGD, {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    ("adagrad", {}, OPTIM.Adagrad, {}),
    ("adagrad", {"lr": 0.1, "eps": 1e-3}, OPTIM.Adagrad, {"lr": 0.1, "eps": 1e-3}),
    ("rmsprop", {}, OPTIM.RMSprop, {"lr": 1e-3}),
    (
        "rmsprop",
        {"lr": 2e-3, "alpha": 0.8, "eps": 1e-3, "gamma": 0.7},
        OPTIM.RMSprop,
        {"lr": 2e-3, "alpha": 0.8, "eps": 1e-3, "momentum": 0.7},
    ),
    ("adadelta", {}, OPTIM.Adadelta, {}),
    ("adadelta", {"lr": 3.0, "rho": 0.7, "eps": 1e-4}, OPTIM.Adadelta, {"lr": 3.0, "rho": 0.7, "eps": 1e-4}),
    ("adam", {}, OPTIM.Adam, {}),
    (
        "adam",
        {"lr": 0.01, "b1": 0.5, "b2": 0.9, "eps": 1e-3},
        OPTIM.Adam,
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3},
    ),
    ("amsgrad", {"lr": 0.01, "b2": 0.8}, OPTIM.Adam, {"lr": 0.01, "betas": (0.9, 0.8), "amsgrad": True}),
    ("nadam", {}, OPTIM.NAdam, {}),
    (
        "nadam",
        {"lr": 0.01, "b1": 0.5, "b2": 0.9, "momentum_decay": 0.3},
        OPTIM.NAdam,
        {"lr": 0.01, "betas": (0.5, 0.9), "momentum_decay": 0.3},
    ),
    ("radam", {"lr": 0.01}, OPTIM.RAdam, {"lr": 0.01}),
    (
        "radam",
        {"lr": 0.01, "b1": 0.5, "b2": 0.9, "eps": 1e-3},
        OPTIM.RAdam,
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3},
    ),
    ("radam", {"lr": 0.1, "b2": 0.5}, OPTIM.RAdam, {"lr": 0.1, "betas": (0.9, 0.5)}),
    ("adamax", {}, OPTIM.Adamax, {}),
    ("adamax", {"lr": 0.01, "b1": 0.5, "b2": 0.9}, OPTIM.Adamax, {"lr": 0.01, "betas": (0.5, 0.9)}),
    ("rprop", {}, OPTIM.Rprop, {}),
    (
        "rprop",
        {"lr": 0.003, "eta_minus": 0.7, "eta_plus": 1.1, "smallest": 1e-4, "largest": 0.01},
        OPTIM.Rprop,
        {"lr": 0.003, "etas": (0.7, 1.1), "step_sizes": (1e-4, 0.01)},
    ),
]


@pytest.mark.parametrize(("name", "fields", "cls", "options"), CASES)
def test_fifty_steps_agree(name, fields, cls, options):
    compare(load("optimizer", name)(**fields), lambda w: [cls(w.values(), **options)])


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.5])
def test_fifty_steps_of_adamw_agree(decay):
    rule = load("optimizer", "adamw")(lr=0.01, weight_decay=decay)
    compare(rule, lambda w: [OPTIM.AdamW(groups(w, decay), lr=0.01)])


@pytest.mark.parametrize(("eps1", "decay", "d"), [(1e-30, 0.0, 1.0), (1e-3, 0.3, 1.2)])
def test_fifty_steps_of_adafactor_agree(eps1, decay, d):
    rule = load("optimizer", "adafactor")(lr=0.2, eps1=eps1, d=d, weight_decay=decay)
    compare(rule, lambda w: [OPTIM.Adafactor(groups(w, decay), lr=0.2, eps=(eps1, 1e-3), d=d)])


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_fifty_steps_of_muon_agree(decay, monkeypatch):
    # PyTorch iterates in bfloat16. Left in float64, the rest of its rule must be the same to the last digits.
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)

    class Transposed(torch.optim.Muon):
        """PyTorch holds weights as (outputs, inputs), and the step's scale depends on which is which."""

        @torch.no_grad()
        def step(self) -> None:
            p = self.param_groups[0]["params"][0]
            p.data, p.grad.data = p.data.T, p.grad.data.T
            super().step()
            p.data, p.grad.data = p.data.T, p.grad.data.T

    def build(w: Tensors) -> list[torch.optim.Optimizer]:
        hidden = w[HIDDEN_WEIGHT]
        kernels, biases = groups(w, decay)
        kernels["params"] = [p for p in kernels["params"] if p is not hidden]
        return [
            Transposed([hidden], lr=0.02, momentum=0.95, weight_decay=decay),
            OPTIM.AdamW([kernels, biases], lr=3e-3, betas=(0.9, 0.95), eps=1e-10),
        ]

    rule = load("optimizer", "muon")(lr=0.02, weight_decay=decay, adam_lr=3e-3, b2=0.95, eps=1e-10)
    compare(rule, build)
