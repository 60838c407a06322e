"""How much memory a stack takes."""

from __future__ import annotations

from dltricks.engine.trainer import Trainer


def replica_bytes(run: Trainer) -> int:
    """Bytes that each further replica of a stack adds, after a step: parameters, slots, and buffers of layers."""
    store = run.store
    flat = [store.p, store.g, *run.update.slots, *run.average_slots]
    # Beside these the safe copy, the best weights, and the state that a checkpoint copies.
    numbers = 2 * sum(array.nbytes for array in flat) + 2 * store.p.nbytes
    buffers = sum(arena.nbytes for layer in run.network.layers for arena in layer.arenas())
    buffers += sum(arena.nbytes for arena in run.network.chain.workspace.arenas)
    return (numbers + buffers) // len(run.numbers)
