"""Every trick trains in every architecture, or refuses in words: read from the registry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from architectures.chain import small
from engine.small import digits, recipe, run

from dltricks.core import registry
from dltricks.core.errors import UsageError

IN_A_NETWORK = ("activation", "initializer", "normalization", "dropout", "loss")
ON_PARAMETERS = ("optimizer", "penalty", "clipping", "averaging")
SELECTED = [(kind, name) for kind in (*IN_A_NETWORK, *ON_PARAMETERS) for name in registry.names(kind)]


@pytest.mark.parametrize("architecture", registry.names("architecture"))
def test_every_trick_trains(architecture: str) -> None:
    form = small(architecture)[0]
    data = digits(40)
    data.x = np.pad(data.x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    refused = {}
    for kind, name in SELECTED:
        parts: dict[str, Any] = {kind: name}
        try:
            (outcome,) = run(recipe(epochs=1, architecture=form, **parts), data=data)
        except UsageError as refusal:
            refused[kind, name] = str(refusal)
            continue
        assert outcome.status == "finished", f"{kind}: {name}: {outcome.failure}"
        assert all(np.isfinite(array).all() for array in outcome.weights.values())
    assert len(refused) < len(SELECTED) / 2
    for (kind, name), text in refused.items():
        assert name in text or kind in text, text
