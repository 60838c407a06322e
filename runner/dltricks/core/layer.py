"""Layers: forward, backward, and buffers of their own, for K replicas at once.

A layer's life: ``attach`` gives it a place, ``declare`` makes it name its parameters, the engine lays these into the
flat store and calls ``bound``, ``allocate`` is called whenever the shape of the batch changes, then ``forward`` and
``backward`` run without allocating anything large.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any, ClassVar

import numpy as np

from dltricks.core.component import Component
from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.initializer import Initializer
from dltricks.core.memory import zeros
from dltricks.core.store import Parameter, Role
from dltricks.core.types import Array
from dltricks.core.workspace import Workspace

Shape = tuple[int, ...]
Words = Callable[[int, int, int], tuple[Array, Array]]
"""(layer, first counter, how many) -> (S, how many) random 64-bit words of this epoch, and each replica's row (K,)."""
Watch = Callable[["Layer", str, Array], None]


@dataclass
class Context:
    """What a layer may know of the step it is in."""

    training: bool = False
    epoch: int = 0
    step: int = 0
    batch_size: int = 0
    """Samples of a full batch; the last one of an epoch may be smaller."""
    estimating: int = 0
    """Where batch statistics are measured anew: the number of this batch, counted from 1; else 0."""
    words: Words | None = None
    watch: Watch | None = None
    """Called with (layer, "output" or "gradient", array) where someone looks at every layer."""


@dataclass
class Declaration:
    """A parameter as its layer asked for it, with what fills it before the first step."""

    name: str
    parameter: Parameter
    fill: float | Sequence[Initializer]
    fan: tuple[int, int]


class Layer(Component):
    """Base of everything that data flow through. Subclasses are dataclasses."""

    kind = "layer"
    absent: ClassVar[bool] = False
    """True for ``none``: an architecture leaves the layer out."""
    on_weights: ClassVar[bool] = False
    """True where the layer is applied to a kernel (K, I, O) instead of activations."""
    needs_batch: ClassVar[bool] = False
    """True where training on a batch of one sample means nothing."""
    rectifier: ClassVar[bool] = False
    """True where the layer cuts off negative values and does nothing else."""

    path: str
    index: int
    in_shape: Shape
    out_shape: Shape
    """One sample's shapes, set by the chain around the layer."""
    replicas: int
    dtype: np.dtype[Any]
    compiled: bool
    """Whether kernels of ``dltricks.compiled`` do the work, where there are any."""
    workspace: Workspace
    """Shared by all layers of a network."""
    rectifies: bool
    """Set by ``declare`` where the layer can cut off negative outputs in the same sweep."""
    joined: bool
    """Whether it does so for the rectifier behind it, or, of a rectifier, whether the layer before it does."""
    needs_dx: bool
    declarations: list[Declaration]
    running: dict[str, Array]
    """Statistics that are kept but not trained: (K, ...) arrays."""
    _arenas: dict[str, Array]

    def attach(
        self,
        path: str,
        numbers: Iterator[int],
        replicas: int,
        dtype: np.dtype[Any],
        compiled: bool = False,
        workspace: Workspace | None = None,
    ) -> None:
        """Gives this layer and its children their paths, numbers, replicas and dtype; forgets all else."""
        self.path, self.index, self.replicas, self.dtype = path, next(numbers), replicas, dtype
        self.compiled, self.workspace = compiled, workspace or Workspace(dtype)
        self.needs_dx, self.rectifies, self.joined = True, False, False
        self.declarations, self.running, self._arenas = [], {}, {}
        for name, child in self.children():
            inner = f"{path}.{name}" if path else name
            child.attach(inner, numbers, replicas, dtype, compiled, self.workspace)

    def children(self) -> Sequence[tuple[str, Layer]]:
        """(name, layer) of the layers inside this one."""
        return ()

    def walk(self) -> Iterator[Layer]:
        """This layer and all inside it, in the order of the forward pass."""
        yield self
        for _, child in self.children():
            yield from child.walk()

    def declare(self, shape: Shape) -> Shape:
        """Names the parameters for one sample's input shape and returns its output shape.

        Raises:
            UsageError: an input that this layer cannot take.
        """
        return shape

    def operations(self, shape: Shape) -> int:
        """Floating-point operations of the forward pass for one sample of that input shape."""
        return prod(shape)

    def parameter(
        self,
        name: str,
        shape: Shape,
        role: Role,
        fill: float | Sequence[Initializer],
        fan: tuple[int, int] = (1, 1),
    ) -> None:
        """Asks for a parameter: after ``bound`` it is ``self.name`` (K, *shape), its gradient ``self.d<name>``."""
        parameter = Parameter(f"{self.path}.{name}", shape, role)
        self.declarations.append(Declaration(name, parameter, fill, fan))

    def statistic(self, name: str, shape: Shape, fill: float) -> Array:
        """Asks for a (K, *shape) array that is saved with the weights but has no gradient."""
        self.running[name] = np.full((self.replicas, *shape), fill, self.dtype)
        return self.running[name]

    def bound(self) -> None:
        """Called when parameters are views of the store; the place to derive further views."""

    def started(self) -> None:
        """Called when parameters have their first values, and again when an initializer rescaled them."""

    def started_on(self, W: Array) -> None:
        """The same for a layer on weights, with the kernel (K, I, O) that it is applied to."""

    def allocate(self, shape: Shape) -> Shape:
        """Makes the buffers for inputs of shape (K, B, ...) and returns the outputs' shape."""
        return shape

    def buffer(self, name: str, shape: Shape, dtype: Any = None) -> Array:
        """A contiguous buffer of this layer's own; smaller batches get a part of the same memory."""
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        size = prod(shape)
        arena = self._arenas.get(name)
        if arena is None or arena.size < size or arena.dtype != dtype:
            arena = self._arenas[name] = zeros((size,), dtype)
        return arena[:size].reshape(shape)

    def arenas(self) -> Collection[Array]:
        """The memory of all buffers made so far."""
        return self._arenas.values()

    def poison(self) -> None:
        """Fills every buffer with NaN (floats) to prove that nothing is kept past a step."""
        for arena in [*self.workspace.arenas, *(arena for layer in self.walk() for arena in layer.arenas())]:
            if arena.dtype.kind == "f":
                arena.fill(np.nan)

    def column(self, value: Any, ndim: int, dtype: Any = None) -> Array:
        """A hyperparameter as a (K, 1, ...) column of ``ndim`` axes, cast once from float64."""
        wide = np.asarray(value, np.float64).reshape((-1,) + (1,) * (ndim - 1))
        return wide.astype(self.dtype if dtype is None else dtype)

    def export(self, graph: Graph, x: str) -> str:
        """Writes what evaluation does to the value ``x`` of a single replica into a graph; returns its output's name.

        Raises:
            UsageError: a layer that has no such form.
        """
        raise UsageError(
            f"{self.path} cannot be exported to ONNX: {self.name()} does not say by which operators; "
            f"give {type(self).__name__} a method export(graph, x)"
        )

    def forward(self, x: Array, context: Context) -> Array:
        """(K, B, ...) -> (K, B, ...). The result is this layer's buffer; ``x`` is not changed."""
        raise NotImplementedError

    def backward(self, dy: Array) -> Array | None:
        """Gradient of the outputs -> of the inputs, leaving those of parameters in the store.

        ``dy`` may be overwritten. Returns None where ``needs_dx`` is False.
        """
        raise NotImplementedError


@dataclass
class Chain(Layer):
    """Layers one after another."""

    layers: list[Layer] = field(default_factory=list)

    def children(self) -> Sequence[tuple[str, Layer]]:
        return [(f"{i}.{layer.name()}", layer) for i, layer in enumerate(self.layers, 1)]

    def declare(self, shape: Shape) -> Shape:
        self.in_shape = shape
        for layer in self.layers:
            layer.in_shape = shape
            layer.out_shape = shape = layer.declare(shape)
        for layer, behind in pairwise(self.layers):
            if layer.rectifies and behind.rectifier:
                layer.joined = behind.joined = True
        self.out_shape = shape
        return shape

    def operations(self, shape: Shape) -> int:
        return 0

    def allocate(self, shape: Shape) -> Shape:
        for layer in self.layers:
            shape = layer.allocate(shape)
        return shape

    def export(self, graph: Graph, x: str) -> str:
        for layer in self.layers:
            graph.layer = layer.path
            x = layer.export(graph, x)
        return x

    def forward(self, x: Array, context: Context) -> Array:
        if context.watch is None:
            for layer in self.layers:
                x = layer.forward(x, context)
        else:
            for layer in self.layers:
                x = layer.forward(x, context)
                context.watch(layer, "output", x)
        self._context = context
        return x

    def backward(self, dy: Array) -> Array | None:
        watch = self._context.watch
        gradient: Array | None = dy
        for layer in reversed(self.layers):
            assert gradient is not None
            if watch is not None:
                watch(layer, "gradient", gradient)
            gradient = layer.backward(gradient)
            if gradient is None:
                break
        return gradient

    def stop_at_first(self) -> None:
        """Spares the gradient to the network's input: the first layer with parameters need not pass it on."""
        for layer in self.layers:
            if isinstance(layer, Chain):
                layer.stop_at_first()
                return
            if any(inner.declarations for inner in layer.walk()):
                layer.needs_dx = False
                return
