"""Whatever lies in the run folders, each command answers with a result or a documented error.

Checksums are put right after most changes: they would else hide everything behind them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.shell import tree
from faults.fuzzing import call, documented, examples
from faults.laboratory import Killed
from hypothesis import given
from hypothesis import strategies as st
from runs.disks import BrokenDisk
from runs.forging import forge

from dltricks.engine.state import State
from dltricks.runs import arrays, cache, environment, files, logs, sealed
from dltricks.runs.folder import RunFolder

STUDY = """\
name: fuzz
dataset: {name: moons, samples: 60}
architecture: {name: mlp, hidden: [3]}
normalization: batch
optimizer: {name: adam, lr: 5e-3}
batch_size: 30
epochs: 2
checkpoint_seconds: 1e-9
seeds: 8
sweep: {dropout: [0, 0.2]}
baseline: dropout=0
"""
"""Sixteen runs, as many as an index is kept for."""
ONE = ("study.yaml", "seed=8", "dropout=0.1", "name=one")
"""The run that is interrupted."""


class Laboratory:
    """A folder of run folders, and how it was before it was broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        (folder / "study.yaml").write_text(STUDY)
        assert call("train", "study.yaml", "--quiet").code == 0
        self._interrupt()
        assert call("train", "study.yaml", "name=planned", "--plan", "--manifest", "plan.json").code == 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cache, "_FRESH", -1)  # it would take no run whose files are new
            assert call("list").code == 0
        assert (self.runs / ".dltricks-index").exists()
        self.finished = sorted(str(p.parent.relative_to(folder)) for p in self.runs.glob("fuzz/*/run.json"))
        (self.interrupted,) = (str(p.parent.relative_to(folder)) for p in self.runs.glob("one/*/config.yaml"))
        assert len(self.finished) == 16
        finished, interrupted = folder / self.finished[0], folder / self.interrupted
        names = ("config.yaml", "metrics.jsonl", "timing.jsonl", "env.json")
        self.places = [
            *(finished / name for name in (*names, "run.json", "weights.npz")),
            *(interrupted / name for name in names),
            *sorted((interrupted / "checkpoints").iterdir()),
            *(folder / name for name in ("runs/fuzz/study.json", "runs/.dltricks-index", "plan.json")),
        ]
        self.saved = folder.parent / "saved"
        shutil.copytree(folder, self.saved)

    def _interrupt(self) -> None:
        original = RunFolder.checkpoint

        def last(this: RunFolder, number: int, state: State) -> None:
            original(this, number, state)
            if number == 3:
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RunFolder, "checkpoint", last)
            with pytest.raises(Killed):
                call("train", *ONE)

    def mend(self, broken: list[Path]) -> None:
        """Puts back what a command may not have changed itself."""
        for path in broken:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            shutil.copy(self.saved / path.relative_to(self.folder), path)
        for name in (f"{self.finished[0]}/run.json", "runs/.dltricks-index"):  # vouched for, and kept up to date
            shutil.copy(self.saved / name, self.folder / name)

    def renew(self) -> None:
        """Puts everything back."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self.saved, self.folder, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "disk", BrokenDisk())
        patch.setattr(environment, "_git", lambda folder: None)
        patch.delenv("DLTRICKS_DATA", raising=False)
        folder = tmp_path_factory.mktemp("fuzz") / "lab"
        folder.mkdir()
        patch.chdir(folder)
        yield Laboratory(folder)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, -(2**63), 10**30, 0.5, -1e308, 1e-320]),
    st.text(max_size=5),
    st.sampled_from(
        ["", "finished", "diverged", "tuning", "test_accuracy", "../x", "/", "a\x00b", "0" * 64, "none", "x" * 300]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
Draw = Callable[[st.SearchStrategy[Any]], Any]


def changed(draw: Draw, value: Any) -> Any:
    """The value with something in it replaced, left out, doubled or put in."""
    inside = draw(st.integers(0, 4)) and value
    if isinstance(value, dict) and inside:
        key = draw(st.sampled_from(sorted(value)))
        copy = dict(value)
        match draw(st.sampled_from(["within"] * 5 + ["gone", "renamed", "more"])):
            case "gone":
                del copy[key]
            case "renamed":
                copy[draw(st.text(max_size=5))] = copy.pop(key)
            case "more":
                copy[draw(st.text(max_size=5))] = draw(values)
            case _:
                copy[key] = changed(draw, copy[key])
        return copy
    if isinstance(value, list) and inside:
        at = draw(st.integers(0, len(value) - 1))
        kind = draw(st.sampled_from(["within"] * 4 + ["gone", "twice"]))
        new = {"gone": [], "twice": [value[at]] * 2}.get(kind)
        return [*value[:at], *([changed(draw, value[at])] if new is None else new), *value[at + 1 :]]
    return draw(values)


def scratched(draw: Draw, content: bytes) -> bytes:
    """Bytes with some of them changed, left out, put in, or the end cut off."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 0, 1, 4, 100, 10**6])))
        pieces = [
            b"\x00",
            b"\n",
            b"{",
            b"[" * 3000,
            b"*a",
            b"&a ",
            b"1e999",
            b"NaN",
            b"\xff\xfe",
            b"- ",
            b": ",
            b"PK\x01\x02",
        ]
        content = content[:start] + draw(st.binary(max_size=4) | st.sampled_from(pieces)) + content[end:]
    return content


def reseal(path: Path, content: Any) -> None:
    """Writes a sealed file with a right checksum, if JSON can."""
    bare = {key: value for key, value in content.items() if key != "sha256"}
    path.write_bytes(sealed.text(bare))


def vouch(path: Path) -> None:
    """Lets run.json say that the files around it are right."""
    place = path / "run.json"
    try:
        content = json.loads(place.read_bytes())
        for name in content["files"]:
            content["files"][name] = hashlib.sha256((path / name).read_bytes()).hexdigest()
        reseal(place, content)
    except (ValueError, OSError, LookupError, TypeError, AttributeError, RecursionError):
        pass


def change_json(draw: Draw, path: Path) -> None:
    content = changed(draw, json.loads(path.read_bytes()))
    reseal(path, content if isinstance(content, dict) else {"format": content})


def change_bytes(draw: Draw, path: Path) -> None:
    path.write_bytes(scratched(draw, path.read_bytes()))


def change_lines(draw: Draw, path: Path) -> None:
    """A log whose lines are JSON, but not those that were written."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in lines:
        line.pop("crc32", None)
    new = changed(draw, lines) if draw(st.booleans()) else [changed(draw, line) for line in lines]
    kept = [line for line in new if isinstance(line, dict)] if isinstance(new, list) else []
    path.write_bytes(b"".join(logs.encode(line, summed=path.name == "timing.jsonl") for line in kept))


def change_yaml(draw: Draw, path: Path) -> None:
    """A value of config.yaml."""
    from dltricks.experiment.document import parse
    from dltricks.experiment.resolve import to_yaml

    config = changed(draw, parse(path.read_text(), "config.yaml").value)
    try:
        path.write_text(to_yaml(config))
    except (AttributeError, UnicodeEncodeError):
        path.write_text(json.dumps(config))


def change_arrays(draw: Draw, path: Path) -> None:
    """Arrays of other names, shapes, types and values; of a checkpoint also its header."""
    found = dict(arrays.load(path))
    header = json.loads(found["checkpoint"].tobytes()) if "checkpoint" in found else None
    for _ in range(draw(st.integers(1, 2))):
        if not found:
            break
        key = draw(st.sampled_from(sorted(found)))
        match draw(st.sampled_from(["header"] * 4 + ["gone", "type", "shape", "value", "name"])):
            case "header" if header is not None:
                header = changed(draw, header)
                found["checkpoint"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
            case "gone":
                found.pop(key, None)
            case "type":
                found[key] = found[key].astype(draw(st.sampled_from(["i1", "f4", "f8", "b1", "u8"])))
            case "shape":
                shapes = [(), (0,), (1,), (2, 0, 3), (1,) * 30, (*found[key].shape, 2)]
                found[key] = np.zeros(draw(st.sampled_from(shapes)), found[key].dtype)
            case "name":
                found[draw(st.sampled_from(["x", "best.x", "slot.m", "running.y", "safe.p", "a" * 199]))] = found[key]
            case _ if found[key].dtype.kind == "f":
                array = found[key] = found[key].copy()
                array.reshape(-1)[:1] = draw(st.sampled_from([np.nan, np.inf, 1e38, -1.0, 1e-45]))
    try:
        arrays.save(path, found)
    except (ValueError, OverflowError):
        path.write_bytes(b"")


def change_archive(draw: Draw, path: Path) -> None:
    """Any zip, and any header of an array, under a right seal."""
    content = path.read_bytes()
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }" + b" " * 60 + b"\n"
    members = [
        (name, scratched(draw, header))
        for name in draw(st.lists(st.sampled_from(["p.npy", "checkpoint.npy", "../x"]), max_size=3, unique=True))
    ]
    if draw(st.booleans()):
        path.write_bytes(forge(members))
    else:
        body = scratched(draw, content[:-64])
        path.write_bytes(body + hashlib.sha256(body).hexdigest().encode())


def change_kind(draw: Draw, path: Path) -> None:
    """Nothing, a folder, a link to itself or to a device where a file should be."""
    path.unlink()
    match draw(st.sampled_from(["gone", "folder", "loop", "null", "empty", "nowhere"])):
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path.name)
        case "null":
            path.symlink_to("/dev/null")
        case "nowhere":
            path.symlink_to("nowhere")
        case "empty":
            path.touch()


CHANGES: dict[str, tuple[Callable[[Draw, Path], None], ...]] = {
    ".json": (change_json, change_json, change_json),
    ".jsonl": (change_lines, change_lines),
    ".yaml": (change_yaml, change_yaml),
    ".npz": (change_arrays, change_arrays, change_archive),
}


def break_one(draw: Draw, path: Path) -> None:
    changes = (*CHANGES.get(path.suffix, ()), change_bytes, change_kind)
    draw(st.sampled_from(changes))(draw, path)


READING: tuple[tuple[str, ...], ...] = (
    ("list",),
    ("list", "--json", "--where", "dropout<0.5 and val_accuracy>0"),
    ("compare",),
    ("compare", "runs/fuzz", "--json", "--pairs"),
    ("compare", "--baseline", "dropout=0", "--at", "best"),
    ("verdict", "dropout=0.2", "dropout=0"),
    ("diff", "{0}", "{1}"),
    ("diff", "{0}", "{i}"),
    ("evaluate", "{0}"),
    ("evaluate", "{0}", "--json"),
    ("average", "{0}", "{1}"),
    ("gc", "--dry-run"),
    ("train", "study.yaml", "--plan"),
)
WRITING: tuple[tuple[str, ...], ...] = (
    ("train", "study.yaml", "--quiet"),
    ("train", "{i}/config.yaml", "--quiet"),
    ("train", *ONE, "--quiet"),
    ("train", *ONE, "--quiet", "--fresh"),
    ("worker", "--manifest", "plan.json", "--index", "0"),
    ("gc", "--yes"),
)


@examples(60)
@given(st.data())
def test_any_change_of_a_run_folder(lab: Laboratory, data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(READING + WRITING))
    finished, interrupted = lab.folder / lab.finished[0], lab.folder / lab.interrupted
    broken = data.draw(st.lists(st.sampled_from(lab.places), min_size=1, max_size=2, unique=True))
    try:
        for path in broken:
            break_one(data.draw, path)
        if data.draw(st.integers(0, 5)):
            vouch(finished)
        _answers(lab, command, (finished, interrupted))
    finally:
        lab.mend(broken) if command in READING else lab.renew()


def _answers(lab: Laboratory, command: tuple[str, ...], of: tuple[Path, Path]) -> None:
    before = tree(lab.runs)
    result = call(*(word.format(*lab.finished, i=lab.interrupted) for word in command))
    documented(result)
    others = {name for name in before if not any((lab.runs / name).is_relative_to(run) for run in of)}
    if command in READING:
        after = tree(lab.runs)
        quiet = {".dltricks-index"}
        assert {n for n in after if not n.endswith(".lock")} - quiet == {
            n for n in before if not n.endswith(".lock")
        } - quiet
        assert all(after[name] == before[name] for name in before if name in after and name not in quiet), result
    elif command[0] == "train":
        after = tree(lab.runs)
        runs = {name for name in others if name.endswith(("weights.npz", "run.json"))}
        assert all(after[name] == before[name] for name in runs)
