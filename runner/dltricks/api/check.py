"""Validates an experiment and describes its network without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from dltricks.api.session import Overrides, PathLike, open_experiment
from dltricks.experiment.resolve import Experiment


@dataclass(frozen=True)
class Check:
    """A valid experiment and what it would train."""

    experiment: Experiment = field(repr=False)
    layers: list[dict[str, Any]] = field(repr=False)
    """layer, output (shape of one sample), parameters, and flops of the forward pass of one sample.

    What acts on weights, such as weight normalization, has no output for a sample, and works once for all of them.
    """
    samples: int
    """Size of the training part."""
    validation: int
    """Size of the validation part."""
    test: int
    """Size of the test part."""
    steps: int
    """Steps of an epoch."""

    @property
    def parameters(self) -> int:
        """Trainable numbers of the whole network."""
        return sum(layer["parameters"] for layer in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass of one sample."""
        return sum(layer["flops"] for layer in self.layers)


def check(
    file: PathLike,
    overrides: Overrides = (),
    *,
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    quiet: bool = True,
    **values: Any,
) -> Check:
    """Does all that comes before the first step: resolves, loads the data, builds the network.

    Args:
        file: the experiment file.
        overrides: values laid over the file's: ``["optimizer.lr=0.1"]`` or ``{"optimizer.lr": 0.1}``.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        quiet: whether a download shows no progress bar.
        values: further values as arguments, such as ``dropout=0.5``.

    Raises:
        UsageError, DamagedError: as ``train`` would.
    """
    opened = open_experiment(file, overrides, values, plugins=plugins)
    trainer = opened.trainer(data_dir, quiet=quiet)
    layers = [
        {
            "layer": layer.path,
            "output": "" if layer.on_weights else "x".join(map(str, layer.out_shape)),
            "parameters": sum(prod(d.parameter.shape) for d in layer.declarations),
            "flops": 0 if layer.on_weights else layer.operations(layer.in_shape),
        }
        for layer in trainer.network.layers
        if layer.path
    ]
    test = trainer.datas[0].test_x
    return Check(
        opened.experiment,
        layers,
        trainer.samples,
        int(trainer.val_index.shape[1]),
        0 if test is None else len(test),
        trainer.steps,
    )
