"""The study in JAX, written plainly: ``jit`` of ``vmap`` over the runs, of ``scan`` over epochs and over their steps.

One device. Keys are split where they are needed, Adam is a line for each moment, and of the order drawn for an epoch
what does not fill a batch is left out, as is common: 50 steps instead of 51, to its advantage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from study_common import BATCH, CLASSES, HIDDEN, LR, Array, Run, digits, split


def inputs(study: list[Run]) -> tuple[Array, ...]:
    """What each run is given, a row for each: seed, dropout rate, numbers of its samples."""
    train_parts, val_parts = zip(*(split(digits()[1], run.seed) for run in study), strict=True)
    seeds, rates = np.array([run.seed for run in study]), np.array([run.rate for run in study], np.float32)
    return seeds, rates, np.stack(train_parts), np.stack(val_parts)


def first(key: Any) -> dict[str, Any]:
    """He's weights."""
    key1, key2 = jax.random.split(key)
    he = jax.nn.initializers.he_normal()
    return {
        "w1": he(key1, (64, HIDDEN)),
        "b1": jnp.zeros(HIDDEN),
        "w2": he(key2, (HIDDEN, CLASSES)),
        "b2": jnp.zeros(CLASSES),
    }


def loss_and_accuracy(net: Any, x: Any, y: Any, dropout: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """``dropout``: its key and its rate."""
    h = jax.nn.relu(x @ net["w1"] + net["b1"])
    if dropout is not None:
        key, rate = dropout
        h = jnp.where(jax.random.bernoulli(key, 1 - rate, h.shape), h / (1 - rate), 0)
    z = h @ net["w2"] + net["b2"]
    loss = -(jax.nn.log_softmax(z) * jax.nn.one_hot(y, CLASSES)).sum(-1).mean()
    return loss, (z.argmax(-1) == y).mean()


def adam(net: Any, m: Any, v: Any, t: Any, g: Any) -> tuple[Any, Any, Any]:
    """One step."""
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, v, g)
    net = jax.tree.map(lambda p, m, v: p - LR * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), net, m, v)
    return net, m, v


def program(epochs: int) -> tuple[Any, Callable[[list[Run]], tuple[Any, ...]]]:
    """The study, to be compiled, and what makes its inputs."""
    pixels, digit = map(jnp.asarray, digits())

    def train(seed: Any, rate: Any, train_part: Any, val_part: Any) -> Any:
        x, y, val_x, val_y = pixels[train_part], digit[train_part], pixels[val_part], digit[val_part]

        def step(state: Any, index: Any) -> Any:
            net, m, v, t, key = state
            key, dropout_key = jax.random.split(key)
            gradient = jax.value_and_grad(loss_and_accuracy, has_aux=True)
            found, g = gradient(net, x[index], y[index], (dropout_key, rate))
            return (*adam(net, m, v, t + 1, g), t + 1, key), jnp.stack(found)

        def epoch(state: Any, _: Any) -> Any:
            *rest, key = state
            key, order_key = jax.random.split(key)
            order = jax.random.permutation(order_key, len(x))[: len(x) // BATCH * BATCH].reshape(-1, BATCH)
            state, found = lax.scan(step, (*rest, key), order)
            return state, jnp.concatenate([found.mean(0), jnp.stack(loss_and_accuracy(state[0], val_x, val_y))])

        key, first_key = jax.random.split(jax.random.key(seed))
        net = first(first_key)
        zeros = jax.tree.map(jnp.zeros_like, net)
        state, metrics = lax.scan(epoch, (net, zeros, zeros, 0, key), length=epochs)
        return state[0], metrics

    return jax.jit(jax.vmap(train)), inputs
