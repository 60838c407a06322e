"""A trained network's weights as a safetensors file, with the scaling of the inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.engine.evaluate import Evaluator


def safetensors_file(evaluator: Evaluator, about: Mapping[str, Any]) -> bytes:
    """The file's content: all arrays of ``weights.npz`` under the same names and in the same layout, kernels
    (inputs, outputs) or (height, width, inputs, outputs), then ``scaling.shift``, ``scaling.factor``, and
    ``scaling.fill`` where there are gaps to fill: x <- (x - shift) factor.

    Args:
        evaluator: the trained run.
        about: notes to keep in the file's header, as JSON under the name ``dltricks``.

    Raises:
        UsageError: safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise UsageError(
            f'a safetensors file needs safetensors, which is missing: pip install "dltricks[safetensors]" ({error})'
        ) from None
    network, scale = evaluator.network, evaluator.scale
    arrays = {parameter.path: view[0] for parameter, view in network.store.views(network.store.p)}
    arrays |= {path: array[0] for path, array in network.statistics().items()}
    arrays |= {"scaling.shift": scale.shift[0, 0], "scaling.factor": scale.factor[0, 0]}
    if scale.fill is not None:
        arrays["scaling.fill"] = scale.fill[0, 0]
    # One note, for the library writes several in any order.
    notes = {"dltricks": json.dumps(dict(about))}
    return bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, notes))
