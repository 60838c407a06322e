"""A trained network as an ONNX model: scaling, layers, and class probabilities in one graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph, Node
from dltricks.core.types import Array
from dltricks.engine.evaluate import Evaluator

OPERATORS, FORMAT = 20, 9
"""The operator set, and the version of the file format that knows it."""
LARGEST = 2**31
"""Bytes that a file of this format can hold."""
INPUT, BATCH = "input", "batch"


def onnx_model(evaluator: Evaluator, about: Mapping[str, Any]) -> bytes:
    """The file's content.

    Inputs are raw samples, as the data set has them, (batch, features) or (batch, height, width, channels), in float32;
    in float64 where the network scales them so. Gaps are filled and values scaled in the graph. Everything behind the
    scaling is in float32, which runtimes know for all operators. Outputs are ``probabilities`` (batch, classes) and
    ``logits``, or for regression ``predictions`` (batch, targets).

    Args:
        evaluator: the trained run.
        about: notes to keep in the file; what is no text becomes JSON.

    Raises:
        UsageError: onnx is not installed, a layer that has no form in ONNX, or a network too large for a file.
    """
    _library()  # before any work
    network, data = evaluator.network, evaluator.data
    if 4 * network.store.size >= LARGEST:
        raise UsageError(f"an ONNX file holds 2 GB, less than {network.store.size:,} parameters need")
    sample = data.x.shape[1:]
    network.forward(np.zeros((1, 1, *sample), network.store.dtype), training=False)  # makes all buffers
    graph = Graph(layer="scaling")
    x, wide = _scaled(graph, evaluator)
    if len(sample) == 3:
        x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
    z = network.chain.export(graph, x)
    graph.layer = "output"
    values = (
        {"logits": z, "probabilities": evaluator.loss.export(graph, z, len(data.classes))}
        if data.classes
        else {"predictions": z}
    )
    for name, value in values.items():
        graph.nodes.append(Node("Identity", [value], [name], {}))
    shapes = dict.fromkeys(values, network.output_shape)
    return onnx_file(graph, sample, wide, shapes, about)


def onnx_file(
    graph: Graph,
    sample: Sequence[int],
    dtype: np.dtype[Any],
    outputs: Mapping[str, Sequence[int]],
    about: Mapping[str, Any],
) -> bytes:
    """The content of a file with a graph from the value ``input``, (batch, *sample) of that dtype, to named outputs of
    (batch, *shape); checked by onnx itself, shapes and all.

    Raises:
        UsageError: onnx is not installed.
    """
    onnx = _library()
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node(node.operator, node.inputs, node.outputs, name=node.outputs[0], **node.attributes)
        for node in graph.nodes
    ]
    raw = kinds.DOUBLE if dtype == np.float64 else kinds.FLOAT
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "dltricks",
            [helper.make_tensor_value_info(INPUT, raw, [BATCH, *sample])],
            [helper.make_tensor_value_info(name, kinds.FLOAT, [BATCH, *shape]) for name, shape in outputs.items()],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        producer_name="dltricks",
        ir_version=FORMAT,
        opset_imports=[helper.make_opsetid("", OPERATORS)],
    )
    helper.set_model_props(
        model, {name: note if isinstance(note, str) else json.dumps(note) for name, note in about.items()}
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _library() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise UsageError(f'an ONNX file needs onnx, which is missing: pip install "dltricks[onnx]" ({error})') from None
    return onnx


def _scaled(graph: Graph, evaluator: Evaluator) -> tuple[str, np.dtype[Any]]:
    """Fills gaps and scales as ``engine.batches.Gatherer`` does; the result's name, and the dtype of raw inputs."""
    scale, x = evaluator.scale, INPUT
    dtype, raw = evaluator.network.store.dtype, evaluator.data.x.dtype
    wide: np.dtype[Any] = np.result_type(raw, dtype) if raw.kind == "f" else dtype
    if scale.fill is not None:
        x = graph.node("Where", graph.node("IsNaN", x), graph.constant(_short(scale.fill[0, 0]), wide), x)
    if (scale.shift != 0).any():
        x = graph.node("Sub", x, graph.constant(_short(scale.shift[0, 0]), wide))
    if (scale.factor != 1).any():
        x = graph.node("Mul", x, graph.constant(_short(scale.factor[0, 0]), wide))
    return (graph.node("Cast", x, to=1) if wide == np.float64 else x), wide  # 1 is float32


def _short(values: Array) -> Array:
    """One number where all are the same."""
    return values if (values != values.flat[0]).any() else values.flat[0]
