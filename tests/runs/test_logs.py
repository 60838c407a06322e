import json
import zlib

import pytest

from dltricks.core.errors import DamagedError
from dltricks.runs.logs import START, Log, decode

LINES = [{"epoch": 1, "val_loss": 0.1}, {"epoch": 2, "val_loss": 1e-7}]


def written(path, *, summed=False):
    log = Log(path, summed=summed)
    marks = []
    for line in LINES:
        log.add(line)
        marks.append(log.sync())
    return log, marks


def test_lines_are_compact_and_in_order(tmp_path):
    written(tmp_path / "log")
    assert (tmp_path / "log").read_text() == '{"epoch":1,"val_loss":0.1}\n{"epoch":2,"val_loss":1e-07}\n'


def test_batches_give_the_same_bytes_and_marks(tmp_path):
    _, marks = written(tmp_path / "a")
    log = Log(tmp_path / "b", summed=False)
    for line in LINES:
        log.add(line)
    assert not (tmp_path / "b").exists()
    assert log.lines() == LINES
    assert log.sync() == marks[-1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_line_carries_its_checksum(tmp_path):
    written(tmp_path / "log", summed=True)
    first = json.loads((tmp_path / "log").read_text().splitlines()[0])
    assert first.pop("crc32") == f"{zlib.crc32(json.dumps(first, separators=(',', ':')).encode()):08x}"
    assert decode((tmp_path / "log").read_bytes(), tmp_path, summed=True) == LINES


@pytest.mark.parametrize("summed", [False, True])
def test_going_on_from_a_mark(tmp_path, summed):
    path = tmp_path / "log"
    _, marks = written(path, summed=summed)
    whole = path.read_bytes()
    for torn in (whole, whole[:-1], whole[: marks[0].size + 3], whole[: marks[0].size]):
        path.write_bytes(torn)
        log = Log(path, summed=summed)
        assert log.fault(marks[0]) is None
        log.cut(marks[0])
        assert log.lines() == LINES[:1]
        log.add(LINES[1])
        assert log.sync() == marks[1]
        assert path.read_bytes() == whole


def test_a_mark_that_the_file_does_not_keep(tmp_path):
    path = tmp_path / "log"
    log, marks = written(path)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert log.fault(marks[1]) == "log is shorter than it says"
    path.write_bytes(content.replace(b"0.1", b"0.2"))
    assert log.fault(marks[0]) == "log is not what it says"
    path.unlink()
    assert log.fault(marks[0]) == "log is shorter than it says"
    assert log.fault(START) is None
    assert log.fault(None) == "says nothing about log"


def test_a_torn_last_line_is_dropped_only_of_an_unfinished_log(tmp_path):
    assert decode(b'{"a":1}\n{"a"', tmp_path, summed=False, complete=False) == [{"a": 1}]
    with pytest.raises(DamagedError, match="line 2: torn"):
        decode(b'{"a":1}\n{"a"', tmp_path, summed=False)


def test_an_unfinished_log_ends_where_what_was_written_does(tmp_path):
    left = b'{"a":1}\n\0\0\0\0"a":2}\n{"a":3}\n'
    assert decode(left, tmp_path, summed=False, complete=False) == [{"a": 1}]
    with pytest.raises(DamagedError, match="line 2: damaged"):
        decode(left, tmp_path, summed=False)


def test_every_flipped_byte_of_a_summed_log_is_seen(tmp_path):
    path = tmp_path / "log"
    written(path, summed=True)
    content = path.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(DamagedError, match=r"log, line [123]"):
            decode(flipped, path, summed=True)


def test_values_must_be_finite(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        Log(tmp_path / "log", summed=False).add({"loss": float("inf")})
