import hashlib
import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from runs.forging import exact, forge, seal

from dltricks.core.errors import DamagedError, FileSystemError, NewerFormatError
from dltricks.runs import arrays

SAMPLE = {
    "dense.kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "empty": np.zeros((0, 4)),
    "scalar": np.array(-0.0),
    "flags": np.array([True, False]),
    "counts": np.array([2**60, -1]),
}


def refused(content, match=None):
    with pytest.raises(DamagedError, match=match):
        arrays.unpack(bytearray(content), "file.npz")


def test_round_trip_keeps_order_types_shapes_and_bits(tmp_path):
    arrays.save(tmp_path / "a.npz", SAMPLE)
    loaded = arrays.load(tmp_path / "a.npz")
    assert list(loaded) == list(SAMPLE)
    for name, array in SAMPLE.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()
        assert loaded[name].flags.aligned
        assert loaded[name].flags.writeable


def test_numpy_reads_it(tmp_path):
    arrays.save(tmp_path / "a.npz", SAMPLE)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as loaded:
        assert loaded.files == list(SAMPLE)
        for name, array in SAMPLE.items():
            np.testing.assert_array_equal(loaded[name], array)
    assert zipfile.ZipFile(tmp_path / "a.npz").testzip() is None


def test_the_bytes_are_fixed(tmp_path):
    digest = arrays.save(tmp_path / "a.npz", {"w": np.arange(3, dtype=np.float32)})
    content = (tmp_path / "a.npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    # A change here makes every stored run's files differ from their repeats.
    assert digest == "7ede15b31d6571eeac4e4095a36a86bdcbc2c3a5e3421be0bf11b232ff836013"


def test_memory_order_and_byte_order_do_not_change_the_bytes(tmp_path):
    plain = np.arange(6, dtype="<f8").reshape(2, 3)
    digests = {
        arrays.save(tmp_path / "a.npz", {"w": array})
        for array in (plain, np.asfortranarray(plain), plain.astype(">f8"), np.repeat(plain, 2, 1)[:, ::2])
    }
    assert len(digests) == 1


@given(hnp.arrays(st.sampled_from(["f4", "f8", "i8", "u1", "?"]), hnp.array_shapes(min_dims=0, min_side=0)))
def test_round_trip_of_anything(array):
    content = bytearray(seal(b"".join(arrays.pack({"a": array}))))
    loaded = arrays.unpack(content, "file.npz")["a"]
    assert (loaded.tobytes(), loaded.shape, loaded.dtype) == (array.tobytes(), array.shape, array.dtype)


@pytest.mark.parametrize("array", [np.array([{}]), np.array(["text"]), np.array([1j]), np.zeros(2, "f8,i4")])
def test_other_types_cannot_be_stored(tmp_path, array):
    with pytest.raises(ValueError, match="cannot store 'a'"):
        arrays.save(tmp_path / "a.npz", {"a": array})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../a", "/a", "a b", "ä", "a" * 300])
def test_other_names_cannot_be_stored(tmp_path, name):
    with pytest.raises(ValueError, match="cannot store"):
        arrays.save(tmp_path / "a.npz", {name: np.zeros(1)})


def test_every_flipped_byte_and_every_truncation_is_seen(tmp_path):
    arrays.save(tmp_path / "a.npz", {"w": np.arange(5.0)})
    content = (tmp_path / "a.npz").read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        refused(flipped)
        refused(content[:place])
    refused(content + b"\0")


def test_a_newer_format_is_named(tmp_path):
    with pytest.raises(NewerFormatError, match="format 2 of a newer dltricks"):
        arrays.unpack(forge([("anything", b"new")], version=2), "file.npz")


def test_pickles_are_never_loaded():
    raw = io.BytesIO()
    np.save(raw, np.array([{"a": 1}]), allow_pickle=True)
    refused(forge([("a.npy", raw.getvalue())]))
    refused(forge([("a.pkl", pickle.dumps({}))]))
    refused(exact(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", bytes(8)), "plain numbers")
    refused(exact(b"{'descr': '|O8', 'fortran_order': False, 'shape': (1,)}\n", bytes(8)), "plain numbers")


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}\n", bytes(16)),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999999, 999999999999999)}\n", bytes(16)),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2)}\n", bytes(16)),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1, " * 40 + b"2)}\n", bytes(16)),
    ],
)
def test_lying_shapes(header, data):
    refused(exact(header, data), "declares the shape")


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': True, 'shape': (2,)}\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-2,)}\n",
        b"{'descr': '>f8', 'fortran_order': False, 'shape': (2,)}\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)" + b" " * 5000 + b"\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1" * 5000 + b"x)}\n",
        b"[" * 50_000,
        b"",
    ],
)
def test_other_headers(header):
    refused(exact(header, bytes(16)), "plain numbers")


def test_headers_that_we_would_spell_otherwise():
    refused(exact(b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}\n", bytes(16)), "damaged")
    refused(exact(b"{'descr': '|f8', 'fortran_order': False, 'shape': (2,)} \n", bytes(16)), "damaged")


def test_a_member_that_declares_more_than_the_file_has():
    member = arrays._Member(b"a.npy", 0, 2**31, 0)
    body = member.local() + bytes(100)
    refused(seal(body + arrays._ending([member], len(body))), "declares 2147483648 bytes")


def test_a_wrong_crc():
    content = b"".join(arrays.pack({"a": np.array([1.5])}))
    changed = content.replace(np.float64(1.5).tobytes(), np.float64(2.5).tobytes())
    assert changed != content
    refused(seal(changed), "a.npy is damaged")


def test_doubled_compressed_and_foreign_members():
    piece = b"".join(arrays.pack({"a": np.zeros(2)}))
    size = piece.index(b"PK\1\2")
    second = bytearray(b"".join(arrays.pack({"a": np.zeros(2), "b": np.zeros(2)})))
    assert second.count(b"b.npy") == 2
    refused(seal(bytes(second.replace(b"b.npy", b"a.npy"))))
    refused(seal(piece[size:]), "form that dltricks writes")
    refused(forge([("a.npy", b"")]))
    raw = io.BytesIO()
    np.savez_compressed(raw, a=np.zeros(1000))
    refused(raw.getvalue(), "not written by dltricks")
    refused(b"")


def test_missing_and_linked_files(tmp_path):
    with pytest.raises(DamagedError, match="missing"):
        arrays.load(tmp_path / "a.npz")
    arrays.save(tmp_path / "a.npz", SAMPLE)
    (tmp_path / "b.npz").symlink_to("a.npz")
    with pytest.raises(FileSystemError):
        arrays.load(tmp_path / "b.npz")
    assert list(arrays.load(tmp_path / "b.npz", follow_links=True)) == list(SAMPLE)
