from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from cli.shell import Call, process, tree
from runs.forging import plan

import dltricks
from dltricks.api.lab import Lab, Means, Silent
from dltricks.api.session import open_study
from dltricks.execution.stack import train_stack
from dltricks.experiment.study import experiments
from dltricks.runs import files, reading, study_file
from dltricks.runs.signals import Signals


@pytest.fixture
def runs(folder: Path) -> dict[str, Path]:
    """A run of each sort, by why it can be removed; and one that stays."""
    paths = {
        why: dltricks.train("small.yaml", seed=seed)[0].path
        for why, seed in {"": 0, "interrupted": 1, "superseded": 2}.items()
    }
    lab = Lab(Means(Path("runs")), Silent(print))
    (tuning,) = lab.place(experiments(open_study("small.yaml", (), {"seed": 1_000_000})), "tuning")
    train_stack([tuning], lambda event: None, Signals(), lab.datasets)
    paths["tuning, not yet judged"] = tuning.path
    hashes = []
    for path in (paths[""], paths["superseded"]):
        result = reading.read_result(path)
        assert result is not None
        hashes.append(result["hash"])
    (paths["interrupted"] / "run.json").unlink()
    for planned in (hashes, hashes[:1]):
        study_file.save(folder / "runs" / "small", plan(planned))
    return paths


class Keyboard(io.StringIO):
    """A terminal at which this is typed."""

    def isatty(self) -> bool:
        return True

    def readline(self, *args: object) -> str:
        line = super().readline()
        if line == "^C\n":
            raise KeyboardInterrupt
        return line


def left(runs: dict[str, Path]) -> list[str]:
    return [why for why, path in runs.items() if path.exists()]


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def test_lists_and_without_a_terminal_removes_nothing(runs: dict[str, Path], folder: Path) -> None:
    before = tree(folder)
    found = process("gc", cwd=folder)
    assert found.code == 0
    head, _, *lines = [line.split(maxsplit=1) for line in found.out.splitlines() if line.strip()]
    assert [head[0], *head[1].split()] == ["run", "why", "size"]
    for why, path in runs.items():
        rows = [rest for first, rest in lines if first == name(path)]
        assert len(rows) == bool(why)
        assert all(rest.startswith(why) and rest.rstrip().endswith("kB") for rest in rows)
    assert lines[-1][0] == "3"
    assert found.err == "dltricks: removed nothing: there is no terminal to ask at; --yes removes these 3 runs\n"
    assert tree(folder) == before


def test_yes_removes_without_asking(runs: dict[str, Path], folder: Path) -> None:
    found = process("gc", "--yes", cwd=folder)
    assert found.code == 0
    assert found.err.startswith("dltricks: removed 3 runs, ")
    assert left(runs) == [""]
    again = process("gc", "--yes", cwd=folder)
    assert (again.code, again.out, again.err) == (0, "nothing to remove below runs\n", "")


@pytest.mark.parametrize(
    ("flags", "gone"),
    [
        (["--interrupted"], ["interrupted"]),
        (["--superseded"], ["superseded"]),
        (["--tuning"], ["tuning, not yet judged"]),
        (["--tuning", "--interrupted"], ["interrupted", "tuning, not yet judged"]),
    ],
    ids=" ".join,
)
def test_flags_select(cli: Call, runs: dict[str, Path], flags: list[str], gone: list[str]) -> None:
    assert cli("gc", *flags, "-y").code == 0
    assert left(runs) == [why for why in runs if why not in gone]


def test_names_and_the_folder_of_runs_select(cli: Call, runs: dict[str, Path], folder: Path) -> None:
    (folder / "runs" / "other").mkdir()
    assert cli("gc", "other", "--yes").out == "nothing to remove below runs\n"
    (folder / "runs").rename(folder / "elsewhere")
    assert cli("gc", "small", "--yes").code == 2
    assert len(left(runs)) == 0
    assert cli("gc", "small", "--yes", "--runs-dir", "elsewhere").err.startswith("dltricks: removed 3 runs, ")


def test_unknown_names(cli: Call, runs: dict[str, Path]) -> None:
    found = cli("gc", "smal", "--yes")
    assert found.code == 2
    assert "unknown experiment 'smal'; did you mean 'small'?" in found.err
    assert left(runs) == list(runs)


@pytest.mark.parametrize("answer", ["y", "yes"])
def test_asks_at_a_terminal(cli: Call, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(f"{answer}\n"))
    found = cli("gc", "--interrupted", "--tuning")
    assert found.code == 0
    assert "remove these 2 runs? [y/N]" in found.err
    assert "remove" not in found.out
    assert left(runs) == ["", "superseded"]


@pytest.mark.parametrize(("answer", "code"), [("n\n", 0), ("\n", 0), ("", 0), ("^C\n", 130)])
def test_only_a_yes_removes(
    cli: Call, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    found = cli("gc", "--interrupted")
    assert found.code == code
    assert "remove this run? [y/N]" in found.err
    assert found.err.splitlines()[-1].endswith("interrupted" if code else "removed nothing")
    assert left(runs) == list(runs)


@pytest.mark.parametrize("flag", ["--dry-run", "-n"])
def test_a_dry_run_lists_only(
    cli: Call, runs: dict[str, Path], folder: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    before = tree(folder)
    found = cli("gc", flag)
    assert (found.code, found.err) == (0, "")
    assert name(runs["superseded"]) in found.out
    assert tree(folder) == before


def test_a_dry_run_does_not_remove_even_with_yes(cli: Call, runs: dict[str, Path]) -> None:
    found = cli("gc", "--yes", "--dry-run")
    assert found.code == 2
    assert "--dry-run only lists" in found.err
    assert left(runs) == list(runs)


@pytest.mark.parametrize("removed", [False, True])
def test_json(cli: Call, runs: dict[str, Path], removed: bool) -> None:
    listed = sorted((name(path), why, bytes_of(path)) for why, path in runs.items() if why)
    found = json.loads(cli("gc", "--json", "--yes" if removed else "--dry-run").out)
    assert found == {
        "runs": [{"run": run, "why": why, "bytes": size, "removed": removed} for run, why, size in listed],
        "total": {"runs": 3, "bytes": sum(size for _, _, size in listed)},
    }


def test_json_lists_on_stderr_before_it_asks(cli: Call, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard("n\n"))
    found = cli("gc", "--json")
    assert [run["removed"] for run in json.loads(found.out)["runs"]] == [False] * 3
    for why, path in runs.items():
        assert (f"{name(path)}: {why}, " in found.err) == bool(why)


def bytes_of(path: Path) -> int:
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def test_csv_has_whole_numbers_and_markdown_people_s(cli: Call, runs: dict[str, Path]) -> None:
    head, *rows, total = csv.reader(io.StringIO(cli("gc", "-n", "--format", "csv").out))
    assert head == ["run", "why", "bytes"]
    sizes = {name(path): str(bytes_of(path)) for why, path in runs.items() if why}
    assert {run: size for run, _, size in rows} == sizes
    assert total == ["3 runs", "", str(sum(map(int, sizes.values())))]
    assert cli("gc", "-n", "--format", "markdown").out.startswith("| run | why | size |\n")


def test_what_cannot_be_removed_is_listed_at_the_end(
    cli: Call, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(files.Disk):
        def unlink(self, path: Path) -> None:
            if runs["superseded"] in path.parents:
                raise PermissionError(13, "Permission denied")
            super().unlink(path)

    monkeypatch.setattr(files, "disk", Stuck())
    found = cli("gc", "--json", "--yes")
    assert found.code == 6
    assert left(runs) == ["", "superseded"]
    assert {run["why"]: run["removed"] for run in json.loads(found.out)["runs"]} == {
        "interrupted": True,
        "superseded": False,
        "tuning, not yet judged": True,
    }
    said, error = found.err.splitlines()
    assert said.startswith("dltricks: removed 2 runs, ")
    assert error.startswith(f"dltricks: error: {runs['superseded']}/run.json: Permission denied")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (7 * 10**9, "7 GB"),
        (25 * 10**12, "25 TB"),
    ],
)
def test_sizes_for_people(count: int, text: str) -> None:
    from dltricks.cli.gc import _size

    assert _size(count) == text
