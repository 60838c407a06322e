"""The state of one replica between two steps: everything that training needs to go on bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dltricks.core.types import Array
from dltricks.engine.network import Network

if TYPE_CHECKING:
    from dltricks.engine.trainer import Trainer

Snapshot = tuple[Array, dict[str, Array]]
"""Copies of a stack's parameters (K, P) and of its running statistics by path."""


@dataclass
class State:
    """Named arrays, and what fits into JSON. Restoring it and going on equals never having stopped."""

    arrays: dict[str, Array] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


def capture(run: Trainer, k: int) -> State:
    """Copies everything that replica k needs to go on."""
    arrays = {"p": run.store.p[k]}
    arrays |= {f"slot.{name}": a[k] for name, a in zip(run.update.rule.slots, run.update.slots, strict=True)}
    arrays |= {f"average.{name}": a[k] for name, a in zip(run.averaging.slots, run.average_slots, strict=True)}
    arrays |= {f"running.{path}": array[k] for path, array in run.network.statistics().items()}
    arrays["safe.p"] = run.safe[0][k]
    arrays |= {f"safe.running.{path}": array[k] for path, array in run.safe[1].items()}
    arrays |= {f"best.{path}": array for path, array in run.best_weights[k].items()}
    meta = {
        "epoch": run.epoch,
        "step": run.step,
        "t": run.t,
        "history": list(run.history[k]),
        "best": run.best[k],
        "sums": run.sums[:, k].tolist(),
        "layers": run.layer_statistics[k] if run.layer_statistics else None,
    }
    return State({name: array.copy() for name, array in arrays.items()}, meta)


def broken(state: State) -> str | None:
    """The first array of weights or statistics that holds NaN or infinity, as an update that overflowed leaves them.

    An optimizer's slots may hold infinity: a step divided by it is 0.
    """
    arrays = ((name, array) for name, array in state.arrays.items() if not name.startswith("slot."))
    return next((name for name, array in arrays if not np.isfinite(array).all()), None)


def put_back(run: Trainer, states: Sequence[State]) -> None:
    """Puts every replica where ``capture`` found it. All must be at the same step of the same epoch.

    Raises:
        KeyError, ValueError: a state of another configuration; nothing has been put anywhere.
    """
    for k, state in enumerate(states):
        _check_arrays(state.arrays, capture(run, k).arrays, run.weights(k))
        _check_plain(state.meta, run, k)
        if (state.meta["epoch"], state.meta["step"]) != (states[0].meta["epoch"], states[0].meta["step"]):
            raise ValueError("replicas of one stack must be at the same step")
    run.epoch, run.step, run.t = (states[0].meta[name] for name in ("epoch", "step", "t"))
    for k, state in enumerate(states):
        arrays, meta = state.arrays, state.meta
        run.store.p[k] = arrays["p"]
        for name, slot in zip(run.update.rule.slots, run.update.slots, strict=True):
            slot[k] = arrays[f"slot.{name}"]
        for name, slot in zip(run.averaging.slots, run.average_slots, strict=True):
            slot[k] = arrays[f"average.{name}"]
        for path, array in run.network.statistics().items():
            array[k] = arrays[f"running.{path}"]
            run.safe[1][path][k] = arrays[f"safe.running.{path}"]
        run.safe[0][k] = arrays["safe.p"]
        best = {name[5:]: array for name, array in arrays.items() if name.startswith("best.")}
        run.best_weights[k], run.best[k], run.history[k] = best, meta["best"], list(meta["history"])
        run.sums[:, k] = meta["sums"]
    if states[0].meta["layers"]:
        run.layer_statistics = [state.meta["layers"] for state in states]


def _check_arrays(found: dict[str, Array], present: dict[str, Array], weights: dict[str, Array]) -> None:
    """Numpy would stretch a number over a whole array, and cut a float64 to size, without a word."""
    wanted = {name: array for name, array in present.items() if not name.startswith("best.")}
    if any(name.startswith("best.") for name in found):
        wanted |= {f"best.{path}": array for path, array in weights.items()}
    for name in [*wanted, *found]:
        if name not in found or name not in wanted:
            raise ValueError(f"{name} is {'missing' if name in wanted else 'unknown'}")
        array, like = found[name], wanted[name]
        if array.shape != like.shape or array.dtype != like.dtype:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, and {like.dtype} {like.shape} is needed")


def _check_plain(meta: dict[str, Any], run: Trainer, k: int) -> None:
    epoch, step, history = meta["epoch"], meta["step"], meta["history"]
    if not all(type(meta[name]) is int for name in ("epoch", "step", "t")):
        raise ValueError("its place in training is not in whole numbers")
    last = run.recipes[k].epochs
    if not (0 <= epoch < last and 0 <= step <= run.steps and meta["t"] == epoch * run.steps + step):
        raise ValueError(f"step {meta['t']}, which is step {step} of epoch {epoch + 1}, is no place in this training")
    lines = history if isinstance(history, list) and all(isinstance(line, dict) for line in history) else []
    numbered = [line.get("epoch") for line in lines] == list(range(1, epoch + 1))
    if not numbered or not all(type(line.get(run.watched[k])) is float for line in lines):
        raise ValueError(f"its metrics are not those of {epoch} epochs")
    if meta["best"] not in (lines or [None]):
        raise ValueError("its best epoch is none of its epochs")
    sums = np.array(meta["sums"])
    if sums.dtype.kind not in "if" or sums.shape != run.sums[:, k].shape or not np.isfinite(sums).all():
        raise ValueError("its sums of the epoch so far are not finite numbers")
    if not isinstance(meta["layers"], dict | None):
        raise ValueError("its statistics of layers are none")


def snapshot(network: Network) -> Snapshot:
    """What the network holds now."""
    return network.store.p.copy(), {path: array.copy() for path, array in network.statistics().items()}
