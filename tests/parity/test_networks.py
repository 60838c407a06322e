"""Whole networks against PyTorch: twenty training steps in float64, on images, without dropout and augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from engine.small import recipe
from torch import Tensor, nn
from torch.nn.functional import pad

from dltricks.core import registry
from dltricks.core.dataset import Data
from dltricks.engine.loop import step
from dltricks.engine.numerics import exact
from dltricks.engine.trainer import Trainer

pytestmark = pytest.mark.parity

CLASSES, BATCH, STEPS, LR, GAMMA = 5, 8, 20, 0.02, 0.9


class Flatten(nn.Module):
    """Places row by row with their channels side by side, as channels-last images lie in memory."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def conv(
    inputs: int, filters: int, size: int, stride: int = 1, padding: int = 0, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    return nn.Conv2d(inputs, filters, size, stride, padding, groups=groups, bias=bias)


def unit(inputs: int, filters: int, size: int, **options: int) -> nn.Sequential:
    """Convolution, batch normalization, ReLU."""
    return nn.Sequential(conv(inputs, filters, size, **options), nn.BatchNorm2d(filters), nn.ReLU())


def cnn(channels: int) -> nn.Module:
    convolutions = (conv(channels, 32, 3, bias=True), conv(32, 64, 3, bias=True))
    blocks = [layer for c in convolutions for layer in (c, nn.ReLU(), nn.MaxPool2d(2))]
    return nn.Sequential(*blocks, Flatten(), nn.LazyLinear(CLASSES))


def every_option(channels: int) -> nn.Module:
    return nn.Sequential(
        unit(channels, 6, 3, stride=2, padding=1),
        unit(6, 6, 3, padding=1, groups=6),
        nn.AvgPool2d(2, 1),
        nn.Conv2d(6, 8, 3, dilation=2, groups=2, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        Mean(),
        nn.Linear(8, 7, bias=False),
        nn.BatchNorm1d(7),
        nn.ReLU(),
        nn.Linear(7, CLASSES),
    )


def lenet(channels: int) -> nn.Module:
    return nn.Sequential(
        conv(channels, 6, 5, padding=2, bias=True),
        nn.Tanh(),
        nn.AvgPool2d(2),
        conv(6, 16, 5, bias=True),
        nn.Tanh(),
        nn.AvgPool2d(2),
        Flatten(),
        nn.LazyLinear(120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, CLASSES),
    )


def vgg(channels: int) -> nn.Module:
    return nn.Sequential(
        unit(channels, 4, 3, padding=1),
        nn.MaxPool2d(2),
        unit(4, 8, 3, padding=1),
        unit(8, 8, 3, padding=1),
        nn.MaxPool2d(2),
        Flatten(),
        nn.LazyLinear(6, bias=False),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.Linear(6, CLASSES),
    )


class Block(nn.Module):
    """A block of a ResNet in any of its forms."""

    def __init__(self, inputs: int, filters: int, form: str) -> None:
        super().__init__()
        self.grows, self.form = filters > inputs, form
        first, second = conv(inputs, filters, 3, 2 if self.grows else 1, 1), conv(filters, filters, 3, 1, 1)
        if form == "preactivation":
            self.body = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), first, nn.BatchNorm2d(filters), nn.ReLU(), second
            )
        else:
            self.body = nn.Sequential(first, nn.BatchNorm2d(filters), nn.ReLU(), second, nn.BatchNorm2d(filters))
        if form == "projection" and self.grows:
            self.beside = nn.Sequential(conv(inputs, filters, 1, 2), nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        if self.form != "plain":
            if self.grows:
                shrunk = pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))
                x = self.beside(x) if self.form == "projection" else shrunk
            y = y + x
        return y if self.form == "preactivation" else y.relu()


def resnet(form: str) -> Callable[[int], nn.Module]:
    def build(channels: int) -> nn.Module:
        blocks = [Block(*widths, form) for widths in ((4, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16))]
        first = conv(channels, 4, 3, padding=1)
        around = [nn.BatchNorm2d(16 if form == "preactivation" else 4), nn.ReLU()]
        inner = [*blocks, *around] if form == "preactivation" else [*around, *blocks]
        return nn.Sequential(first, *inner, Mean(), nn.Linear(16, CLASSES))

    return build


class Module(nn.Module):
    """An inception module of 16 filters."""

    def __init__(self, inputs: int, scale: int) -> None:
        super().__init__()
        a, b, c = 4 * scale, 8 * scale, 2 * scale
        self.branches = nn.ModuleList(
            [
                unit(inputs, a, 1),
                nn.Sequential(unit(inputs, b * 3 // 4, 1), unit(b * 3 // 4, b, 3, padding=1)),
                nn.Sequential(unit(inputs, c // 2, 1), unit(c // 2, c, 5, padding=2)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(inputs, c, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception(channels: int) -> nn.Module:
    pool = nn.MaxPool2d(3, 2, 1)
    return nn.Sequential(
        unit(channels, 16, 3, padding=1), Module(16, 1), pool, Module(16, 2), Mean(), nn.Linear(32, CLASSES)
    )


def mobilenet(channels: int) -> nn.Module:
    blocks = []
    for inputs, filters, stride in ((4, 8, 1), (8, 16, 2), (16, 16, 1)):
        blocks += [unit(inputs, inputs, 3, stride=stride, padding=1, groups=inputs), unit(inputs, filters, 1)]
    return nn.Sequential(unit(channels, 4, 3, stride=2, padding=1), *blocks, Mean(), nn.Linear(16, CLASSES))


class Mixer(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.patches = conv(channels, 8, 4, 4, bias=True)
        self.layers = nn.ModuleList()
        for _ in range(2):
            for width, hidden in ((16, 6), (8, 12)):
                mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
                self.layers.append(nn.ModuleList([nn.GroupNorm(1, 8), mlp]))
        self.last, self.head = nn.GroupNorm(1, 8), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        for number, (norm, mlp) in enumerate(self.layers):
            places = norm(x).flatten(2)  # (B, C, places)
            mixed = mlp(places) if number % 2 == 0 else mlp(places.mT).mT
            x = x + mixed.reshape(x.shape)
        return self.head(self.last(x).mean((2, 3)))


BLOCKS = [
    "3x3x6 stride 2 padding 1",
    "3x3x6 depthwise same",
    "average 2 stride 1",
    "3x3x8 dilation 2 groups 2",
    "global",
]
RESNET = {"name": "resnet", "depth": 14, "width": 4}
BATCHNORM = {"normalization": "batch"}
NETWORKS: dict[str, tuple[dict[str, Any], tuple[int, int, int], Callable[[int], nn.Module]]] = {
    "cnn": ({}, (12, 14, 1), cnn),
    "cnn options": (
        {**BATCHNORM, "architecture": {"name": "cnn", "blocks": BLOCKS, "hidden": [7]}},
        (15, 16, 3),
        every_option,
    ),
    "lenet": ({"activation": "tanh"}, (28, 28, 1), lenet),
    "vgg": (
        {**BATCHNORM, "architecture": {"name": "vgg", "stages": [1, 2], "width": 4, "hidden": [6]}},
        (9, 8, 3),
        vgg,
    ),
    "resnet": ({**BATCHNORM, "architecture": RESNET}, (16, 16, 3), resnet("pad")),
    "resnet projection": (
        {**BATCHNORM, "architecture": {**RESNET, "shortcut": "projection"}},
        (9, 12, 3),
        resnet("projection"),
    ),
    "resnet preactivation": (
        {**BATCHNORM, "architecture": {**RESNET, "version": "preactivation"}},
        (8, 8, 1),
        resnet("preactivation"),
    ),
    "resnet plain": ({**BATCHNORM, "architecture": {**RESNET, "skip": False}}, (8, 8, 1), resnet("plain")),
    "inception": (
        {**BATCHNORM, "architecture": {"name": "inception", "stages": [1, 1], "width": 16}},
        (9, 8, 3),
        inception,
    ),
    "mobilenet": (
        {**BATCHNORM, "architecture": {"name": "mobilenet", "blocks": [8, 16, 16], "stem": 4, "stride": 2}},
        (16, 12, 3),
        mobilenet,
    ),
    "mlp_mixer": (
        {
            "normalization": "layer",
            "activation": "gelu",
            "architecture": {"name": "mlp_mixer", "patch": 4, "width": 8, "places": 6, "channels": 12, "blocks": 2},
        },
        (16, 16, 3),
        Mixer,
    ),
}


def put(mine: np.ndarray, its: Tensor) -> None:
    """Lays one of our parameters into the place of theirs."""
    if mine.ndim == 4:
        mine = mine.transpose(3, 2, 0, 1)
    elif mine.ndim == 2:
        mine = mine.T
    with torch.no_grad():
        its.copy_(torch.tensor(np.ascontiguousarray(mine)).reshape(its.shape))


def pairs(trainer: Trainer, net: nn.Module) -> list[tuple[str, np.ndarray, Tensor]]:
    """Each of our parameters and statistics with theirs, in the order in which data pass the layers."""
    mine = [layer for layer in trainer.network.layers if layer.declarations]
    its: list[Any] = [m for m in net.modules() if list(m.parameters(recurse=False))]
    assert len(mine) == len(its)
    found: list[tuple[str, np.ndarray, Tensor]] = []
    for layer, module in zip(mine, its, strict=True):
        assert len(layer.declarations) == len(list(module.parameters(recurse=False))), layer.path
        for d, parameter in zip(layer.declarations, module.parameters(recurse=False), strict=True):
            found.append((d.parameter.path, getattr(layer, d.name)[0], parameter))
        if layer.running:
            found.append((f"{layer.path}.mean", layer.running["mean"][0], module.running_mean))
            found.append((f"{layer.path}.variance", layer.running["variance"][0], module.running_var))
    return found


def nchw(x: np.ndarray) -> Tensor:
    return torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize("name", NETWORKS)
def test_twenty_steps_agree(name: str) -> None:
    parts, shape, make = NETWORKS[name]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(BATCH * 10, *shape)), rng.integers(0, CLASSES, BATCH * 10)
    data = Data("classification", x, y, classes=[str(c) for c in range(CLASSES)])
    settings = {
        "optimizer": {"name": "momentum", "lr": LR, "gamma": GAMMA},
        "architecture": name.split()[0],
        "scaling": "none",
        "validation": 0.0,
        "batch_size": BATCH,
        "dtype": "float64",
        "epochs": STEPS,
    }
    trainer = Trainer([recipe(**{**settings, **parts})], [data])
    net = make(shape[-1]).double()
    net(nchw(x[:BATCH]))  # lazy layers find their sizes
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
    for _, mine, its in pairs(trainer, net):
        put(mine, its)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=GAMMA)
    start = trainer.store.p.copy()
    with exact():
        while trainer.t < STEPS:
            trainer.begin_epoch()
            for batch in trainer.batches():
                given, target = nchw(batch.x[0]), torch.tensor(batch.target[0])
                losses = step(trainer, batch, trainer.lr[:, trainer.step, None])
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(net(given), target)
                loss.backward()
                optimizer.step()
                np.testing.assert_allclose(losses[0].mean(), loss.item(), rtol=1e-10)
            trainer.end_epoch()
    assert trainer.t == STEPS
    assert np.linalg.norm(trainer.store.p - start) > 0.01 * np.linalg.norm(start)
    for path, mine, its in pairs(trainer, net):
        expected = its.detach().clone()
        put(mine, its)
        np.testing.assert_allclose(its.detach(), expected, rtol=1e-10, atol=1e-10, err_msg=path)
    net.eval()
    z = trainer.network.forward(x[None, :BATCH], training=False)[0]
    np.testing.assert_allclose(z, net(nchw(x[:BATCH])).detach(), rtol=1e-10, atol=1e-10)


def test_every_architecture_for_images_is_compared() -> None:
    assert {name.split()[0] for name in NETWORKS} | {"linear", "mlp"} >= set(registry.names("architecture"))
