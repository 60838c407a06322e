"""Convolutional network: any list of convolutions and pools, then linear layers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import MinLen

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.registry import unknown
from dltricks.core.types import Size
from dltricks.core.window import Window
from dltricks.layers.average_pool import AveragePool
from dltricks.layers.convolution import Convolution
from dltricks.layers.flatten import Flatten
from dltricks.layers.global_average_pool import GlobalAveragePool
from dltricks.layers.linear import Linear
from dltricks.layers.max_pool import MaxPool

CONVOLUTION = ("stride", "padding", "dilation", "groups", "depthwise", "same", "valid")
POOL = ("stride", "padding", "same", "valid")


@dataclass
class Cnn(Architecture):
    """[convolution -> norm -> act, or pool] for each block -> flatten -> dropout
    -> [linear -> norm -> act -> dropout] for each hidden width -> linear

    A block is a text of one of these forms:

    - ``3x3x32``, a convolution: height x width x filters. Behind it may stand ``stride 2``, ``same`` (``valid`` is the
      default) or ``padding 1``, ``dilation 2``, and ``groups 4`` or ``depthwise`` (a group for each channel).
    - ``pool``, the largest of 2x2 places (``pool 3``: of 3x3), or ``average``, their mean. Behind it may stand
      ``stride 1`` (the default is the size), ``same`` or ``padding 1``.
    - ``global``, the mean over all places, as the last block.

    The dropout ``spatial`` stands behind the activation of each convolution, every other one before each linear layer.

    Reference: LeCun et al. 1989, https://doi.org/10.1162/neco.1989.1.4.541; the default is the network of
    https://keras.io/examples/vision/mnist_convnet/
    Suggested: the default for small grey images; ``same``, more filters and batch normalization for photographs.
    Does not help when the pixels could change places without loss: all that a convolution assumes is then wrong.
    """

    blocks: Annotated[list[str], MinLen(1)] = field(default_factory=lambda: ["3x3x32", "pool", "3x3x64", "pool"])
    """Convolutions and pools as texts: 3x3x32, pool, 3x3x64 stride 2 same, 3x3x64 depthwise, average 2, global."""
    hidden: list[Size] = field(default_factory=list)
    """Widths of linear layers before the last one."""

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        shape = self.image(shape)
        layers: list[Layer] = []
        for number, text in enumerate(self.blocks, 1):
            try:
                if len(shape) == 1:
                    raise UsageError("no images are left behind global; let it be the last block")
                layer = _layer(text, shape[2], parts)
                shape = _outputs(layer, shape)
            except UsageError as error:
                raise UsageError(f"architecture.blocks: block {number}, {text!r}: {error}") from None
            layers.append(layer)
            if isinstance(layer, Convolution):
                layers += parts.after_convolution()
        layers += [Flatten(), *parts.drop_values()]
        for width in self.hidden:
            layers += [
                Linear(width, **parts.kernel()),
                *parts.normalize(),
                *parts.activate(),
                *parts.drop_values(),
            ]
        return Chain([*layers, Linear(outputs, parts.initializer)])


def _layer(text: str, channels: int, parts: Parts) -> Layer:
    """The layer that a block's text describes, for images of so many channels."""
    first, *words = text.split() or [""]
    kernel = re.fullmatch(r"(\d{1,9})x(\d{1,9})x(\d{1,9})", first)
    if kernel:
        height, width, filters = map(int, kernel.groups())
        options = _options(words, CONVOLUTION)
        if options.pop("depthwise", False):
            options["groups"] = channels
        if not height or not width or not filters:
            raise UsageError("a kernel of nothing; write height x width x filters, each at least 1")
        if options.get("groups") and (channels % options["groups"] or filters % options["groups"]):
            raise UsageError(
                f"{channels} channels and {filters} filters cannot both be split into {options['groups']} equal groups"
            )
        return Convolution(filters, (height, width), **{"padding": "valid", **options, **parts.kernel()})
    if first in ("pool", "average"):
        size = _whole(first, words.pop(0)) if words and words[0].isdecimal() else 2
        pool = MaxPool if first == "pool" else AveragePool
        return pool(size, **{"stride": size, "padding": "valid", **_options(words, POOL)})
    if first == "global":
        _options(words, ())
        return GlobalAveragePool()
    raise UsageError(unknown("block", first, ["3x3x32", "pool", "average", "global"]))


def _outputs(layer: Layer, shape: Shape) -> Shape:
    """The shape of what a layer makes of one image, to be refused here, where the block is known."""
    if isinstance(layer, Convolution):
        window = Window.over((shape[0], shape[1]), layer.size, layer.stride, layer.padding, layer.dilation)
        return (*window.places, layer.filters)
    if isinstance(layer, (MaxPool, AveragePool)):
        return (*layer.over(shape[0], shape[1]).places, shape[2])
    return (shape[2],)


def _options(words: list[str], allowed: tuple[str, ...]) -> dict[str, Any]:
    """The options that stand behind a block's first word."""
    options: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word not in allowed:
            raise UsageError(unknown("option", word, list(allowed)) if allowed else f"takes no option {word!r}")
        name = "padding" if word in ("same", "valid") else word
        if name in options:
            raise UsageError(f"{name} is given twice")
        options[name] = word if name != word else word == "depthwise" or _whole(word, next(rest, ""))
    if "groups" in options and "depthwise" in options:
        raise UsageError("depthwise says how many groups there are; leave one of the two out")
    return options


def _whole(name: str, text: str) -> int:
    least = 0 if name == "padding" else 1
    if not re.fullmatch(r"\d{1,4}", text) or int(text) < least:
        raise UsageError(f"{name} needs a whole number of at least {least} behind it, and found {text!r}")
    return int(text)
