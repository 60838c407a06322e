import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from core.npy import npy

from dltricks.core.errors import DamagedError, FileSystemError, UsageError
from dltricks.core.inputs import read_array_inputs, read_npy, read_npz

X = np.arange(12.0).reshape(3, 4)


def write_zip(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", ">f8", "bool"])
def test_npy_and_npz_hold_the_same(tmp_path, dtype):
    x = X.astype(dtype)
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "a.npz", x=x, other=np.zeros(1))
    np.savez_compressed(tmp_path / "b.npz", x=x)
    for name in ("a.npy", "a.npz", "b.npz"):
        read = read_array_inputs(tmp_path / name, (4,))
        np.testing.assert_array_equal(read, x)
        assert read.dtype.isnative


def test_fortran_order_and_images(tmp_path):
    x = np.asfortranarray(np.random.default_rng(0).random((2, 3, 4, 1)))
    np.save(tmp_path / "a.npy", x)
    np.testing.assert_array_equal(read_array_inputs(tmp_path / "a.npy", (3, 4, 1)), x)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5)), r"has the shape \(3, 5\), but the model was trained on \(N, 4\)"),
        (np.zeros(4), r"one sample .* leading axis: \(1, 4\)"),
        (np.zeros((0, 4)), "no samples"),
        (np.full((2, 4), np.nan), r"'x' holds nan at \[0, 0\]"),
        (np.array([[0, 0, 0, np.inf]]), r"'x' holds inf at \[0, 3\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match=message):
        read_array_inputs(tmp_path / "a.npy", (4,))


@pytest.mark.parametrize("dtype", [complex, "U1", "M8[s]"])
def test_what_is_no_array_of_numbers_is_damage(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.zeros((1, 4), dtype))
    with pytest.raises(DamagedError, match=r"a\.npy: 'x' holds .*, but numbers are needed"):
        read_array_inputs(tmp_path / "a.npy", (4,))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"come as \.npy"):
        read_array_inputs(tmp_path / "a.csv", (4,))
    np.savez(tmp_path / "a.npz", X=X)
    with pytest.raises(UsageError, match=r"no array 'x' \(found: X\)"):
        read_array_inputs(tmp_path / "a.npz", (4,))
    with pytest.raises(FileSystemError, match=r"nothing\.npy"):
        read_array_inputs(tmp_path / "nothing.npy", (4,))
    with pytest.raises(FileSystemError, match=r"nothing\.npz"):
        read_array_inputs(tmp_path / "nothing.npz", (4,))


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_no_pickle_is_executed(tmp_path):
    objects = np.array([Trap()], object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=objects)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DamagedError, match="Python objects, which are never loaded"):
            read_array_inputs(tmp_path / name, (4,))
    with pytest.raises(DamagedError, match=r"raw\.npy"):
        read_npy(tmp_path / "raw.npy")


@pytest.mark.parametrize("claim", [(10**12,), (2**62, 2**62), (3, 5), (11,), (-12,)])
def test_a_header_is_checked_before_it_is_believed(tmp_path, claim):
    content = npy(X, shape=claim)
    (tmp_path / "a.npy").write_bytes(content)
    write_zip(tmp_path / "a.npz", [("x.npy", content)])
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError, match=r"a\.npy"):
            read_npy(tmp_path / "a.npy")
        with pytest.raises(DamagedError, match=r"a\.npz"):
            read_npz(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_directory_that_lies_about_sizes_is_damage(tmp_path, method):
    content = npy(X, shape=(10**8,))
    write_zip(tmp_path / "a.npz", [("x.npy", content)], method)
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    at = raw.index(b"PK\1\2")
    # Uncompressed size in the central directory; for a stored member the packed size as well.
    struct.pack_into("<I", raw, at + 24, 8 * 10**8 + len(content) - X.nbytes)
    if method == zipfile.ZIP_STORED:
        struct.pack_into("<I", raw, at + 20, 8 * 10**8 + len(content) - X.nbytes)
    (tmp_path / "a.npz").write_bytes(raw)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError, match="claim"):
            read_npz(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_flipped_and_missing_bytes_are_damage(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).random((50, 4)))
    raw = (tmp_path / "a.npz").read_bytes()
    for at in (len(raw) // 2, 31, len(raw) - 10):  # the data, the member's name, the directory's place
        broken = bytearray(raw)
        broken[at] ^= 0x55
        (tmp_path / "b.npz").write_bytes(broken)
        with pytest.raises(DamagedError):
            read_npz(tmp_path / "b.npz")
    for keep in (0, 10, len(raw) // 2, len(raw) - 1):
        (tmp_path / "c.npz").write_bytes(raw[:keep])
        with pytest.raises(DamagedError, match=r"c\.npz"):
            read_npz(tmp_path / "c.npz")


def test_strange_zips_are_damage(tmp_path):
    write_zip(tmp_path / "a.npz", [("x.npy", npy(X))], zipfile.ZIP_LZMA)
    with pytest.raises(DamagedError, match="numpy does not write"):
        read_npz(tmp_path / "a.npz")
    write_zip(tmp_path / "b.npz", [("x.npy", npy(X)), ("x", npy(X))])
    with pytest.raises(DamagedError, match="two arrays are named 'x'"):
        read_npz(tmp_path / "b.npz")
    write_zip(tmp_path / "c.npz", [("readme.txt", "hello")])
    with pytest.raises(DamagedError, match=r"c\.npz"):
        read_npz(tmp_path / "c.npz")
