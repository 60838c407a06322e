from __future__ import annotations

from layers.bench import Bench, inputs

from dltricks.activations.identity import Identity


def test_it_hands_on_the_very_array() -> None:
    bench = Bench(Identity())
    x = inputs(1, 3, (12,))
    assert bench.forward(x) is x
    assert bench.layer.backward(x) is x
