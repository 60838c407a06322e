"""Every layer can be written as ONNX operators: read from the registry, so that a new one is held to it, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from architectures.chain import small
from engine.small import digits, recipe
from layers.bench import layer_classes

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Layer
from dltricks.core.loss import Loss
from dltricks.engine.network import Network

FORMS = [form for name in registry.names("architecture") for form in small(name)]


@pytest.mark.parametrize("cls", layer_classes(), ids=lambda cls: f"{cls.kind}-{cls.name()}")
def test_every_layer_says_how_it_is_exported(cls: Any) -> None:
    assert cls.on_weights or cls.export is not Layer.export


@pytest.mark.parametrize("name", registry.names("loss"))
def test_a_loss_with_shares_of_its_own_exports_them(name: str) -> None:
    cls = registry.load("loss", name)
    assert cls.probabilities is Loss.probabilities or cls.export is not Loss.export


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_graph_is_in_the_order_of_its_values(form: Any) -> None:
    parts = {"normalization": "batch", "dropout": "dropout"} if form.hidden_layers else {}
    images = np.pad(digits(3).x, ((0, 0), (2, 2), (2, 2), (0, 0)))[None].astype(np.float32)
    network = Network([recipe(architecture=form, **parts)], images.shape[2:], 10)
    network.draw()
    network.forward(images, training=False)
    graph = Graph()
    output = network.chain.export(graph, "input")
    known = {"input", *graph.constants}
    for node in graph.nodes:
        assert set(node.inputs) <= known
        assert known.isdisjoint(node.outputs)
        known.update(node.outputs)
    assert output in known
    used = {name for node in graph.nodes for name in node.inputs}
    assert set(graph.constants) <= used, "a constant that nothing reads"


def test_a_layer_that_does_not_say_so_is_refused_by_name() -> None:
    class Plain(Layer):
        pass

    layer = Plain()
    layer.path = "3.plain"
    with pytest.raises(UsageError, match=r"^3\.plain cannot be exported to ONNX: .* give Plain a method export"):
        layer.export(Graph(), "input")
