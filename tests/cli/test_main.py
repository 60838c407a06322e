from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.shell import COMMAND, COMMANDS, Call, environment, process

import dltricks
from dltricks.core import errors

EXIT_CODES = {
    errors.UsageError: 2,
    errors.DivergedError: 3,
    errors.DamagedError: 4,
    errors.LockedError: 5,
    errors.FileSystemError: 6,
    errors.SomeFailedError: 7,
    errors.ClusterError: 8,
    errors.ExpectationError: 9,
}


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("dltricks.api.tricks.tricks", fail)


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], *([command, "-h"] for command in COMMANDS)], ids=" ".join)
def test_help_fits_80_columns(folder: Path, arguments: list[str]) -> None:
    found = process(*arguments, cwd=folder, env={"COLUMNS": "80"})
    assert found.code == 0
    assert found.err == ""
    assert found.out.startswith("Usage: dltricks ")
    assert max(map(len, found.out.splitlines())) < 80


def test_help_names_every_command_and_exit_code(cli: Call) -> None:
    found = cli("-h").out
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z]", found, re.MULTILINE)
    words = " ".join(found.split())
    for code in ("0 ok", "1 bug", "2 usage", "3 diverged", "4 damaged", "5 locked", "6 file system"):
        assert code in words
    for code in ("7 some runs failed", "8 cluster", "9 expect", "129/130/143"):
        assert code in words


def test_every_command_has_a_function_of_its_name() -> None:
    functions = set(dltricks.__all__) - {"__version__", "plan"}  # which is train --plan
    assert {command.replace("-", "_") for command in COMMANDS} == functions
    assert all(callable(getattr(dltricks, name)) for name in (*functions, "plan"))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["nonsense"]], ids=" ".join)
def test_what_computes_nothing_loads_nothing(folder: Path, arguments: list[str]) -> None:
    # typer itself may load pydantic to parse a command's options.
    heavy = {"numpy", "scipy", "yaml", "pooch", "rich", *(["pydantic"] if arguments[0].startswith("--") else [])}
    code = (
        "import sys\nfrom dltricks.cli.main import main\n"
        f"sys.argv = {['dltricks', *arguments]!r}\n"
        "try: main()\n"
        f"finally: print('loaded', *sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=folder, capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout.splitlines()[-1] == "loaded"


def test_version(cli: Call) -> None:
    assert cli("--version").out == f"dltricks {dltricks.__version__}\n"


def test_without_a_command_it_shows_help(cli: Call) -> None:
    found = cli()
    assert found.code == 2
    assert "Commands:" in found.out + found.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["trian", "train"]),
        (["train"], ["Missing argument", "FILE"]),
        (["train", "small.yaml", "--thread", "2"], ["--thread", "--threads"]),
        (["train", "small.yaml", "--threads", "two"], ["--threads", "integer"]),
        (["train", "small.yaml", "--format", "xml"], ["--format", "xml", "markdown"]),
        (["evaluate"], ["Missing argument", "RUN"]),
        (["average"], ["Missing argument", "RUN"]),
        (["predict", "run"], ["Missing argument", "FILE"]),
        (["init", "a.yaml", "b.yaml"], ["b.yaml"]),
        (["ablate"], ["Missing argument", "FILE"]),
        (["worker", "--index", "0"], ["Missing option", "--manifest"]),
        (["worker", "--manifest", "m.json"], ["Missing option", "--index"]),
        (["train", "small.yaml", "--workers", "two"], ["--workers", "integer"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_command_lines(cli: Call, arguments: list[str], words: list[str]) -> None:
    found = cli(*arguments)
    assert found.code == 2
    assert found.out == ""
    for word in words:
        assert word in found.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells writers of a closed pipe otherwise")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["--version"], 0), (["compare", "--help"], 0), (["tricks"], 0), (["trian"], 2), (["train"], 2)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_reader_that_leaves_changes_no_exit_code(folder: Path, arguments: list[str], code: int) -> None:
    ours, its = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=folder, env=environment(), stdout=its, stderr=its, timeout=60, check=False
        )
    finally:
        os.close(its)
    assert done.returncode == code


@pytest.mark.parametrize("error", EXIT_CODES, ids=lambda error: error.__name__)
def test_errors_become_exit_codes(
    cli: Call, monkeypatch: pytest.MonkeyPatch, error: type[errors.DltricksError]
) -> None:
    failing(monkeypatch, error("runs/\x1b[31mred: what was found"))
    found = cli("tricks")
    assert found.code == EXIT_CODES[error]
    assert found.err == "dltricks: error: runs/\\x1b[31mred: what was found\n"


@pytest.mark.parametrize("number", [1, 2, 15])
def test_signals_become_exit_codes(cli: Call, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    failing(monkeypatch, errors.StoppedError("stopped; the same command goes on", number))
    found = cli("tricks")
    assert found.code == 128 + number
    assert found.err == "dltricks: stopped; the same command goes on\n"


def test_a_bug_shows_no_traceback(cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyError("surprise"))
    found = cli("tricks")
    assert found.code == 1
    assert found.err.splitlines() == [
        "dltricks: bug: KeyError: 'surprise' (run again with --debug for the traceback, and report it)"
    ]


@pytest.mark.parametrize("error", [KeyError("surprise"), errors.UsageError("wrong")], ids=repr)
def test_debug_lets_errors_through(cli: Call, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    failing(monkeypatch, error)
    with pytest.raises(type(error)):
        cli("tricks", "--debug")
    assert cli("tricks").code != 0  # the next command begins without it


def test_memory_that_is_not_there(cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, MemoryError("Unable to allocate 3 PiB"))
    found = cli("tricks")
    assert found.code == 2
    assert found.err.startswith("dltricks: error: not enough memory (Unable to allocate 3 PiB)")


def test_the_keyboard_interrupts(cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    found = cli("tricks")
    assert found.code == 128 + signal.SIGINT
    assert found.err == "dltricks: interrupted\n"


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(143)], ids=["one", "two"])
def test_signals_that_python_made_another_error_of(
    cli: Call, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    """As up to Python 3.11 while a class is being made."""
    error = RuntimeError("Error calling __set_name__ on 'Field' instance")
    error.__cause__ = raised
    failing(monkeypatch, error)
    found = cli("tricks")
    assert (found.code, found.err) in [(130, "dltricks: interrupted\n"), (143, "")]
    assert (found.code == 143) == isinstance(raised, SystemExit)


def test_a_bug_that_is_a_runtime_error(cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("surprise")
    error.__context__ = KeyError("what was being handled")
    failing(monkeypatch, error)
    found = cli("tricks")
    assert found.code == 1
    assert found.err.startswith("dltricks: bug: RuntimeError: surprise")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["tricks"], ["tricks", "--json"], ["schema"]], ids=" ".join)
def test_an_output_that_cannot_be_written(folder: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 6
    assert done.stderr == (
        b"dltricks: error: cannot write the output: No space left on device; "
        b"free some space, then run the same command again\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes")
@pytest.mark.parametrize(
    "arguments",
    [["tricks"], ["tricks", "--format", "csv"], ["schema"], ["train", "small.yaml", "--quiet"]],
    ids=" ".join,
)
def test_a_reader_who_leaves_is_no_error(folder: Path, arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environment(), stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_pipe_that_cannot_spell_everything(folder: Path) -> None:
    found = process("lr-find", "small.yaml", cwd=folder, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert found.code == 0
    assert found.out.isascii()
    assert "\\u" not in found.out
    assert process("tricks", cwd=folder, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}).code == 0


def completed(folder: Path, words: str) -> list[str]:
    """What bash would be offered for the last word."""
    env = {
        "_DLTRICKS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    return process(cwd=folder, env=env).out.split()


def test_completion_script(folder: Path) -> None:
    found = process(cwd=folder, env={"_DLTRICKS_COMPLETE": "source_bash"})
    assert found.code == 0
    assert "complete -o default -F _dltricks_completion dltricks" in found.out


def test_show_completion(folder: Path) -> None:
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    found = process("--show-completion", "bash", cwd=folder, env=env)
    assert found.code == 0
    assert "_DLTRICKS_COMPLETE=complete_bash" in found.out


def test_completes_commands(folder: Path) -> None:
    assert completed(folder, "dltricks tr") == ["train", "tricks"]


def test_completes_options(folder: Path) -> None:
    assert completed(folder, "dltricks train --fr") == ["--fresh"]


def test_completes_tricks(folder: Path) -> None:
    assert completed(folder, "dltricks tricks adam") == ["adam", "adamax", "adamw"]


def test_completes_overrides(folder: Path) -> None:
    assert completed(folder, "dltricks train small.yaml opti") == ["optimizer="]
    assert completed(folder, "dltricks train small.yaml optimizer=adam") == [
        "optimizer=adam",
        "optimizer=adamax",
        "optimizer=adamw",
    ]


INTERRUPTED = """
import builtins, runpy, signal, sys
real = builtins.__import__
def importing(name, *rest, **named):
    if name == {name!r}:
        signal.raise_signal(signal.SIGINT)
    return real(name, *rest, **named)
builtins.__import__ = importing
sys.argv = ["dltricks", "tricks"]
runpy.run_module("dltricks", run_name="__main__")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends signals differently")
@pytest.mark.parametrize("name", ["typer", "dltricks.api.tricks"])
def test_the_keyboard_interrupts_imports(folder: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(name=name)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 128 + signal.SIGINT
    assert (done.stdout, done.stderr) in [("", ""), ("", "dltricks: interrupted\n")]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends signals differently")
def test_the_keyboard_interrupts_the_exit(folder: Path) -> None:
    code = (
        "import atexit, signal, sys\nfrom dltricks.__main__ import main\n"
        "atexit.register(signal.raise_signal, signal.SIGINT)\nsys.argv = ['dltricks', '--version']\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "")
    assert done.stdout == f"dltricks {dltricks.__version__}\n"


@pytest.mark.parametrize("wanted", [None, "2"])
def test_what_a_process_does_without(folder: Path, wanted: str | None) -> None:
    """Threads of BLAS that wait for work and plugins of pydantic, unless the user asks, and most looks for garbage."""
    code = (
        "import atexit, gc, os, sys\nfrom dltricks.__main__ import main\n"
        "NAMES = 'OPENBLAS_NUM_THREADS', 'PYDANTIC_DISABLE_PLUGINS'\n"
        "def show(): print(*map(os.environ.get, NAMES), gc.get_threshold()[0], gc.get_freeze_count() > 0)\n"
        "atexit.register(show)\n"
        "sys.argv = ['dltricks', '--version']\nmain()"
    )
    env = environment()
    for name in ("OPENBLAS_NUM_THREADS", "PYDANTIC_DISABLE_PLUGINS"):
        env.pop(name, None)
        if wanted:
            env[name] = wanted
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines()[1:] == [f"{wanted or '1'} {wanted or '__all__'} 100000 True"]


def test_a_command_that_is_named_is_made_alone() -> None:
    from dltricks.cli.main import _command_line

    def made(*words: str) -> list[str]:
        return [command.name or "" for command in _command_line(words).registered_commands]

    assert made("train", "file.yaml") == ["train"]
    assert sorted(made()) == sorted(made("--help")) == sorted(made("trian")) == sorted(COMMANDS)
