import gzip
import tracemalloc

import numpy as np
import pytest

from dltricks.core.errors import DamagedError, FileSystemError
from dltricks.core.idx import read_idx

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx(array, shape=None):
    sizes = b"".join(size.to_bytes(4, "big") for size in (shape or array.shape))
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_gzip_is_known_by_content_not_by_name(tmp_path, pack, name):
    (tmp_path / name).write_bytes(pack(idx(ARRAY)))
    np.testing.assert_array_equal(read_idx(tmp_path / name), ARRAY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0", "not an IDX file"),
        (b"PK\3\4" + bytes(40), "not an IDX file"),
        (b"\0\0\x0d\1\0\0\0\1" + bytes(4), "not an IDX file of unsigned bytes"),
        (b"\0\0\x08\0", "not an IDX file"),
        (b"\0\0\x08\3\0\0\0\1", "header of 16 bytes, but the file has 8"),
        (idx(ARRAY)[:-1], "promises 2 x 3 x 4 bytes, but 23"),
        (idx(ARRAY) + b"x", "promises 2 x 3 x 4 bytes, but 25"),
        (gzip.compress(idx(ARRAY), mtime=0)[:-9], "broken gzip"),
        (b"\x1f\x8bnonsense that is no gzip", "broken gzip"),
    ],
)
def test_damage_is_named(tmp_path, content, message):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(DamagedError, match=f"bad: .*{message}"):
        read_idx(tmp_path / "bad")


def test_a_header_that_promises_much_allocates_nothing(tmp_path):
    (tmp_path / "bad").write_bytes(idx(ARRAY, (2**31, 2**31, 2**31)))
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError, match="promises 2147483648 x"):
            read_idx(tmp_path / "bad")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_a_matter_of_the_file_system(tmp_path):
    with pytest.raises(FileSystemError, match="nothing"):
        read_idx(tmp_path / "nothing")
