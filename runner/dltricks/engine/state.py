"""The state of one replica between two steps: everything that training needs to go on bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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


def put_back(run: Trainer, states: Sequence[State]) -> None:
    """Puts every replica where ``capture`` found it. All must be at the same step of the same epoch.

    Raises:
        KeyError, ValueError: a state of another configuration.
    """
    run.epoch, run.step, run.t = (states[0].meta[name] for name in ("epoch", "step", "t"))
    for k, state in enumerate(states):
        arrays, meta = state.arrays, state.meta
        if (meta["epoch"], meta["step"]) != (run.epoch, run.step):
            raise ValueError("replicas of one stack must be at the same step")
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


def snapshot(network: Network) -> Snapshot:
    """What the network holds now."""
    return network.store.p.copy(), {path: array.copy() for path, array in network.statistics().items()}
