"""The study in JAX, tuned: random orders and first weights are made beforehand, and devices share the runs.

XLA hardly spreads operations this small over threads. With two devices it sees the processor as two, each of which
trains half of the runs. The last batch of an epoch is short; it is filled up with samples of weight 0.

What was tried for the steady state with two devices, as multiples of its time: random bits from ``rbg`` 3.7, from
``unsafe_rbg`` 1.9, 8 of them instead of 16 for a unit 2; one gather for an epoch instead of one for each step,
``unroll``, and XLA's optimization level 1, which compiles in four fifths of the time, 1; level 0 8; vectors of 512 bits
0.87. Donated buffers are not worth a word here: all inputs and outputs together are 10 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from study_common import BATCH, CLASSES, HIDDEN, LR, Run, digits, split

X, Y = digits()
SAMPLES = len(split(Y, 0)[0])
STEPS = -(-SAMPLES // BATCH)
WEIGHTS = (np.arange(STEPS * BATCH) < SAMPLES).astype(np.float32).reshape(STEPS, BATCH)


def inputs(study: list[Run], epochs: int) -> dict[str, Any]:
    """What each run is given, a row for each: first weights, orders, validation part, dropout rate, seed."""
    networks, orders, val_parts = [], np.zeros((len(study), epochs, STEPS * BATCH), np.int32), []
    for k, run in enumerate(study):
        train_part, val_part = split(Y, run.seed)
        rng = np.random.default_rng([run.seed, 1])
        networks.append(
            {
                "w1": rng.normal(0, np.sqrt(2 / 64), (64, HIDDEN)).astype(np.float32),
                "b1": np.zeros(HIDDEN, np.float32),
                "w2": rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, CLASSES)).astype(np.float32),
                "b2": np.zeros(CLASSES, np.float32),
            }
        )
        for epoch in range(epochs):
            orders[k, epoch, :SAMPLES] = rng.permutation(train_part)
        val_parts.append(val_part)
    return {
        "net": {name: np.stack([net[name] for net in networks]) for name in networks[0]},
        "orders": orders.reshape(len(study), epochs, STEPS, BATCH),
        "val": np.stack(val_parts).astype(np.int32),
        "rate": np.array([run.rate for run in study], np.float32),
        "seed": np.array([run.seed for run in study], np.uint32),
    }


def program(epochs: int, devices: int) -> tuple[Any, Callable[[list[Run]], tuple[Any, ...]]]:
    """The study, to be compiled, and what makes its inputs and lays them on the devices."""

    def forward(net: Any, x: Any, mask: Any = None) -> Any:
        h = jax.nn.relu(x @ net["w1"] + net["b1"])
        return (h if mask is None else h * mask) @ net["w2"] + net["b2"]

    def losses(z: Any, labels: Any) -> Any:
        return jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, labels[:, None], -1)[:, 0]

    def train(run: dict[str, Any]) -> Any:
        x, y = jnp.asarray(X), jnp.asarray(Y.astype(np.int32))
        val_x, val_y = x[run["val"]], y[run["val"]]
        # 16 random bits for each unit are enough, as in dltricks.
        threshold = jnp.round(run["rate"] * 65536).astype(jnp.uint16)
        scale = 1 / (1 - threshold.astype(jnp.float32) / 65536)

        def objective(net: Any, batch: Any, labels: Any, weights: Any, mask: Any) -> Any:
            z = forward(net, batch, mask)
            total = (losses(z, labels) * weights).sum()
            right = ((z.argmax(-1) == labels) * weights).sum()
            return total / weights.sum(), jnp.stack([total, right])

        def step(state: Any, given: Any) -> Any:
            net, m, v, t = state
            index, weights, key = given
            mask = (jax.random.bits(key, (BATCH, HIDDEN), jnp.uint16) >= threshold) * scale
            g, sums = jax.grad(objective, has_aux=True)(net, x[index], y[index], weights, mask)
            t += 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            rate, root = LR / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
            net = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + 1e-8), net, m, v)
            return (net, m, v, t), sums

        def epoch(state: Any, given: Any) -> Any:
            order, number = given
            keys = jax.random.split(jax.random.fold_in(jax.random.key(run["seed"]), number), STEPS)
            state, sums = lax.scan(step, state, (order, WEIGHTS, keys))
            z = forward(state[0], val_x)
            found = jnp.stack([losses(z, val_y).mean(), (z.argmax(-1) == val_y).mean()])
            return state, jnp.concatenate([sums.sum(0) / SAMPLES, found])

        zeros = jax.tree.map(jnp.zeros_like, run["net"])
        numbers = jnp.arange(run["orders"].shape[0])
        state, metrics = lax.scan(epoch, (run["net"], zeros, zeros, jnp.float32(0)), (run["orders"], numbers))
        return state[0], metrics

    study = jax.vmap(train)
    if devices == 1:
        return jax.jit(study), lambda study: (jax.device_put(inputs(study, epochs)),)
    mesh = jax.make_mesh((devices,), ("runs",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.PartitionSpec("runs")
    spread = jax.sharding.NamedSharding(mesh, rows)
    study = jax.shard_map(study, mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False)
    return jax.jit(study), lambda study: (jax.device_put(inputs(study, epochs), spread),)
