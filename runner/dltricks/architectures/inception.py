"""Inception: modules that look with several kernel sizes side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import MinLen

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.types import Size
from dltricks.layers.branches import Branches
from dltricks.layers.convolution import Convolution
from dltricks.layers.global_average_pool import GlobalAveragePool
from dltricks.layers.linear import Linear
from dltricks.layers.max_pool import MaxPool

Branch = Literal["1x1", "3x3", "5x5", "pool"]
SHARES: dict[Branch, int] = {"1x1": 2, "3x3": 4, "5x5": 1, "pool": 1}
"""Parts of a module's filters."""


@dataclass
class Inception(Architecture):
    """3x3 -> as many modules as each stage says, a pool 3x3 of stride 2 between them
    -> mean over places -> dropout -> linear
           ┌─ 1x1 ──────────── 2/8 ─┐
           ├─ 1x1 ─ 3x3 ────── 4/8 ─┤
    x ─────┼─ 1x1 ─ 5x5 ────── 1/8 ─┼─ side by side ─►
           └─ pool 3x3 ─ 1x1 ─ 1/8 ─┘

    Normalization and activation follow each convolution. A module of the first stage has ``width`` filters in all, one
    of each further stage twice as many. The 1x1 before a 3x3 has 3/4 of its filters, that before a 5x5 half of them:
    with a width of 256 this is GoogLeNet's first module. The dropout ``spatial`` stands behind the activation of each
    convolution, every other one before the linear layer.

    Reference: Szegedy et al. 2015, https://arxiv.org/abs/1409.4842
    Suggested: batch normalization; several scales in one image.
    Does not help when one kernel size is enough: ``branches: [3x3]`` is the comparison.
    Deviation: no auxiliary classifiers, and one convolution before the modules instead of three and two pools, because
    images here are small.
    """

    stages: Annotated[list[Size], MinLen(1)] = field(default_factory=lambda: [1, 2])
    """Modules in each stage."""
    width: Size = 64
    """Filters of a module of the first stage."""
    branches: Annotated[list[Branch], MinLen(1)] = field(default_factory=lambda: ["1x1", "3x3", "5x5", "pool"])
    """What looks side by side; those that are there share the filters in the same proportion."""

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        self.image(shape)
        if len(set(self.branches)) < len(self.branches):
            raise UsageError(f"architecture.branches: found {self.branches}, allowed: each branch once")
        layers: list[Layer] = [*_convolution(self.width, 3, parts)]
        for stage, modules in enumerate(self.stages):
            if stage:
                layers.append(MaxPool(3, 2, 1))
            layers += [self._module(self.width * 2**stage, parts) for _ in range(modules)]
        return Chain([*layers, GlobalAveragePool(), *parts.drop_values(), Linear(outputs, parts.initializer)])

    def _module(self, width: int, parts: Parts) -> Branches:
        total = sum(SHARES[branch] for branch in self.branches)
        chains: list[Chain] = []
        left = width
        for number, branch in enumerate(self.branches, 1):
            filters = left if number == len(self.branches) else width * SHARES[branch] // total
            left -= filters
            if not filters:
                raise UsageError(
                    f"architecture.width: {width} filters cannot be shared by {len(self.branches)} branches; write "
                    f"{total} or more"
                )
            chains.append(Chain(_branch(branch, filters, parts)))
        return Branches(chains)


def _branch(branch: Branch, filters: int, parts: Parts) -> list[Layer]:
    if branch == "1x1":
        return _convolution(filters, 1, parts)
    if branch == "pool":
        return [MaxPool(3, 1, 1), *_convolution(filters, 1, parts)]
    before = filters * 3 // 4 if branch == "3x3" else filters // 2
    return [*_convolution(max(1, before), 1, parts), *_convolution(filters, int(branch[0]), parts)]


def _convolution(filters: int, size: int, parts: Parts) -> list[Layer]:
    return [Convolution(filters, size, **parts.kernel()), *parts.after_convolution()]
