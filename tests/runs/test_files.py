import errno
import os

import pytest
from runs.disks import BrokenDisk, ShortDisk

from dltricks.core.errors import DamagedError, FileSystemError, UsageError
from dltricks.runs import files


def operations_of(monkeypatch, action):
    disk = BrokenDisk()
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", disk)
        action()
    return disk.count


def test_writes_bytes_and_pieces(tmp_path):
    files.write_atomically(tmp_path / "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    files.write_atomically(tmp_path / "a", iter([b"tw", memoryview(b"o")]))
    assert (tmp_path / "a").read_bytes() == b"two"
    assert files.names(tmp_path) == ["a"]


def test_short_writes_and_reads_are_continued(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "disk", ShortDisk())
    files.write_atomically(tmp_path / "a", b"0123456789")
    files.append_and_sync(tmp_path / "a", b"abcdefgh", 10)
    assert files.read(tmp_path / "a", 100) == b"0123456789abcdefgh"


def test_a_system_that_writes_nothing_is_an_error(tmp_path, monkeypatch):
    disk = files.Disk()
    disk.write = lambda fd, data: 0
    monkeypatch.setattr(files, "disk", disk)
    with pytest.raises(FileSystemError, match="wrote nothing"):
        files.write_atomically(tmp_path / "a", b"one")


@pytest.mark.parametrize("persistent", [False, True])
def test_any_failing_operation_leaves_the_old_or_the_new_content(tmp_path, monkeypatch, persistent):
    path = tmp_path / "a"
    count = operations_of(monkeypatch, lambda: files.write_atomically(path, b"old"))
    assert count == 6  # open, write, fsync, close, replace, fsync of the folder
    for number in range(1, count + 1):
        path.write_bytes(b"old")
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", BrokenDisk(number, errno.ENOSPC, persistent=persistent))
            with pytest.raises(FileSystemError, match=r"broken; free some space, then run the same command"):
                files.write_atomically(path, b"new")
        assert path.read_bytes() == (b"new" if number == count else b"old")
        if not persistent:
            assert files.names(tmp_path) == ["a"]
        files.remove_temporaries(tmp_path)


def test_a_failed_sync_never_reaches_the_name(tmp_path, monkeypatch):
    disk = files.Disk()

    def fail(fd):
        raise OSError(errno.EIO, "broken")

    disk.fsync = fail
    monkeypatch.setattr(files, "disk", disk)
    with pytest.raises(FileSystemError, match="check the disk"):
        files.write_atomically(tmp_path / "a", b"new")
    assert files.names(tmp_path) == []


def test_a_link_planted_as_temporary_file_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    temporary = tmp_path / f".tmp-a-{os.getpid()}"
    temporary.symlink_to(victim)
    files.write_atomically(tmp_path / "a", b"new")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "a").read_bytes() == b"new"
    assert not temporary.is_symlink()


def test_append_replaces_a_torn_end(tmp_path):
    path = tmp_path / "log"
    files.append_and_sync(path, b"one\n", 0)
    path.write_bytes(b"one\ntor")
    files.append_and_sync(path, b"two\n", 4)
    assert path.read_bytes() == b"one\ntwo\n"


def test_append_refuses_a_shorter_file(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"on")
    with pytest.raises(DamagedError, match="holds 2 bytes of the 4"):
        files.append_and_sync(path, b"two\n", 4)
    assert path.read_bytes() == b"on"


def test_append_to_a_removed_file_is_an_error(tmp_path):
    with pytest.raises(FileSystemError, match="moved or removed"):
        files.append_and_sync(tmp_path / "log", b"two\n", 4)
    assert files.names(tmp_path) == []


@pytest.mark.parametrize(
    "action",
    [
        lambda path: files.append_and_sync(path, b"x", 0),
        lambda path: files.cut(path, 0),
        lambda path: files.read(path, 100),
    ],
)
def test_links_are_not_followed(tmp_path, action):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(FileSystemError, match="links are not followed"):
        action(tmp_path / "link")
    assert victim.read_bytes() == b"precious"


def test_links_are_followed_where_asked_for(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert files.read(tmp_path / "link", 100, follow_links=True) == b"content"


def test_a_pipe_in_place_of_a_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileSystemError, match="Not a regular file"):
        files.read(tmp_path / "pipe", 100)


def test_reading_is_bounded(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read(tmp_path / "a", 5) == b"12345"
    with pytest.raises(DamagedError, match="5 bytes, more than the 4"):
        files.read(tmp_path / "a", 4)
    assert files.read(tmp_path / "none", 4) is None


def test_cut(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    files.cut(tmp_path / "a", 2)
    assert (tmp_path / "a").read_bytes() == b"12"
    files.cut(tmp_path / "none", 0)
    assert files.names(tmp_path) == ["a"]


def test_folders(tmp_path):
    for make in (files.make_folder, files.make_lasting_folder):
        folder = tmp_path / make.__name__
        for _ in range(2):
            make(folder / "a" / "b")
            assert (folder / "a" / "b").is_dir()
        (folder / "file").touch()
        with pytest.raises(FileSystemError, match="; move the file that stands where a folder should be, then run"):
            make(folder / "file" / "b")


def test_an_output_is_a_file_and_its_link_stays(tmp_path):
    tmp_path = tmp_path.resolve()
    (tmp_path / "old").touch()
    assert files.output(tmp_path / "old") == tmp_path / "old"
    assert files.output(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "link").symlink_to("new")
    assert files.output(tmp_path / "link") == tmp_path / "new"
    with pytest.raises(UsageError, match="is a folder"):
        files.output(tmp_path)
    with pytest.raises(UsageError, match="nowhere is not a folder"):
        files.output(tmp_path / "nowhere" / "new")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_no_output_takes_the_place_of_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UsageError, match=f"{name} is a pipe or a device; a file is needed"):
            files.output(tmp_path / name)


def test_only_temporary_files_are_cleared_away(tmp_path):
    (tmp_path / ".tmp-a-1").touch()
    (tmp_path / "a").touch()
    files.remove_temporaries(tmp_path)
    files.remove_temporaries(tmp_path / "none")
    assert files.names(tmp_path) == ["a"]
