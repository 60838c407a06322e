"""The IDX format of MNIST and its kin: a header of sizes, then bytes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from dltricks.core.dataset import Data, Files
from dltricks.core.errors import DamagedError
from dltricks.core.refusals import refusal
from dltricks.core.types import Array

GZIP_MAGIC = b"\x1f\x8b"
BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a damaged gzip stream raises."""

_UNSIGNED_BYTE = 0x08
_BLOCK = 1 << 18
_PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def open_plain(path: Path) -> BinaryIO:
    """A file's uncompressed content: gzip is known by its first bytes, not by its name."""
    with path.open("rb") as file:
        magic = file.read(2)
    return cast(BinaryIO, gzip.open(path)) if magic == GZIP_MAGIC else path.open("rb")


def read_idx(path: Path) -> Array:
    """The array of unsigned bytes in an IDX file, gzip or plain; read-only.

    The header is a claim until the content has the size it gives; nothing is allocated by it.

    Reference: https://yann.lecun.com/exdb/mnist/ ("The IDX file format")

    Raises:
        DamagedError: not an IDX file of bytes, or longer or shorter than its header says.
        FileSystemError: unreadable.
    """
    try:
        # Grown in place: read() alone would gather pieces and join them, with twice the memory at its peak.
        content = bytearray()
        with open_plain(path) as file:
            while block := file.read(_BLOCK):
                content += block
    except BROKEN_GZIP as error:
        raise DamagedError(f"{path}: broken gzip file ({error}); delete it to have it downloaded again") from error
    except OSError as error:
        raise refusal(path, error) from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE or content[3] == 0:
        raise DamagedError(f"{path}: not an IDX file of unsigned bytes (it begins with {content[:4].hex()})")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise DamagedError(f"{path}: an IDX header of {header} bytes, but the file has {len(content)}")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if prod(shape) != len(content) - header:
        raise DamagedError(
            f"{path}: the header promises {' x '.join(map(str, shape))} bytes, but {len(content) - header} follow it"
        )
    array = np.frombuffer(content, np.uint8, offset=header).reshape(shape)
    array.flags.writeable = False
    return array


def load_idx_images(
    files: Files, folder: str, sums: Mapping[str, str], mirrors: Sequence[str], classes: Sequence[str]
) -> Data:
    """A data set in MNIST's four files.

    Args:
        files: finds them.
        folder: their folder's name.
        sums: SHA-256 of each uncompressed file, by name.
        mirrors: addresses of folders that hold ``<name>.gz``.
        classes: names of the classes.

    Raises:
        DamagedError: a file that is not what its sum or header says, or images and labels that do not match.
    """
    arrays = {}
    for name in _PARTS:
        urls = [f"{mirror}/{name}.gz" for mirror in mirrors]
        arrays[name] = read_idx(files.locate(folder, name, sums[name], urls, compressed=True))
    x, y, test_x, test_y = (arrays[name] for name in _PARTS)
    for images, labels in ((x, y), (test_x, test_y)):
        if images.ndim != 3 or labels.shape != images.shape[:1] or images.shape[1:] != x.shape[1:]:
            raise DamagedError(f"{folder}: images {images.shape} and labels {labels.shape} do not belong together")
        if not labels.size or labels.max() >= len(classes):
            raise DamagedError(f"{folder}: labels must lie in 0..{len(classes) - 1}")
    return Data(
        task="classification",
        x=x[..., np.newaxis],
        y=y.astype(np.int64),
        test_x=test_x[..., np.newaxis],
        test_y=test_y.astype(np.int64),
        classes=classes,
        interval=(0.0, 255.0),
    )
