"""Exported networks in onnxruntime, against ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from architectures.chain import small
from engine.small import digits, recipe, run, table
from layers.bench import Bench, benches, inputs, layer_classes, variants

from dltricks.core import registry
from dltricks.core.dataset import Data
from dltricks.core.graph import Graph, Node
from dltricks.engine.evaluate import Evaluator
from dltricks.exporting.onnx import onnx_file, onnx_model

pytestmark = pytest.mark.export

FORMS = [form for name in registry.names("architecture") for form in small(name)]
TABLES = [name for name in registry.names("normalization") if name != "instance"]
CLOSE = 1e-5


def session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def images() -> Data:
    made = digits(120)
    made.x = np.pad(made.x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return made


def evaluator(data: Data, **parts: Any) -> Evaluator:
    of = recipe(epochs=1, **parts)
    return Evaluator.restore(of, data, run(of, data=data)[0].weights)


def compare(found: Evaluator, x: np.ndarray) -> None:
    """Fails unless onnxruntime predicts what we predict, for batches of any size."""
    its = session(onnx_model(found, {}))
    (given,) = its.get_inputs()
    assert given.shape == ["batch", *x.shape[1:]]
    raw = x.astype(np.float64 if given.type == "tensor(double)" else np.float32)
    name = "probabilities" if found.data.classes else "predictions"
    mine = found.predict(x)
    for part in (slice(None), slice(0, 1), slice(1, 8)):
        (theirs,) = its.run([name], {"input": raw[part]})
        np.testing.assert_allclose(theirs, mine[part], rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("cls", layer_classes(), ids=lambda cls: f"{cls.kind}-{cls.name()}")
def test_every_layer(cls: Any) -> None:
    checked = 0
    for bench in benches(cls, 1, dtype=np.float32):
        check_layer(bench)
        checked += 1
    assert checked


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_in_both_forms(approximate: str) -> None:
    check_layer(Bench(registry.load("activation", "gelu")(approximate), dtype=np.float32))


def check_layer(bench: Bench) -> None:
    bench.context.training = False
    rng = np.random.default_rng(2)
    for statistic in bench.trick.running.values():
        statistic[...] = rng.uniform(0.5, 2.0, statistic.shape)
    x = inputs(1, 5, bench.sample, dtype=np.float32)
    mine = bench.forward(x)[0]
    layer, shape = bench.layer, bench.sample
    layer.in_shape = shape
    graph = Graph()
    first = graph.node("Transpose", "input", perm=[0, 3, 1, 2]) if len(shape) == 3 else "input"
    last = layer.export(graph, first)
    if mine.ndim == 4:
        last = graph.node("Transpose", last, perm=[0, 2, 3, 1])
    graph.nodes.append(Node("Identity", [last], ["output"], {}))
    its = session(onnx_file(graph, shape, x.dtype, {"output": mine.shape[1:]}, {}))
    np.testing.assert_allclose(its.run(None, {"input": x[0]})[0], mine, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_every_architecture(form: Any) -> None:
    parts = {"normalization": "batch", "dropout": "dropout"} if form.hidden_layers else {}
    data = images()
    compare(evaluator(data, architecture=form, **parts), data.x)


@pytest.mark.parametrize("name", registry.names("architecture"))
def test_every_architecture_with_what_acts_on_weights(name: str) -> None:
    form, data = small(name)[0], images()
    if form.hidden_layers:
        compare(evaluator(data, architecture=form, normalization="weight", dropout="dropconnect"), data.x)


@pytest.mark.parametrize("normalization", registry.names("normalization"))
def test_every_normalization_on_images(normalization: str) -> None:
    cls, data = registry.load("normalization", normalization), images()
    compare(evaluator(data, architecture=small("resnet")[0], normalization=variants(cls, 1)[0]), data.x)


@pytest.mark.parametrize("normalization", TABLES)
@pytest.mark.parametrize("scaling", registry.names("scaling"))
def test_tables_with_gaps(normalization: str, scaling: str) -> None:
    data = table(80)
    data.x[::7, 1] = np.nan
    data.gaps = True
    parts = {"loss": "mse", "scaling": scaling, "normalization": normalization}
    compare(evaluator(data, optimizer={"name": "adam", "lr": 1e-2}, **parts), data.x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scaling", registry.names("scaling"))
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "mse"])
def test_every_scaling_of_images(dtype: str, scaling: str, loss: str) -> None:
    data = images()
    compare(evaluator(data, architecture=small("cnn")[0], dtype=dtype, scaling=scaling, loss=loss), data.x)


def test_averaged_weights_are_those_that_are_exported() -> None:
    data = images()
    parts: Mapping[str, Any] = {"averaging": "ema", "normalization": "batch", "architecture": small("cnn")[0]}
    compare(evaluator(data, **parts), data.x)


def test_notes_are_kept_and_the_same_run_gives_the_same_bytes() -> None:
    found = evaluator(images(), architecture=small("resnet")[0], normalization="batch")
    about = {"run": "c52c", "classes": list(found.data.classes)}
    content = onnx_model(found, about)
    assert content == onnx_model(found, about)
    notes = session(content).get_modelmeta().custom_metadata_map
    assert notes["run"] == "c52c"
    assert json.loads(notes["classes"]) == list(found.data.classes)


def test_nodes_are_named_after_their_layers() -> None:
    import onnx

    found = evaluator(images(), architecture=small("resnet")[0], normalization="batch")
    nodes = onnx.load_from_string(onnx_model(found, {})).graph.node
    assert any(node.name.startswith("4.residual.body.1.convolution/Conv") for node in nodes)
    operators = {node.op_type for node in nodes}
    assert {"Conv", "BatchNormalization", "Relu", "Gemm", "Softmax"} <= operators
