"""Arrays of numbers from .npy and .npz files, which nobody has vouched for.

No pickle is executed, and no array is allocated before the bytes that it needs are known to be there.
"""

from __future__ import annotations

import errno
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from dltricks.core.errors import DamagedError, UsageError
from dltricks.core.refusals import refusal
from dltricks.core.types import Array

# DEFLATE cannot expand a byte to more than this; a member that claims more than that lies about its size.
_DEFLATE_LIMIT = 1032
_WELL_PACKED, _SMALL = 200, 2**26
"""A file that unpacks to more than 64 MiB and 200 times its size holds next to nothing, or is a trap."""
_BROKEN = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError)
"""What numpy and zipfile raise for a file that is not what it says; RuntimeError for encryption and unknown methods."""


def read_array_inputs(path: Path, shape: tuple[int, ...]) -> Array:
    """New inputs (N, *shape) for a trained model: from a .npy file, or ``x`` of an .npz file.

    Raises:
        UsageError: another kind of file, or an array that does not fit.
        DamagedError: a broken file.
        FileSystemError: missing or unreadable.
    """
    if path.suffix == ".npy":
        x = read_npy(path)
    elif path.suffix == ".npz":
        arrays = read_npz(path)
        if "x" not in arrays:
            raise UsageError(f"{path}: no array 'x' (found: {', '.join(arrays) or 'none'})")
        x = arrays["x"]
    else:
        raise UsageError(f"{path}: inputs for this model come as .npy, or as .npz with an array 'x'")
    check_numbers(path, "x", x)
    expected = ", ".join(["N", *map(str, shape)])
    if x.shape == shape:
        raise UsageError(f"{path}: 'x' is one sample {x.shape}; give it a leading axis: (1, {expected[3:]})")
    if x.shape[1:] != shape:
        raise UsageError(f"{path}: 'x' has the shape {x.shape}, but the model was trained on ({expected})")
    if not len(x):
        raise UsageError(f"{path}: 'x' holds no samples")
    return x


def check_numbers(path: Path, name: str, array: Array) -> None:
    """Refuses an array that does not hold finite real numbers.

    Raises:
        DamagedError: text, complex numbers, dates.
        UsageError: NaN or infinity.
    """
    if array.dtype.kind not in "biuf":
        raise DamagedError(f"{path}: '{name}' holds {array.dtype}, but numbers are needed")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise UsageError(f"{path}: '{name}' holds {array[where]} at {list(where)}; only finite numbers can be used")


def read_npy(path: Path) -> Array:
    """The array of a .npy file, in the machine's byte order.

    Raises:
        DamagedError, FileSystemError: as ``read_npz``.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path, path.name, path.stat().st_size)
    except _BROKEN as error:
        raise DamagedError(f"{path}: not a whole .npy file ({error})") from error
    except OSError as error:
        raise refusal(path, error) from error


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file by name, in the machine's byte order.

    Raises:
        DamagedError: a broken zip, an array that is not of the size its header says or unpacks to far more than is
            there, or one of Python objects, which only a pickle could restore.
        FileSystemError: missing or unreadable.
    """
    arrays: dict[str, Array] = {}
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.compress_size for member in members) > size:
                raise DamagedError(f"{path}: its arrays claim more bytes than the file has")
            unpacked = sum(member.file_size for member in members)
            if unpacked > max(_SMALL, _WELL_PACKED * size):
                raise DamagedError(
                    f"{path}: its arrays claim {unpacked} bytes, more than {_WELL_PACKED} times its size; "
                    "if that is meant, save it unpacked with numpy.savez"
                )
            for member in members:
                name = member.filename.removesuffix(".npy")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise DamagedError(f"{path}: '{name}' is packed in a way that numpy does not write")
                if name in arrays:
                    raise DamagedError(f"{path}: two arrays are named '{name}'")
                limit = _DEFLATE_LIMIT if member.compress_type == zipfile.ZIP_DEFLATED else 1
                if member.file_size > limit * member.compress_size:
                    raise DamagedError(f"{path}: '{name}' claims {member.file_size} bytes, more than the file can hold")
                with archive.open(member) as file:
                    arrays[name] = _read(file, path, name, member.file_size)
    except _BROKEN as error:
        raise DamagedError(f"{path}: not a whole .npz file ({error})") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a place before the file's beginning, where its directory sends us
            raise DamagedError(f"{path}: not a whole .npz file ({error})") from error
        raise refusal(path, error) from error
    return arrays


def _read(file: IO[bytes], path: Path, name: str, size: int) -> Array:
    """One array of the .npy format, ``size`` bytes with its header."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:  # 3.0 differs from 2.0 in structured types only
        raise DamagedError(f"{path}: '{name}' is of .npy version {version[0]}.{version[1]}, allowed: 1.0 and 2.0")
    if dtype.hasobject:
        raise DamagedError(f"{path}: '{name}' holds Python objects, which are never loaded; save plain numbers")
    wanted, there = prod(shape) * dtype.itemsize, size - file.tell()
    if wanted != there:
        raise DamagedError(f"{path}: the header of '{name}' promises {wanted} bytes, but {there} are there")
    file.seek(0)
    array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
