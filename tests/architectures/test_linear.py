from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe, run

from dltricks.architectures.linear import Linear
from dltricks.core.errors import UsageError
from dltricks.engine.network import Network

SMALL = [Linear()]


def test_it_is_one_product() -> None:
    network = Network([recipe(architecture="linear", dtype="float64")], (8, 8, 1), 10)
    network.draw()
    x = digits(5).x[None].astype(np.float64)
    W, b = (network.store.view(network.store.p, parameter)[0] for parameter in network.store.parameters)
    np.testing.assert_allclose(network.forward(x, training=False)[0], x.reshape(5, 64) @ W + b, rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "name", "nothing"),
    [
        ("normalization", "batch", "none"),
        ("dropout", "dropout", "none"),
        ("dropout", "dropconnect", "none"),
        ("activation", "relu", "identity"),
    ],
)
def test_what_could_not_act_is_refused(kind: str, name: str, nothing: str) -> None:
    with pytest.raises(UsageError, match=f"no hidden layer that {name} could act on; write {kind}: {nothing}"):
        run(recipe(architecture="linear", **{kind: name}))
