"""Arrays in a .npz file that has the same bytes on every machine and carries its own checksum.

The file is a plain zip of .npy members, uncompressed, so ``numpy.load`` reads it. The zip's comment, the
last bytes of the file, is ``dltricks format 0001 sha256`` and the SHA-256 of all bytes before the digits.
Reading is strict: a file counts only if writing its content again would give the same bytes. So compressed,
encrypted, doubled or lying members, pickles and foreign types are refused, and as arrays are views of the
file's bytes, no declared size can make memory be allocated.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dltricks.core.errors import DamagedError, NewerFormatError, UsageError
from dltricks.core.types import Array
from dltricks.runs import files
from dltricks.runs.files import Buffer

FORMAT = 1
LARGEST = 2**32 - 1
"""Sizes in a zip without extensions have 32 bits."""

_LOCAL, _CENTRAL, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
# version 2.0, no flags, stored, midnight, 1 January 1980
_FIXED = struct.pack("<HHHHH", 20, 0, 0, 0, 0x21)
_NAME = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_.:/+-]{0,199}\.npy")
_SHAPE = rb"((?:\d{1,15}(?:, \d{1,15})*,?)?)"
_NPY = re.compile(rb"\{'descr': '([<|][biuf][1248])', 'fortran_order': False, 'shape': \(" + _SHAPE + rb"\)\} *\n")
_SEAL = "dltricks format {:04d} sha256 "
_SEALED = re.compile(rb"dltricks format (\d{4}) sha256 ([0-9a-f]{64})")
_SEAL_SIZE = len(_SEAL.format(0)) + 64


@dataclass
class _Member:
    """What a zip says of one file in it."""

    name: bytes
    crc: int
    size: int
    offset: int

    def _common(self) -> bytes:
        return _FIXED + struct.pack("<IIIHH", self.crc, self.size, self.size, len(self.name), 0)

    def local(self) -> bytes:
        return _LOCAL + self._common() + self.name

    def central(self) -> bytes:
        # made by version 2.0 on Unix, so that the permissions (rw-r--r--) are understood
        return (
            (_CENTRAL + struct.pack("<H", 0x0314) + self._common())
            + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, self.offset)
            + self.name
        )


def _ending(members: list[_Member], offset: int) -> bytes:
    """The zip's directory, and its end as far as the digits of the seal."""
    directory = b"".join(member.central() for member in members)
    count = len(members)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), offset, _SEAL_SIZE)
    return directory + _END + end + _SEAL.format(FORMAT).encode()


def _npy_header(dtype: np.dtype[np.generic], shape: tuple[int, ...], start: int) -> bytes:
    """The header of a .npy that starts at an offset, padded so that its data lie at a multiple of 64."""
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {shape}}}"
    padding = -(start + 10 + len(text) + 1) % 64
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text) + padding + 1) + f"{text}{' ' * padding}\n".encode()


def save(path: Path, arrays: Mapping[str, Array], *, sync_name: bool = True) -> str:
    """Writes arrays in the given order, as ``files.write_atomically`` does; the SHA-256 of the whole file."""
    digest = hashlib.sha256()
    files.write_atomically(path, _sealed(pack(arrays), digest), sync_name=sync_name)
    return digest.hexdigest()


def _sealed(pieces: Iterator[Buffer], digest: hashlib._Hash) -> Iterator[Buffer]:
    for piece in pieces:
        digest.update(piece)
        yield piece
    seal = digest.hexdigest().encode()
    digest.update(seal)
    yield seal


def pack(arrays: Mapping[str, Array]) -> Iterator[Buffer]:
    """The bytes of a file up to its seal, in pieces; the arrays themselves are not copied."""
    members: list[_Member] = []
    offset = 0
    for key, array in arrays.items():
        name = f"{key}.npy".encode()
        if not _NAME.fullmatch(name) or array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise ValueError(f"cannot store {key!r} of type {array.dtype}")
        array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        data = array.reshape(-1).view(np.uint8)
        header = _npy_header(array.dtype, array.shape, offset + 30 + len(name))
        size = len(header) + data.nbytes
        if offset + size > LARGEST - 2**20:
            raise UsageError("the weights and their optimizer's state exceed the 4 GiB that one file may hold")
        member = _Member(name, zlib.crc32(data.data, zlib.crc32(header)), size, offset)
        yield member.local()
        yield header
        yield data.data
        members.append(member)
        offset += 30 + len(name) + size
    yield _ending(members, offset)


def load(path: Path, *, follow_links: bool = False) -> dict[str, Array]:
    """The arrays of a file, checked. No memory is taken for a file whose checksum is wrong.

    Raises:
        DamagedError: missing, damaged, hostile, or of a newer format.
    """
    _check_seal(path, follow_links)
    content = files.read(path, LARGEST, follow_links=follow_links)
    if content is None:
        raise DamagedError(f"{path}: missing")
    return unpack(content, path)


def _check_seal(path: Path, follow_links: bool) -> None:
    """Reads a file piece by piece, and refuses it where its checksum is wrong."""
    digest, ending = hashlib.sha256(), b""
    for piece in files.pieces(path, LARGEST, follow_links=follow_links):
        ending += piece
        digest.update(ending[:-64])
        ending = ending[-64:]
    if not re.fullmatch(rb"[0-9a-f]{64}", ending):
        raise DamagedError(f"{path}: incomplete, or not written by dltricks")
    if digest.hexdigest().encode() != ending:
        raise DamagedError(f"{path}: damaged, its checksum does not match its content")


def unpack(content: bytearray, path: Path) -> dict[str, Array]:
    """The arrays in a file's bytes, as views of them. ``path`` is for messages."""
    seal = _SEALED.fullmatch(content, max(0, len(content) - _SEAL_SIZE))
    if seal is None:
        raise DamagedError(f"{path}: incomplete, or not written by dltricks")
    body = memoryview(content)[:-64]
    if hashlib.sha256(body).hexdigest().encode() != seal[2]:
        raise DamagedError(f"{path}: damaged, its checksum does not match its content")
    if int(seal[1]) > FORMAT:
        raise NewerFormatError(
            f"{path}: format {int(seal[1])} of a newer dltricks, this one reads {FORMAT}; update dltricks"
        )
    arrays: dict[str, Array] = {}
    members: list[_Member] = []
    offset = 0
    while content.startswith(_LOCAL, offset):
        member, array = _member(content, offset, path)
        key = member.name[:-4].decode()
        if key in arrays:
            raise DamagedError(f"{path}: holds {key!r} twice")
        arrays[key] = array
        members.append(member)
        offset += 30 + len(member.name) + member.size
    if body[offset:] != _ending(members, offset):
        raise DamagedError(f"{path}: a zip archive, but not of the form that dltricks writes")
    return arrays


def _member(content: bytearray, offset: int, path: Path) -> tuple[_Member, Array]:
    """Reads one member; that it is exactly what would be written for its content is checked here."""
    view = memoryview(content)
    if len(content) < offset + 30:
        raise DamagedError(f"{path}: incomplete")
    crc, size, _, name_length = struct.unpack_from("<IIIH", content, offset + 14)
    name = bytes(view[offset + 30 : offset + 30 + name_length])
    member = _Member(name, crc, size, offset)
    start = offset + 30 + name_length
    if not _NAME.fullmatch(name) or view[offset:start] != member.local():
        raise DamagedError(f"{path}: an archive member that is not a plain array")
    if start + size > len(content):
        raise DamagedError(f"{path}: {name.decode()} declares {size} bytes, more than the file has")
    header_length = struct.unpack_from("<H", content, start + 8)[0] if size >= 10 else 0
    data = start + 10 + header_length
    header = _NPY.fullmatch(content, start + 10, data) if data <= start + size else None
    if header is None:
        raise DamagedError(f"{path}: {name.decode()} is not an array of plain numbers")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(n) for n in header[2].decode().replace(",", " ").split())
    if len(shape) > 32 or math.prod(shape) * dtype.itemsize != start + size - data:
        raise DamagedError(f"{path}: {name.decode()} declares the shape {shape}, which its data do not have")
    if view[start:data] != _npy_header(dtype, shape, start) or zlib.crc32(view[start : start + size]) != crc:
        raise DamagedError(f"{path}: {name.decode()} is damaged")
    array = np.frombuffer(content, dtype, count=math.prod(shape), offset=data).reshape(shape)
    return member, array
