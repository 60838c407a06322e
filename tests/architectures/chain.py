"""The layers of an architecture without a network around them, for tests."""

from __future__ import annotations

import importlib
from itertools import count
from math import prod
from typing import Any

import numpy as np
from engine.small import recipe

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.layer import Chain, Layer


def small(name: str) -> list[Architecture]:
    """Small forms of an architecture that between them use all its options, as its own test gives them: ``SMALL``."""
    made: list[Architecture] = importlib.import_module(f"architectures.test_{name}").SMALL
    assert made
    return made


def chain(shape: tuple[int, ...], outputs: int = 10, **parts: Any) -> Chain:
    """The declared layers of one replica, no memory taken for parameters."""
    of = recipe(**parts)
    made = Parts(of.activation, of.normalization, of.dropout, [of.initializer])
    built: Chain = of.architecture.build(shape, outputs, made)
    built.attach("", count(), 1, np.dtype("float32"))
    assert built.declare(shape) == (outputs,)
    return built


def layers(shape: tuple[int, ...], outputs: int = 10, **parts: Any) -> list[Layer]:
    """All layers but the chains around them."""
    return [layer for layer in chain(shape, outputs, **parts).walk() if not isinstance(layer, Chain)]


def names(shape: tuple[int, ...], **parts: Any) -> list[str]:
    """The names of all layers in the order of the forward pass."""
    return [layer.name() for layer in layers(shape, **parts)]


def parameters(shape: tuple[int, ...], outputs: int = 10, **parts: Any) -> int:
    """How many trainable numbers the network has."""
    return sum(prod(d.parameter.shape) for layer in layers(shape, outputs, **parts) for d in layer.declarations)


def multiplications(shape: tuple[int, ...], outputs: int = 10, **parts: Any) -> float:
    """Millions of multiplications and additions, counted together, in convolutions and linear layers."""
    counted = (layer for layer in layers(shape, outputs, **parts) if layer.name() in ("convolution", "linear"))
    return sum(layer.operations(layer.in_shape) for layer in counted) / 2e6


def shapes(shape: tuple[int, ...], name: str, **parts: Any) -> list[tuple[int, ...]]:
    """One sample's output shapes of all layers of that name."""
    return [layer.out_shape for layer in layers(shape, **parts) if layer.name() == name]
