"""Writes a commented experiment file to begin with."""

from __future__ import annotations

from pathlib import Path

from dltricks.api.session import PathLike
from dltricks.core.errors import UsageError
from dltricks.runs import files

STARTER = """\
# Train with:   dltricks train {file}
# Look first:   dltricks check {file}
# All tricks:   dltricks tricks      one of them: dltricks tricks adam
name: {name}

# What is learned. Your own table: dataset: {{name: csv, path: data.csv, target: label}}
dataset: digits
validation: 0.1            # share kept out of training; "test" validates on the test part
scaling: unit              # inputs to [0, 1]; symmetric, standardize, none

# The network.
architecture: {{name: mlp, hidden: [64, 64]}}
activation: relu
initializer: he
normalization: none        # batch, layer, weight, group, rms
dropout: 0                 # or a rate between 0 and 1

# How it is trained.
loss: cross_entropy
optimizer: {{name: adam, lr: 1e-3}}
penalty: none              # {{name: l2, strength: 1e-4}}
clipping: none             # a number clips the gradient's norm
schedule: constant         # {{name: cosine, warmup: 1}}
early_stopping: none       # {{patience: 5}}
averaging: none            # ema, swa
epochs: 20
batch_size: 32
seed: 0

# A missed expectation ends `dltricks train` with exit code 9.
expect: {{val_accuracy: ">= 0.9"}}
"""


def init(file: PathLike = "experiment.yaml") -> Path:
    """Writes the starter file and returns its path.

    Raises:
        UsageError: the file exists; it is left as it is.
    """
    path = Path(file)
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already; give another name")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder")
    files.write_atomically(path, STARTER.format(file=path, name=_name(path)).encode())
    return path


def _name(path: Path) -> str:
    from dltricks.experiment.scalars import write_scalar
    from dltricks.runs.names import safe_label

    return write_scalar(safe_label(path.stem))
