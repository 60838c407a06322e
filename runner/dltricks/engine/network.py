"""A chain of layers bound to the flat store: declared, laid out, drawn, ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np

from dltricks.core.architecture import Parts
from dltricks.core.component import stack
from dltricks.core.extras import require_numba
from dltricks.core.initializer import Initializer
from dltricks.core.layer import Chain, Context, Layer, Shape
from dltricks.core.store import Store
from dltricks.core.types import Array
from dltricks.engine.recipe import Recipe
from dltricks.engine.streams import Purpose, generator, words


class Network:
    """The layers of K replicas, their parameters in ``store`` and their statistics in the layers."""

    def __init__(self, recipes: Sequence[Recipe], shape: Shape, outputs: int, *, input_gradient: bool = False) -> None:
        """Lays out K replicas for one sample's input shape.

        Args:
            recipes: one for each replica; they may differ in seeds and numeric fields only.
            shape: one sample's shape, (features,) or (H, W, C).
            outputs: number of classes or targets.
            input_gradient: whether ``backward`` must also give the gradient of the input.

        Raises:
            UsageError: a combination of parts that cannot work.
        """
        self.seeds = [recipe.seeds for recipe in recipes]
        replicas, dtype = len(recipes), np.dtype(recipes[0].dtype)
        parts = Parts(
            stack([recipe.activation for recipe in recipes]),
            stack([recipe.normalization for recipe in recipes]),
            stack([recipe.dropout for recipe in recipes]),
            [recipe.initializer for recipe in recipes],
        )
        architecture = stack([recipe.architecture for recipe in recipes])
        self.chain: Chain = architecture.build(shape, outputs, parts)
        compiled = recipes[0].kernels == "compiled"
        if compiled:
            require_numba()
        self.chain.attach("", count(), replicas, dtype, compiled)
        self.output_shape = self.chain.declare(shape)
        self.layers: list[Layer] = list(self.chain.walk())
        declarations = [d for layer in self.layers for d in layer.declarations]
        self.store = Store([d.parameter for d in declarations], replicas, dtype)
        for layer in self.layers:
            for d in layer.declarations:
                setattr(layer, d.name, self.store.view(self.store.p, d.parameter))
                setattr(layer, "d" + d.name, self.store.view(self.store.g, d.parameter))
            layer.bound()
        if not input_gradient:
            self.chain.stop_at_first()
        self.context = Context(words=self._words)
        self._batch: Shape = ()

    def _words(self, layer: int, position: int, amount: int) -> tuple[Array, Array]:
        return words(self.seeds, self.context.epoch, layer, position, amount)

    def draw(self) -> None:
        """Gives every parameter its first value, from the seeds of purpose ``init``."""
        place = 0
        for layer in self.layers:
            for d in layer.declarations:
                view: Array = getattr(layer, d.name)
                if isinstance(d.fill, float):
                    view[...] = d.fill
                else:
                    for k, initializer in enumerate(d.fill):
                        rng = generator(self.seeds[k], Purpose.INIT, place=place)
                        view[k] = initializer.draw(rng, d.parameter.shape, *d.fan)
                    # Only what is drawn counts: a normalization's gains must not change the kernels behind it.
                    place += 1
        for layer in self.layers:
            layer.started()

    def forward(self, x: Array, *, training: bool) -> Array:
        """Outputs (K, B, outputs) for inputs (K, B, *shape); the result is overwritten by the next call."""
        if x.shape != self._batch:
            self.chain.allocate(x.shape)
            self._batch = x.shape
        self.context.training = training
        return self.chain.forward(x, self.context)

    def backward(self, dz: Array) -> Array | None:
        """Fills ``store.g`` for the last ``forward``; returns the input's gradient if that was asked for."""
        return self.chain.backward(dz)

    def statistics(self) -> dict[str, Array]:
        """The (K, ...) running statistics of all layers by path."""
        return {f"{layer.path}.{name}": a for layer in self.layers for name, a in layer.running.items()}

    def rescale(self, x: Array, initializers: Sequence[Initializer]) -> None:
        """Lets data-dependent initializers rescale kernels, first layer to last, by the outputs of a first batch."""
        for target in self.layers:
            kernels = [d for d in target.declarations if d.parameter.role == "kernel"]
            if not kernels:
                continue
            kernel: Array = getattr(target, kernels[0].name)
            for attempt in count():
                variance = self._output_variance(target, x)
                factors = [i.rescaling(float(v), attempt) for i, v in zip(initializers, variance, strict=True)]
                if all(factor == 1.0 for factor in factors):
                    break
                for k, factor in enumerate(factors):
                    kernel[k] *= factor
                target.started()

    def _output_variance(self, target: Layer, x: Array) -> Array:
        variances: list[Array] = []

        def watch(layer: Layer, what: str, array: Array) -> None:
            if layer is target:
                variances.append(array.reshape(len(array), -1).var(-1, dtype=np.float64))

        self.context.watch = watch
        self.forward(x, training=False)
        self.context.watch = None
        return variances[0]
