import hashlib
import json
import os
import shutil
import tempfile

import numpy as np
import pytest
from runs.disks import BrokenDisk
from runs.toy import train

from dltricks.core.errors import FileSystemError
from dltricks.runs import cache, files, index, lock, reading, sealed

COUNT = 20


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(cache, "_FRESH", -1.0)


@pytest.fixture
def runs(tmp_path):
    """Finished runs in runs/toy."""
    train(tmp_path / "first")
    for i in range(COUNT):
        shutil.copytree(tmp_path / "first", tmp_path / "runs" / "toy" / f"run{i:02}")
    return tmp_path / "runs"


@pytest.fixture
def opened(monkeypatch):
    """The folders of runs whose run.json was opened."""
    folders = []
    read = reading.read_result
    monkeypatch.setattr(reading, "read_result", lambda path: (folders.append(path.name), read(path))[1])
    return folders


def plain(entries):
    """All that entries say."""
    return [
        (
            *(entry.path, entry.status, entry.name, entry.hash, entry.config, entry.role, entry.epochs, entry.best),
            *(entry.final, entry.test, entry.problem, entry.modified, entry.metrics, entry.seconds.tolist()),
            *(entry.curve(metric).tolist() for metric in entry.metrics),
        )
        for entry in entries
    ]


def test_the_second_reading_opens_no_run_and_finds_the_same(runs, opened):
    first = plain(index.scan([runs]))
    assert len(opened) == COUNT
    opened.clear()
    assert plain(index.scan([runs])) == first
    assert opened == []
    assert list(first[0][4]) == ["name", "dataset", "optimizer"]
    (runs / index.NAME).unlink()
    assert plain(index.scan([runs])) == first
    assert len(opened) == COUNT


@pytest.mark.parametrize("name", ["run.json", "config.yaml", "metrics.jsonl", "timing.jsonl", "weights.npz"])
@pytest.mark.parametrize("how", ["flip", "cut", "remove", "replace"])
def test_whatever_is_changed_is_seen(runs, opened, name, how):
    index.scan([runs])
    opened.clear()
    path = runs / "toy" / "run07" / name
    content = path.read_bytes()
    about = path.stat()
    if how == "flip":
        with path.open("r+b") as file:  # in place, and dated back
            file.write(bytes([content[0] ^ 1]))
    elif how == "cut":
        os.truncate(path, len(content) - 1)
    elif how == "remove":
        path.unlink()
    else:
        path.unlink()
        path.write_bytes(content)
    if path.exists():
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    entries = {entry.path.name: entry for entry in index.scan([runs])}
    assert set(opened) == {"run07"}
    harmless = how == "replace" or name == "timing.jsonl" or (name == "weights.npz" and how != "remove")
    expected = "finished" if harmless else "interrupted" if (name, how) == ("run.json", "remove") else "damaged"
    assert entries["run07"].status == expected
    assert entries["run08"].status == "finished"


def test_a_run_that_is_trained_is_never_taken_from_it(runs):
    index.scan([runs])
    with lock.hold(runs / "toy" / "run03"):
        assert [entry.status for entry in index.scan([runs])].count("running") == 1
    assert {entry.status for entry in index.scan([runs])} == {"finished"}


def test_runs_come_and_go(runs, opened):
    index.scan([runs])
    opened.clear()
    shutil.rmtree(runs / "toy" / "run00")
    (runs / "toy" / "run01").rename(runs / "toy" / "renamed")
    shutil.copytree(runs / "toy" / "run02", runs / "other" / "new")
    names = [entry.path.name for entry in index.scan([runs])]
    assert names == ["new", "renamed", *(f"run{i:02}" for i in range(2, COUNT))]
    assert sorted(opened) == ["new", "renamed"]
    opened.clear()
    index.scan([runs])
    assert opened == []


def test_what_was_written_this_moment_is_read_again(runs, opened, monkeypatch):
    monkeypatch.setattr(cache, "_FRESH", 1000.0)
    index.scan([runs])
    index.scan([runs])
    assert len(opened) == 2 * COUNT
    assert not (runs / index.NAME).exists()


def test_few_runs_leave_nothing_behind(runs):
    index.scan([runs / "toy" / "run00", runs / "toy" / "run01"])
    assert not (runs / "toy" / index.NAME).exists()
    index.scan([runs / "toy" / "run*"])
    assert (runs / "toy" / index.NAME).exists()


def test_damaged_and_unfinished_runs_are_not_kept(runs, opened):
    (runs / "toy" / "run00" / "metrics.jsonl").write_text("{}\n")
    (runs / "toy" / "run01" / "run.json").unlink()
    index.scan([runs])
    opened.clear()
    index.scan([runs])
    assert set(opened) == {"run00", "run01"}


def spoiled(content):
    yield b""
    yield b"dltricks index 2\n" + content[17:]
    yield b"\x80\x04\x95 a pickle"
    yield content + b"x"
    for place in [*range(0, 80, 7), *range(80, len(content), len(content) // 50)]:
        yield content[:place]
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_damaged_index_is_ignored_and_written_anew(runs, opened):
    first = plain(index.scan([runs]))
    content = (runs / index.NAME).read_bytes()
    for spoilt in spoiled(content):
        (runs / index.NAME).write_bytes(spoilt)
        opened.clear()
        assert plain(index.scan([runs])) == first
        assert len(opened) == COUNT
        assert (runs / index.NAME).read_bytes() == content


def forged(runs, change):
    """An index whose checksum is right and whose content is not."""
    raw = (runs / index.NAME).read_bytes()
    length = int.from_bytes(raw[49:57], "little")
    content = change(json.loads(raw[57 : 57 + length]))
    text = json.dumps(content).encode()
    rest = len(text).to_bytes(8, "little") + text + raw[57 + length :]
    (runs / index.NAME).write_bytes(raw[:17] + hashlib.sha256(rest).digest() + rest)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: [],
        lambda content: {},
        lambda content: {**content, "runs": 1},
        lambda content: {**content, "values": [1]},
        lambda content: {**content, "shapes": []},
        lambda content: {**content, "runs": dict.fromkeys(content["runs"])},
        *(
            lambda content, at=at, value=value: {
                **content,
                "runs": {run: [*row[:at], value, *row[at + 1 :]] for run, row in content["runs"].items()},
            }
            for at, value in [
                *((1, None), (2, [999]), (2, None), (2, ["x"]), (3, 77), (3, "x"), (4, -8), (4, 10**9), (4, 8.0)),
                *((5, 10**9), (5, 3), (5, None), (5, -8), (5, 64.0)),
            ]
        ),
        *(
            lambda content, at=at, value=value: {
                **content,
                "shapes": [[*shape[:at], value, *shape[at + 1 :]] for shape in content["shapes"]],
            }
            for at, value in [
                *((0, "running"), (0, None), (1, 5), (2, 7), (3, -1), (3, 10**9), (3, "x"), (4, None), (4, [5])),
                *((5, "text"), (5, [["epoch"], None, None]), (5, [[1, 2], None, None]), (6, "qd"), (6, "qdqx"), (6, 4)),
            ]
        ),
    ],
)
def test_nonsense_with_a_right_checksum_is_read_anew(runs, change):
    first = plain(index.scan([runs]))
    forged(runs, change)
    assert plain(index.scan([runs])) == first


def test_an_index_that_cannot_be_written_is_no_failure(runs, monkeypatch):
    first = plain(index.scan([runs]))
    content = (runs / index.NAME).read_bytes()
    (runs / "toy" / "run00" / "run.json").touch()
    for number in range(1, 12):
        disk = BrokenDisk()
        monkeypatch.setattr(files, "disk", disk)
        write = files.write_atomically

        def failing(path, data, disk=disk, number=number, write=write):
            disk.fail_at = disk.count + number
            write(path, data)

        monkeypatch.setattr(files, "write_atomically", failing)
        assert [line[:-3] for line in plain(index.scan([runs]))[1:]] == [line[:-3] for line in first[1:]]
        monkeypatch.setattr(files, "write_atomically", write)
    assert len((runs / index.NAME).read_bytes()) == len(content)


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_something_else_in_its_place(runs, tmp_path, kind):
    place = runs / index.NAME
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        (tmp_path / "target").write_text("precious")
        place.symlink_to(tmp_path / "target")
    else:
        os.mkfifo(place)
    assert len(index.scan([runs])) == COUNT
    if kind == "link":
        assert (tmp_path / "target").read_text() == "precious"


def test_no_space_for_what_is_kept_aside(runs, monkeypatch):
    monkeypatch.setattr(cache, "_IN_MEMORY", 10)
    monkeypatch.setattr(tempfile, "TemporaryFile", _full)
    with pytest.raises(FileSystemError, match="free some space"):
        index.scan([runs])


def _full():
    raise OSError(28, "No space left on device")


def test_many_numbers_are_on_disk(monkeypatch):
    monkeypatch.setattr(cache, "_IN_MEMORY", 10)
    numbers = cache.Numbers()
    numbers.add(b"0123456789" * 2)
    numbers.add(b"abc")
    assert numbers.get(18, 4) == b"89ab"
    assert isinstance(numbers._file.fileno(), int)
    few = cache.Numbers()
    for _ in range(10):
        few.add(b"x")
    with pytest.raises(OSError, match="fileno"):
        few._file.fileno()


def test_metrics_that_some_lines_lack(runs):
    for run in sorted((runs / "toy").iterdir()):
        lines = [b'{"epoch":1,"a":1.5,"layers":{"x":1}}', b'{"epoch":2,"a":null,"b":2}', b'{"epoch":3,"a":0.5,"c":"t"}']
        raw = b"\n".join(lines) + b"\n"
        (run / "metrics.jsonl").write_bytes(raw)
        result = reading.read_result(run)
        result["files"]["metrics.jsonl"] = hashlib.sha256(raw).hexdigest()
        del result["sha256"]
        sealed.save(run / "run.json", result)
    for entry in [*index.scan([runs]), *index.scan([runs])]:
        assert entry.metrics == ("a", "b")
        np.testing.assert_array_equal(entry.curve("a"), [1.5, np.nan, 0.5])
        np.testing.assert_array_equal(entry.curve("b"), [np.nan, 2, np.nan])


def test_a_lock_alone_is_no_run(runs):
    index.scan([runs])
    (runs / "toy" / "other").mkdir()
    (runs / "toy" / "other" / lock.NAME).touch()
    assert len(index.scan([runs])) == COUNT


def test_whole_numbers_stay_whole_and_too_large_ones_are_read_anew(runs, opened):
    for number, run in enumerate(sorted((runs / "toy").iterdir())):
        result = reading.read_result(run)
        result["final"] = {"epoch": 4, "val_loss": 1.0, "large": 2**62 if number else 2**63}
        del result["sha256"]
        sealed.save(run / "run.json", result)
    first = index.scan([runs])
    opened.clear()
    again = index.scan([runs])
    assert opened == ["run00"]
    assert plain(again) == plain(first)
    assert [type(value) for value in again[1].final.values()] == [int, float, int]
    assert again[0].final["large"] == 2**63
