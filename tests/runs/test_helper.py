import os
import shutil
import signal
import subprocess
import sys

import pytest
from runs.toy import train

from dltricks.runs import cache, helper, index

COUNT = 30


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Finished runs in runs/toy, of which a helper reads half."""
    monkeypatch.setattr(helper, "WORTHWHILE", 4)
    monkeypatch.setattr(helper, "available_cores", lambda: 2)
    monkeypatch.setattr(cache, "_FRESH", -1.0)
    train(tmp_path / "first")
    for i in range(COUNT):
        folder = tmp_path / "runs" / "tö y" / f"run{i:02}"
        shutil.copytree(tmp_path / "first", folder)
        for path in folder.iterdir():
            os.utime(path, (1e9, 1e9))
    return tmp_path / "runs"


def told(entries):
    return [
        (entry.path, entry.status, entry.config, entry.final, entry.curve("val_loss").tolist(), entry.seconds.tolist())
        for entry in entries
    ]


@pytest.fixture
def helpers(monkeypatch):
    """The helpers that were started."""
    started = []

    class Watched(helper.Helper):
        def __init__(self, *args):
            super().__init__(*args)
            started.append(self)

    monkeypatch.setattr(helper, "Helper", Watched)
    return started


def test_the_same_entries_with_and_without(runs, helpers, monkeypatch):
    monkeypatch.setattr(helper, "WORTHWHILE", 1000)
    alone = told(index.scan([runs]))
    (runs / index.NAME).unlink()
    monkeypatch.setattr(helper, "WORTHWHILE", 4)
    assert told(index.scan([runs])) == alone
    assert len(helpers) == 1
    assert told(index.scan([runs])) == alone
    assert len(helpers) == 1


def test_what_it_hands_on(runs):
    places = [f"tö y/run{i:02}" for i in range(6)]
    (runs / places[2] / "metrics.jsonl").write_text("{}\n")
    # Of files younger than two seconds it would hand on nothing.
    code = f"from dltricks.runs import cache, helper; cache._FRESH = -1.0; helper.main({str(runs)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"\0".join(map(os.fsencode, places)), capture_output=True, check=True
    )
    (runs / "out").write_bytes(done.stdout)
    with (runs / "out").open("rb") as file:
        found = cache.Written(file)
    assert len(found) == 5
    for place in places:
        entry = found.get(runs / place, place, cache.look(str(runs / place)))
        assert (entry is None) == (place == places[2])
        if entry is not None:
            assert entry.curve("val_loss").tolist() == [1, 1 / 2, 1 / 3, 1 / 4]


@pytest.mark.parametrize("how", ["cannot start", "killed", "nonsense", "fails"])
def test_a_helper_that_fails_costs_only_time(runs, monkeypatch, how):
    monkeypatch.setattr(helper, "WORTHWHILE", 1000)
    alone = told(index.scan([runs]))
    (runs / index.NAME).unlink()
    monkeypatch.setattr(helper, "WORTHWHILE", 4)
    if how == "cannot start":
        monkeypatch.setattr(sys, "executable", "/nowhere")
    elif how == "killed":
        take = helper.Helper.take
        monkeypatch.setattr(
            helper.Helper, "take", lambda self: (self._process.send_signal(signal.SIGKILL), take(self))[1]
        )
    else:
        script = runs.parent / "python"
        script.write_text("#!/bin/sh\necho nonsense\n" + ("exit 3\n" if how == "fails" else ""))
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
    assert told(index.scan([runs])) == alone
    assert (runs / index.NAME).exists()


def test_an_interrupt_ends_it(runs, helpers, monkeypatch):
    monkeypatch.setattr(index, "read_entry", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        index.scan([runs])
    assert helpers[0]._process.returncode is not None


def test_none_on_one_core(runs, monkeypatch):
    monkeypatch.setattr(helper, "available_cores", lambda: 1)
    assert helper.start(str(runs), ["a"] * 10) is None
