"""The study in JAX: all runs as one compiled program. ``study_jax_ordinary.py`` and ``study_jax_tuned.py`` say how.

    python benchmarks/study_jax.py --runs-dir DIR [--epochs 30] [--style tuned] [--devices 2] [--steady]

Prints seconds as JSON: ``import``, ``inputs``, ``compile``, ``call``, ``write``, and with ``--steady`` also ``steady``,
a second study with other seeds after all else is done: its inputs, the call, and the results fetched, but no files.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from study_common import Array, config, options, runs, table, write

FLAGS = "--xla_force_host_platform_device_count={} --xla_backend_optimization_level=1 --xla_cpu_prefer_vector_width=512"
"""Of the tuned program; the ordinary one leaves XLA alone."""


def main() -> None:
    """Trains all runs."""
    parser = options(__doc__)
    parser.add_argument("--devices", type=int, help="of the tuned program")
    parser.add_argument("--steady", action="store_true")
    arguments = parser.parse_args()
    ordinary = arguments.style == "ordinary"
    if ordinary and arguments.devices is not None:
        parser.error("--devices goes with --style tuned")
    epochs, devices, seconds = arguments.epochs, arguments.devices or 2, {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - began

    def fetch(found: Any) -> tuple[dict[str, Array], Array]:
        nets, metrics = found
        return {name: np.asarray(value) for name, value in nets.items()}, np.asarray(metrics)

    with timed("import"):
        if ordinary:
            import study_jax_ordinary

            train, inputs = study_jax_ordinary.program(epochs)
        else:
            # Read when jax is first used.
            os.environ["XLA_FLAGS"] = FLAGS.format(devices)
            import study_jax_tuned

            train, inputs = study_jax_tuned.program(epochs, devices)
    with timed("inputs"):
        given = inputs(runs())
    with timed("compile"):
        compiled = train.lower(*given).compile()
    with timed("call"):
        nets, metrics = fetch(compiled(*given))
    with timed("write"):
        for k, run in enumerate(runs()):
            weights = {name: value[k] for name, value in nets.items()}
            write(arguments.runs_dir / run.name, config(run, epochs), table(metrics[k].tolist()), weights)
    if arguments.steady:
        with timed("steady"):
            fetch(compiled(*inputs(runs(len(runs())))))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
