import os
import subprocess
import sys
import threading

import pytest

from dltricks.core.errors import FileSystemError, LockedError
from dltricks.runs import lock

HOLDER = """
import sys
from pathlib import Path
from dltricks.runs import lock
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

FORKING_HOLDER = """
import os, sys, time
from pathlib import Path
from dltricks.runs import lock
with lock.hold(Path(sys.argv[1])):
    if os.fork() == 0:
        print("forked", flush=True)
        sys.stdin.read()
        print("worker ends", flush=True)
        os._exit(0)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_held_inside_and_free_afterwards(tmp_path):
    assert not lock.is_held(tmp_path)
    with lock.hold(tmp_path):
        assert lock.is_held(tmp_path)
    assert not lock.is_held(tmp_path)
    with lock.hold(tmp_path):
        pass


def test_the_second_process_is_told_who_holds_it(tmp_path, holder):
    message = f"process {holder.pid} on host [^ ]+ is training this run"
    with pytest.raises(LockedError, match=message), lock.hold(tmp_path):
        pytest.fail("two holders")
    assert lock.is_held(tmp_path)


def test_a_killed_holder_leaves_it_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert not lock.is_held(tmp_path)
    with lock.hold(tmp_path):
        assert lock.is_held(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_worker_of_a_killed_holder_does_not_keep_it(tmp_path):
    # The holder's output stays open as long as the worker lives.
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING_HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"forked\n"
    assert lock.is_held(tmp_path)
    process.kill()
    process.wait()
    assert not lock.is_held(tmp_path)
    process.stdin.close()
    assert process.stdout.read() == b"worker ends\n"
    process.stdout.close()


def test_a_lock_on_a_file_that_was_replaced_does_not_count(tmp_path, monkeypatch):
    original = lock._try

    def replace_first(fd, *, shared):
        monkeypatch.setattr(lock, "_try", original)
        (tmp_path / ".lock").unlink()
        (tmp_path / ".lock").touch()
        return original(fd, shared=shared)

    monkeypatch.setattr(lock, "_try", replace_first)
    with lock.hold(tmp_path), pytest.raises(LockedError), lock.hold(tmp_path):
        pytest.fail("two holders")


def test_also_within_one_process(tmp_path):
    with lock.hold(tmp_path), pytest.raises(LockedError, match=f"process {os.getpid()} "), lock.hold(tmp_path):
        pytest.fail("two holders")
    assert not lock.is_held(tmp_path)


def test_asking_never_keeps_others_from_taking_it(tmp_path):
    done = threading.Event()

    def ask():
        while not done.is_set():
            lock.is_held(tmp_path)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(100):
            with lock.hold(tmp_path):
                pass
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'{"host": "a"}', b'{"host": "h", "pid": "x"}', b"[" * 4000, b"\xff\0"],
)
def test_nothing_is_believed_of_the_content(tmp_path, content):
    (tmp_path / ".lock").write_bytes(content)
    assert not lock.is_held(tmp_path)
    with lock.hold(tmp_path):
        (tmp_path / ".lock").write_bytes(content)
        with pytest.raises(LockedError, match="another process is training"), lock.hold(tmp_path):
            pytest.fail("two holders")


def test_a_hostile_host_comes_out_inert(tmp_path):
    with lock.hold(tmp_path):
        (tmp_path / ".lock").write_text('{"host": "[red]\\u001b[31mx\\n", "pid": 7}')
        with pytest.raises(LockedError, match="process 7 on host red31mx is"), lock.hold(tmp_path):
            pytest.fail("two holders")


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / ".lock").symlink_to("victim")
    with pytest.raises(FileSystemError, match="links are not followed"), lock.hold(tmp_path):
        pytest.fail("a link was followed")
    with pytest.raises(FileSystemError, match="links are not followed"):
        lock.is_held(tmp_path)
    assert (tmp_path / "victim").read_bytes() == b"precious"
