"""The state of K runs in training, and what happens between two steps of the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np

from dltricks.core.component import stack
from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.numeric import norms
from dltricks.core.schedule import Progress
from dltricks.core.stopper import improves
from dltricks.core.types import Array
from dltricks.engine.averaging import averaged
from dltricks.engine.batches import Batch, Gatherer, Pool, fit_scale
from dltricks.engine.evaluate import Evaluator, measure, outputs, score, score_name, score_sum
from dltricks.engine.fitting import batch_size, check_augmentations
from dltricks.engine.limits import refuse_overflow
from dltricks.engine.monitor import LayerStatistics, broken_weights, first_affected
from dltricks.engine.network import Network
from dltricks.engine.numerics import exact
from dltricks.engine.recipe import Recipe
from dltricks.engine.split import splits
from dltricks.engine.state import State, capture, put_back, snapshot
from dltricks.engine.streams import Purpose, generator
from dltricks.engine.update import Updater

Line = dict[str, Any]
"""The metrics of one epoch."""
SUMS = ("loss", "score", "norm", "clipped")
"""What is summed over the steps of an epoch, the rows of ``Trainer.sums``."""


@dataclass(frozen=True)
class Failure:
    """Where a run diverged: epoch and step counted from 1, and the first layer that was not finite."""

    epoch: int
    step: int
    layer: str
    what: str


@dataclass
class Outcome:
    """How one run ended. ``weights`` are those that the result stands for: best, averaged or last."""

    status: Literal["finished", "diverged"]
    history: list[Line]
    best: Line | None
    weights: dict[str, Array]
    test: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def final(self) -> Line | None:
        return self.history[-1] if self.history else None


class Trainer:
    """K runs that differ only in seeds and numeric fields, trained as one stack.

    ``numbers`` says which of the runs handed in each replica is; a run that ends leaves the stack.
    """

    def __init__(self, recipes: Sequence[Recipe], datas: Sequence[Data]) -> None:
        """Builds the networks and draws their first weights.

        Args:
            recipes: one for each run.
            datas: each run's data; the same object where runs share it.

        Raises:
            UsageError: parts or data that cannot be trained together.
        """
        self.outcomes: list[Outcome | None] = [None] * len(recipes)
        self._all = list(zip(recipes, datas, strict=True))
        with exact():
            self._build(range(len(recipes)))
            refuse_overflow(self.datas, self.train_data)
            self.network.draw()
            if self.recipes[0].initializer.data_dependent:
                index = np.stack([part.train[: self.batch_size] for part in self.splits])
                batch = next(self.train_data.batches(index, self.batch_size))
                self.network.rescale(batch.x, [recipe.initializer for recipe in self.recipes])

    def _build(self, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)
        self.recipes = [self._all[n][0] for n in numbers]
        self.datas = [self._all[n][1] for n in numbers]
        self._cut()
        self._build_rules()
        self._build_data()
        self.epoch, self.step, self.t = 0, 0, 0
        self.history: list[list[Line]] = [[] for _ in numbers]
        self.best: list[Line | None] = [None] * len(numbers)
        self.best_weights: list[dict[str, Array]] = [{} for _ in numbers]
        self.alive = np.ones(len(numbers), bool)
        self.safe = snapshot(self.network)
        """Parameters and statistics at the start of the epoch, in case an update overflows."""
        self._reset_sums()

    def _cut(self) -> None:
        """Training and validation part, and the training part into batches."""
        self.splits = splits(self.recipes, self.datas)
        self.samples = len(self.splits[0].train)
        self.batch_size = batch_size(self.recipes[0], self.samples)
        self.steps = -(-self.samples // self.batch_size)

    def _build_rules(self) -> None:
        """The network, and all that acts on it."""
        recipes, data = self.recipes, self.datas[0]
        self.network = Network(recipes, data.x.shape[1:], outputs(data))
        check_augmentations(recipes, data)
        self._refuse_single_samples()
        self.store = self.network.store
        self.loss = stack([recipe.loss for recipe in recipes])
        self.penalty = stack([recipe.penalty for recipe in recipes], ndim=2)
        self.penalty.setup(self.store)
        self.clipping = stack([recipe.clipping for recipe in recipes], ndim=2)
        self.clipping.setup(self.store)
        self.update = Updater([recipe.optimizer for recipe in recipes], self.store)
        self.averaging = stack([recipe.averaging for recipe in recipes], ndim=2)
        self.averaging.setup(self.store)
        self.average_slots = [np.zeros_like(self.store.p) for _ in self.averaging.slots]

    def _build_data(self) -> None:
        """What gives the batches, and by which metric an epoch is the best."""
        datas, data = self.datas, self.datas[0]
        self.classification = data.task == "classification"
        scale = fit_scale(self.recipes, datas, self.splits)
        classes, dtype = len(data.classes), self.store.dtype
        self.train_data = Gatherer(Pool([d.x for d in datas], [d.y for d in datas]), scale, classes, dtype)
        self.val_data, self.val_index = self.train_data, np.stack([part.val for part in self.splits])
        if self.splits[0].on_test:
            xs = [d.test_x for d in datas if d.test_x is not None]
            tests = Pool(xs, [d.test_y for d in datas if d.test_y is not None])
            self.val_data = Gatherer(tests, scale, classes, dtype)
            self.val_index = np.tile(np.arange(len(xs[0])), (len(datas), 1))
        default = f"val_{score_name(self.classification)}" if self.val_index.size else "train_loss"
        self.watched = [recipe.early_stopping.watched(default) for recipe in self.recipes]

    def _refuse_single_samples(self) -> None:
        last = self.samples % self.batch_size or self.batch_size
        if last == 1:
            for layer in self.network.layers:
                if layer.needs_batch:
                    raise UsageError(
                        f"batch_size: {layer.path}'s statistics of a single sample mean nothing, and the last batch of "
                        f"{self.samples} samples in batches of {self.batch_size} is one; change it"
                    )

    def _reset_sums(self) -> None:
        self.sums = np.zeros((len(SUMS), len(self.recipes)))
        self.added = np.zeros_like(self.sums)
        self.layer_statistics: list[Line] = []
        """For ``monitor: layers``, each replica's statistics of the epoch's last step."""

    # What the loop calls, in its order

    def begin_epoch(self) -> None:
        """Draws the order of the samples and the learning rates of all steps of this epoch."""
        if self.step == 0:
            self.safe = snapshot(self.network)
        drawn: dict[tuple[int, int], Array] = {}
        for recipe, part in zip(self.recipes, self.splits, strict=True):
            key = (recipe.seeds.order, id(part))
            if key not in drawn:  # arms of a study share their seeds
                drawn[key] = generator(recipe.seeds, Purpose.ORDER, self.epoch).permutation(part.train)
        self.order = np.stack([drawn[r.seeds.order, id(s)] for r, s in zip(self.recipes, self.splits, strict=True)])
        self.lr = self._factors() * self.update.rates
        self.network.context.epoch = self.epoch
        self.network.context.batch_size = self.batch_size

    def batches(self) -> Iterator[Batch]:
        """The batches left in this epoch; ends early where no run is left to train."""
        watching = self.recipes[0].monitor == "layers"
        for batch in self.train_data.batches(self.order, self.batch_size, self.step):
            context = self.network.context
            context.step = self.step
            if watching and self.step == self.steps - 1:
                context.watch = LayerStatistics(self.network)
            self._augment(batch)
            yield batch
            context.watch = None
            if not self.alive.any():
                return

    def _factors(self) -> Array:
        """The schedules' factors, float64 (K, steps), of this epoch."""
        share, epochs = 1 / self.steps, float(self.recipes[0].epochs)
        known: dict[str, list[float]] = {}
        rows = []
        for k, (recipe, history) in enumerate(zip(self.recipes, self.history, strict=True)):
            schedule = recipe.schedule
            # Most replicas of a stack share their schedule.
            name = f"{type(schedule)} {schedule} {k if schedule.reads_history else ''}"
            if name not in known:
                moments = (Progress(self.epoch + step * share, epochs, history) for step in range(self.steps))
                known[name] = [schedule.factor(moment, share) for moment in moments]
            rows.append(known[name])
        return np.array(rows)

    def _augment(self, batch: Batch) -> None:
        for k, recipe in enumerate(self.recipes):
            for place, augmentation in enumerate(recipe.augmentation):
                rng = generator(recipe.seeds, Purpose.AUGMENT, self.epoch, place, self.step)
                augmentation.apply(batch.x[k], batch.target[k], rng)

    def check(self, batch: Batch, losses: Array) -> Array:
        """Ends every run whose loss or gradient is not finite, before it can spoil its weights.

        Returns the Euclidean norm of each replica's gradient, float64 (K,).
        """
        norm: Array = np.sqrt(np.vecdot(self.store.g, self.store.g), dtype=np.float64)
        watch = self.network.context.watch
        if isinstance(watch, LayerStatistics):
            self.layer_statistics = watch.lines()
        total = np.add.reduce(losses, -1)
        self.added[0], self.added[2] = total, norm
        if isfinite(sum(total.tolist()) + sum(norm.tolist())):
            return norm
        norm = self.added[2] = norms(self.store.g)  # a sum of squares may overflow where the norm does not
        for k in np.flatnonzero(~np.isfinite(total + norm) & self.alive):
            layer, what = first_affected(self.network, self.loss, batch, int(k))
            failure = Failure(self.epoch + 1, self.step + 1, layer, what)
            self._finish(int(k), Outcome("diverged", self.history[k], self.best[k], {}, failure=failure))
        return norm

    def count(self, batch: Batch, z: Array, clipped: Array | None) -> None:
        """Adds a step to the epoch's metrics. From here on ``step`` is the number of steps done."""
        self.t += 1
        self.step += 1
        self.added[1] = score_sum(z, batch.target, batch.labels, self.loss.top)
        self.added[3] = 0 if clipped is None else clipped
        self.sums += self.added

    def end_epoch(self) -> None:
        """Measures, remembers the best, and lets runs end."""
        self.averaging.after_epoch(self.store, self.epoch + 1, *self.average_slots)
        # An activation may cut infinite outputs off, so that no measurement sees the weights that they come from.
        broken = {int(k): broken_weights(self.weights(int(k))) for k in np.flatnonzero(self.alive & ~self._finite())}
        with averaged(self):
            found = measure(self.network, self.loss, self.val_data, self.val_index) if self.val_index.size else {}
            self.epoch, self.step = self.epoch + 1, 0
            for k in np.flatnonzero(self.alive):
                line = self._line(int(k), found)
                if int(k) not in broken and all(isfinite(value) for value in line.values() if isinstance(value, float)):
                    self.history[k].append(line)
                    self._remember(int(k), line)
                else:
                    layer, what = broken.get(int(k)) or ("validation", "loss")
                    failure = Failure(self.epoch, self.steps, layer, what)
                    self._finish(int(k), Outcome("diverged", self.history[k], self.best[k], {}, failure=failure))
        self._reset_sums()
        if not self.alive.all() and self.alive.any():
            self._select(np.flatnonzero(self.alive))

    def _finite(self) -> Array:
        """Whether each replica's weights and running statistics are, bool (K,)."""
        found: Array = np.logical_and.reduce(np.isfinite(self.store.p), -1)
        for array in self.network.statistics().values():
            found &= np.logical_and.reduce(np.isfinite(array).reshape(len(found), -1), -1)
        return found

    def so_far(self, k: int) -> tuple[float, float]:
        """(loss, score) of replica k over the steps of this epoch that are done, of which there must be one."""
        done = min(self.step * self.batch_size, self.samples)
        return float(self.sums[0, k] / done), float(score(self.sums[1], done, self.classification)[k])

    @property
    def active(self) -> bool:
        """Whether any run has epochs left."""
        return bool(self.alive.any())

    # The end of an epoch, piece by piece

    def _line(self, k: int, found: dict[str, Array]) -> Line:
        sums = dict(zip(SUMS, map(float, self.sums[:, k]), strict=True))
        name = score_name(self.classification)
        line: Line = {
            "epoch": self.epoch,
            "train_loss": sums["loss"] / self.samples,
            f"train_{name}": float(score(self.sums[1], self.samples, self.classification)[k]),
        }
        line |= {f"val_{metric}": float(values[k]) for metric, values in found.items()}
        line |= {
            "lr": float(self.lr[k, -1]),
            "grad_norm": sums["norm"] / self.steps,
            "clipped": sums["clipped"] / self.steps,
        }
        if self.layer_statistics:
            line["layers"] = self.layer_statistics[k]
        return line

    def _remember(self, k: int, line: Line) -> None:
        recipe, metric = self.recipes[k], self.watched[k]
        best = self.best[k]
        if best is None or improves(metric, line[metric], best[metric]):
            self.best[k] = line
            if recipe.early_stopping.restore_best:
                self.best_weights[k] = self.weights(k)
        if self.epoch == recipe.epochs or recipe.early_stopping.stop(self.history[k], metric):
            weights = self.best_weights[k] or self.weights(k)
            self._finish(k, Outcome("finished", self.history[k], self.best[k], weights))

    def _finish(self, k: int, outcome: Outcome) -> None:
        broken = broken_weights(outcome.weights)
        if broken is not None:  # by an update that nothing was measured after
            outcome.status, outcome.failure = "diverged", Failure(self.epoch, self.steps, *broken)
        if outcome.status == "diverged":
            outcome.weights = self._last_finite(k)
        elif self.datas[k].test_x is not None:
            evaluator = Evaluator.restore(self.recipes[k], self.datas[k], outcome.weights)
            outcome.test = evaluator.measure("test")
            if not all(map(isfinite, outcome.test.values())):
                outcome.status, outcome.failure = "diverged", Failure(self.epoch, self.steps, "test", "loss")
                outcome.test = {}
        self.outcomes[self.numbers[k]] = outcome
        self.alive[k] = False

    def _last_finite(self, k: int) -> dict[str, Array]:
        weights = self.weights(k)
        if broken_weights(weights) is None:
            return weights
        # The update itself overflowed, or statistics took in the step that failed: back to the start of the epoch.
        safe_p, safe_statistics = self.safe
        start = {parameter.path: view[k].copy() for parameter, view in self.store.views(safe_p)}
        return start | {path: array[k].copy() for path, array in safe_statistics.items()}

    # What a replica is between two steps

    def weights(self, k: int) -> dict[str, Array]:
        """Copies of a replica's parameters and running statistics by path."""
        stored = {parameter.path: view[k].copy() for parameter, view in self.store.views(self.store.p)}
        return stored | {path: array[k].copy() for path, array in self.network.statistics().items()}

    def state(self, k: int) -> State:
        """Everything that replica k needs to go on, between two steps."""
        return capture(self, k)

    def restore(self, states: Sequence[State]) -> None:
        """Puts every replica where ``state`` found it; see ``put_back``."""
        put_back(self, states)

    def _select(self, kept: Array) -> None:
        states = [self.state(int(k)) for k in kept]
        self._build([self.numbers[int(k)] for k in kept])
        self.restore(states)
