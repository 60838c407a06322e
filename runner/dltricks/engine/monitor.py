"""Looks into a step layer by layer: statistics for ``monitor: layers``, and the first layer that is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np

from dltricks.core.layer import Layer
from dltricks.core.loss import Loss
from dltricks.core.types import Array
from dltricks.engine.batches import Batch
from dltricks.engine.network import Network


class LayerStatistics:
    """Watches one step and keeps, for each layer, the size of its outputs and of the gradient that reaches them.

    ``output_mean`` and ``output_std`` over batch and units; ``gradient_rms`` is the root mean square of dL/d(output);
    ``weight_gradient_rms`` that of the layer's kernel, where it has one. None stands for what is not finite, as where
    an activation cuts an infinite output off again and the loss never sees it.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.found: dict[str, list[dict[str, float | None]]] = {}

    def __call__(self, layer: Layer, what: str, array: Array) -> None:
        rows = self.found.setdefault(layer.path, [{} for _ in array])
        # Replica by replica, so that the sums are the same alone and in a stack.
        for row, values in zip(rows, array, strict=True):
            wide = np.ascontiguousarray(values, np.float64)
            if what == "output":
                row["output_mean"], row["output_std"] = _finite(wide.mean()), _finite(wide.std())
            else:
                row["gradient_rms"] = _finite(np.sqrt(np.square(wide).mean()))

    def lines(self) -> list[dict[str, dict[str, float | None]]]:
        """Each replica's statistics by layer, first layer first; asked for while the step's gradient stands."""
        paths = [layer.path for layer in self.network.layers if layer.path in self.found]
        lines = [{path: dict(self.found[path][k]) for path in paths} for k in range(self.network.store.replicas)]
        for layer in self.network.layers:
            for declaration in layer.declarations:
                if declaration.parameter.role == "kernel" and layer.path in self.found:
                    for line, gradient in zip(lines, getattr(layer, "d" + declaration.name), strict=True):
                        wide = np.ascontiguousarray(gradient, np.float64)
                        line[layer.path]["weight_gradient_rms"] = _finite(np.sqrt(np.square(wide).mean()))
        return lines


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def broken_weights(weights: Mapping[str, Array]) -> tuple[str, str] | None:
    """(layer, what) of the first of these arrays that is not finite."""
    for path, array in weights.items():
        if not np.isfinite(array).all():
            layer, _, name = path.rpartition(".")
            return layer, f"weights {name}"
    return None


def first_affected(network: Network, loss: Loss, batch: Batch, k: int) -> tuple[str, str]:
    """(layer, what) of replica k in the order of computation, by running the step once more and looking.

    Leaves gradients and running statistics as they were.
    """
    gradients = network.store.g.copy()
    kept = {path: array.copy() for path, array in network.statistics().items()}
    found: list[tuple[str, str]] = []

    def watch(layer: Layer, what: str, array: Array) -> None:
        if not found and not np.isfinite(array[k]).all():
            found.append((layer.path, what))

    try:
        if not np.isfinite(batch.x[k]).all():
            return "input", "data"
        for layer in network.layers:
            for declaration in layer.declarations:
                if not np.isfinite(getattr(layer, declaration.name)[k]).all():
                    return layer.path, f"weights {declaration.name}"
        network.context.watch = watch
        z = network.forward(batch.x, training=True)
        values = loss.forward(z, batch.target)
        if not found and not np.isfinite(values[k]).all():
            return "loss", "value"
        network.backward(loss.backward())
        if not found:
            for layer in reversed(network.layers):
                for declaration in layer.declarations:
                    if not np.isfinite(getattr(layer, "d" + declaration.name)[k]).all():
                        return layer.path, f"gradient of {declaration.name}"
        return found[0] if found else ("all layers", "norm of the gradient")
    finally:
        network.context.watch = None
        network.store.g[...] = gradients
        for path, array in network.statistics().items():
            array[...] = kept[path]
