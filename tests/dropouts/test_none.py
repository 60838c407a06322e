from __future__ import annotations

from dltricks.core import registry
from dltricks.core.architecture import Parts
from dltricks.dropouts.none import None_


def test_an_architecture_leaves_it_out() -> None:
    parts = Parts(registry.load("activation", "tanh")(), registry.load("normalization", "none")(), None_(), [])
    assert [layer.name() for layer in parts.after_weights()] == ["tanh"]
    assert parts.on_weights() == []
