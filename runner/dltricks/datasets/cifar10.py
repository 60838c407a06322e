"""CIFAR-10: 60,000 colour photographs of 32x32 pixels in 10 classes."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.errors import DamagedError
from dltricks.core.idx import BROKEN_GZIP
from dltricks.core.refusals import refusal
from dltricks.core.types import Array

_NAME = "cifar-10-binary.tar.gz"
_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_URLS = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
)
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_SAMPLES = 10_000  # in each member
_RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane, row by row
_MEMBERS = [f"cifar-10-batches-bin/{name}.bin" for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")]


@dataclass
class Cifar10(Dataset):
    """x: (50000, 32, 32, 3), red, green, blue 0..255        y: 10 kinds of things        test: 10,000

    The archive of the binary version, which needs no pickle, lies in a folder ``cifar10``; docs/data.md says
    where that is looked for. Its SHA-256 is that of TensorFlow Datasets; the publisher gives an MD5 sum only.

    Reference: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html
    Suggested: tricks for images.
    Does not help when the network is a multilayer perceptron: those end near 55 %.
    """

    def load(self, files: Files, seed: int) -> Data:
        x, y = read_binary_archive(files.locate("cifar10", _NAME, _SHA256, _URLS, compressed=False))
        train = _SAMPLES * 5
        return Data(
            "classification",
            x[:train],
            y[:train],
            x[train:],
            y[train:],
            classes=_CLASSES,
            interval=(0.0, 255.0),
        )


def read_binary_archive(path: Path) -> tuple[Array, Array]:
    """(images, labels) of the six members in order, read in memory by their names; no path is ever written.

    Raises:
        DamagedError: a member is missing or of another size, a label above 9, or a broken archive.
        FileSystemError: unreadable.
    """
    x = np.empty((_SAMPLES * len(_MEMBERS), 32, 32, 3), np.uint8)
    y = np.empty(len(x), np.int64)
    wanted = set(_MEMBERS)
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                if member.name not in wanted:
                    continue
                if not member.isfile() or member.size != _SAMPLES * _RECORD:
                    raise DamagedError(f"{path}: {member.name} has {member.size} bytes, not {_SAMPLES * _RECORD}")
                file = archive.extractfile(member)
                content = file.read() if file is not None else b""
                if len(content) != member.size:
                    raise DamagedError(f"{path}: {member.name} ends early")
                records = np.frombuffer(content, np.uint8).reshape(_SAMPLES, _RECORD)
                at = _MEMBERS.index(member.name) * _SAMPLES
                y[at : at + _SAMPLES] = records[:, 0]
                planes = records[:, 1:].reshape(_SAMPLES, 3, 32, 32)
                x[at : at + _SAMPLES] = planes.transpose(0, 2, 3, 1)
                wanted.remove(member.name)
    except (tarfile.TarError, *BROKEN_GZIP) as error:
        raise DamagedError(f"{path}: broken archive ({error})") from error
    except OSError as error:
        raise refusal(path, error) from error
    if wanted:
        raise DamagedError(f"{path}: {min(wanted)} is missing")
    if y.max() >= len(_CLASSES):
        raise DamagedError(f"{path}: label {y.max()}; CIFAR-10 has 0..9")
    return x, y
