"""Metrics of a network on a list of samples, the same in training, at its end, and of stored weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.component import stack
from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.loss import Loss
from dltricks.core.types import Array
from dltricks.engine.batches import Gatherer, Pool, fit_scale
from dltricks.engine.network import Network
from dltricks.engine.numerics import exact
from dltricks.engine.recipe import Recipe
from dltricks.engine.split import Split, split


def batch_size(network: Network) -> int:
    """Samples evaluated at once: a function of the architecture alone, so that bits depend on nothing else."""
    widest = max(int(np.prod(layer.out_shape)) for layer in network.layers if hasattr(layer, "out_shape"))
    return int(max(32, min(1024, 2 ** int(np.log2(max(1, (1 << 17) // widest))))))


def score_name(classification: bool) -> str:
    """What is reported beside the loss."""
    return "accuracy" if classification else "rmse"


def score_sum(z: Array, target: Array, labels: Array | None, top: Array | None = None) -> Array:
    """Number of samples classified right, or sum of squared errors (mean over targets), as float64 (K,).

    ``top`` is the place of each sample's largest output, where that is known.
    """
    if labels is not None:
        right = (z.argmax(-1) if top is None else top) == labels
        # Of a single replica counted at once, in a third of the time.
        return np.array([np.count_nonzero(right)]) if len(right) == 1 else np.asarray(np.add.reduce(right, -1))
    error = np.subtract(z, target, dtype=np.float64).reshape(len(z), -1)
    return np.asarray(np.vecdot(error, error) / z.shape[-1])


def score(total: Array, samples: int, classification: bool) -> Array:
    """Accuracy, or root mean squared error, from the sum of ``score_sum`` over all samples."""
    return total / samples if classification else np.sqrt(total / samples)


def measure(network: Network, loss: Loss, gatherer: Gatherer, index: Array) -> dict[str, Array]:
    """Loss and score, float64 (K,), of the samples in index (K, N)."""
    replicas, samples = index.shape
    losses, scores = np.zeros(replicas), np.zeros(replicas)
    with exact():
        for batch in gatherer.batches(index, batch_size(network)):
            z = network.forward(batch.x, training=False)
            loss.allocate(z.shape, z.dtype)
            losses += loss.forward(z, batch.target).sum(-1)
            scores += score_sum(z, batch.target, batch.labels, loss.top)
    classification = gatherer.labels is not None
    return {"loss": losses / samples, score_name(classification): score(scores, samples, classification)}


@dataclass
class Evaluator:
    """One trained run, ready to be measured or asked for predictions."""

    recipe: Recipe
    data: Data
    network: Network
    split: Split

    @classmethod
    def restore(cls, recipe: Recipe, data: Data, weights: dict[str, Array]) -> Evaluator:
        """Builds the run's network and gives it stored weights, named as ``Trainer.weights`` names them.

        Raises:
            KeyError, ValueError: weights of other names or shapes.
        """
        network = Network([recipe], data.x.shape[1:], outputs(data))
        for parameter, view in network.store.views(network.store.p):
            _fill(view[0], weights[parameter.path])
        for path, array in network.statistics().items():
            _fill(array[0], weights[path])
        return cls(recipe, data, network, split(recipe, data))

    def __post_init__(self) -> None:
        self.loss: Loss = stack([self.recipe.loss])
        self.scale = fit_scale([self.recipe], [self.data], [self.split])

    def _gatherer(self, x: Array, y: Array) -> Gatherer:
        return Gatherer(Pool([x], [y]), self.scale, len(self.data.classes), self.network.store.dtype)

    def part(self, name: str) -> tuple[Array, Array, Array]:
        """(x, y, index) of the part ``train``, ``val`` or ``test``; index is empty where there is none."""
        data, on_test = self.data, self.split.on_test
        if name == "test" or (name == "val" and on_test):
            if data.test_x is None or data.test_y is None:
                return data.x, data.y, np.arange(0)
            return data.test_x, data.test_y, np.arange(len(data.test_x))
        return data.x, data.y, self.split.train if name == "train" else self.split.val

    def measure(self, part: str) -> dict[str, float]:
        """Loss and score of a part, or an empty dict where the run has no such part."""
        x, y, index = self.part(part)
        if not len(index):
            return {}
        found = measure(self.network, self.loss, self._gatherer(x, y), index[None])
        return {f"{part}_{name}": float(value[0]) for name, value in found.items()}

    def predict(self, x: Array) -> Array:
        """Class probabilities (N, classes) or predicted targets (N, targets) for raw inputs (N, ...).

        Raises:
            UsageError: inputs that are infinite once they are scaled and in the network's dtype.
        """
        y = np.zeros((len(x), *self.data.y.shape[1:]), self.data.y.dtype)
        outs, done = [], 0
        with exact():
            for batch in self._gatherer(x, y).batches(np.arange(len(x))[None], batch_size(self.network)):
                bad = np.flatnonzero(~np.isfinite(batch.x[0].reshape(batch.x.shape[1], -1)).all(-1))
                if len(bad):
                    raise UsageError(
                        f"sample {done + bad[0]} (counted from 0) is too far from the training part's samples to "
                        f"compute with in {self.network.store.dtype}"
                    )
                done += batch.x.shape[1]
                z = self.network.forward(batch.x, training=False)[0]
                outs.append(self.loss.probabilities(z) if self.data.classes else z.copy())
        return np.concatenate(outs)


def outputs(data: Data) -> int:
    """How many outputs a network for these data has."""
    return len(data.classes) if data.task == "classification" else int(data.y.shape[1])


def _fill(view: Array, stored: Array) -> None:
    if view.shape != stored.shape or view.dtype != stored.dtype:
        raise ValueError(f"stored {stored.dtype} {stored.shape}, expected {view.dtype} {view.shape}")
    view[...] = stored
