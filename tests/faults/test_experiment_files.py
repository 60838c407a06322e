"""Experiment files: whatever is wrong with one is told with file, line, key and remedy, and nothing is written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.shell import COMMAND, Call, Result, environment, tree

FILE = """\
dataset: {name: moons, samples: 60}
architecture: {name: mlp, hidden: [3]}
optimizer: sgd
epochs: 1
"""
"""Four lines; what is tested stands on the fifth."""


ASK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), used.ru_utime + used.ru_stime)
sys.exit(code)
"""
"""Runs a command and tells what it took. A process's peak begins with that of the one it was started from, and pytest's
may be anything: so a small process stands between."""


@pytest.fixture
def refused(cli: Call, folder: Path) -> Callable[..., Result]:
    """Trains a file with these further bytes and words, which must be refused before anything is written."""

    def train(further: str | bytes, *words: str, whole: bool = False) -> Result:
        content = further if isinstance(further, bytes) else further.encode()
        (folder / "own.yaml").write_bytes(content if whole else FILE.encode() + content)
        before = tree(folder)
        result = cli("train", "own.yaml", "--quiet", *words)
        assert result.code == 2, result
        assert result.out == ""
        assert "Traceback" not in result.err
        assert result.err.startswith("dltricks: error: ")
        assert all(len(line) < 1500 and line.isprintable() for line in result.err.splitlines())
        assert tree(folder) == before
        return result

    return train


@pytest.mark.parametrize(
    ("line", "place", "remedy"),
    [
        # duplicate keys
        ("epochs: 2", "own.yaml:5: epochs: duplicate key, first on line 4", "keep one of the two"),
        ("dropout: {name: dropout,\n  rate: 0.1, rate: 0}", "own.yaml:6: dropout.rate: ", "first on line 6; keep one"),
        ("sweep: {dropout: [0], dropout: [1]}", "own.yaml:5: sweep.dropout: duplicate key", "first on line 5"),
        # nothing is converted
        ('clipping: "1e-3"', "own.yaml:5: clipping: ", "write 1e-3 without quotes"),
        ('penalty: {name: l2, strength: "1e-3"}', "own.yaml:5: penalty.strength: ", "write 1e-3 without quotes"),
        ("limit: no", "own.yaml:5: limit: found the text 'no'", "did you mean 'none'?"),
        ("seed: on", "own.yaml:5: seed: found the text 'on'", "allowed: a whole number"),
        ("clipping: yes", "own.yaml:5: clipping: unknown clipping 'yes'", "allowed: adaptive"),
        ("batch_size: 1:30", "own.yaml:5: batch_size: found the text '1:30'", "allowed: a whole number"),
        ("seed: 012", "own.yaml:5: seed: 012 has leading zeros", "write the number without them, or quote"),
        ("seed: 2024-01-01", "own.yaml:5: seed: found the text '2024-01-01'", "allowed: a whole number"),
        ("seed: true", "own.yaml:5: seed: found true", "allowed: a whole number"),
        ("seed: 1.0", "own.yaml:5: seed: found 1.0", "allowed: a whole number"),
        ("name: 12", "own.yaml:5: name: found 12", "quote it"),
        # unknown names, with the nearest
        ("dropuot: 0.5", "own.yaml:5: dropuot: unknown key 'dropuot'", "did you mean 'dropout'?"),
        ("clipping: {name: norm, treshold: 1}", "own.yaml:5: clipping.treshold: ", "did you mean 'threshold'?"),
        ("clipping: no", "own.yaml:5: clipping: unknown clipping 'no'", "did you mean 'none'?"),
        ("dropout: Off", "own.yaml:5: dropout: unknown dropout 'Off'", "did you mean 'none'?"),
        ("clipping: nrom", "own.yaml:5: clipping: unknown clipping 'nrom'", "did you mean 'norm'?"),
        ("expect: {val_acuracy: '> 0'}", "own.yaml:5: expect.val_acuracy: ", "did you mean 'val_accuracy'?"),
        ("seed: {innit: 1}", "own.yaml:5: seed.innit: ", "did you mean 'init'?"),
        # numbers
        ("clipping: .inf", "own.yaml:5: clipping: .inf is not a finite number", "finite"),
        ("clipping: -.INF", "own.yaml:5: clipping: -.INF is not a finite number", "finite"),
        ("clipping: .nan", "own.yaml:5: clipping: .nan is not a finite number", "finite"),
        ("clipping: 1e999", "own.yaml:5: clipping: 1e999 is too large", "1e999"),
        ("seed: " + "9" * 5000, "own.yaml:5: seed: 99999", "whole numbers go up to 9223372036854775807"),
        ("seed: 0x" + "f" * 5000, "own.yaml:5: seed: 0xffff", "whole numbers go up to"),
        # YAML that could do more than hold values
        ("x: !!python/object/apply:os.system [touch own]", "own.yaml:5: x: tags are not allowed", "write the plain"),
        ("x: !!python/name:os.system", "own.yaml:5: x: tags are not allowed", "write the plain value"),
        ("seed: !!int '3'", "own.yaml:5: seed: tags are not allowed", "write the plain value"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "own.yaml:7: c: merge keys (<<) are not allowed", "write the fields out"),
        # There are no includes, so that none can go round in a circle.
        ("include: own.yaml", "own.yaml:5: include: unknown key 'include'", "allowed: name, dataset"),
        ("x: !include own.yaml", "own.yaml:5: x: tags are not allowed", "write the plain value"),
        # documents
        ("---\nepochs: 2", "own.yaml:5: a second document begins here", "holds one"),
        ("name: a\0b", "own.yaml:5: the character '\\x00' is not allowed", "not allowed"),
        # the same further down
        ("sweep: {penalty: [{name: l2, strength: '1e-3'}, l1]}", "own.yaml:5: penalty.strength: ", "without quotes"),
        ("sweep: {clipping: [0.5, no]}", "own.yaml:5: clipping: unknown clipping 'no'", "allowed: adaptive, none"),
        ("sweep: {clipping: [0.5, .nan]}", "own.yaml:5: sweep.clipping.1: .nan is not a finite", "finite"),
        ("sweep: {clippin: [0.5, 1]}", "own.yaml:5: sweep.clippin: ", "did you mean 'clipping'?"),
        ("sweep:\n  variants:\n    - {name: a, epochs: '2'}", "own.yaml:7: epochs: ", "write 2 without quotes"),
        ("sweep:\n  variants:\n    - {name: a, dropuot: 0.2}", "own.yaml:7: sweep.variants.0.dropuot: ", "'dropout'?"),
        ("seeds: '3'", "own.yaml:5: seeds: found the text '3'", "allowed: a whole number of seeds"),
        ("seeds: [1, 1]", "own.yaml:5: seeds: found the seed 1 twice", "keep one of them"),
        ("tune: {optimizer.lr: ['1e-3', 1e-2]}", "own.yaml:5: optimizer.lr: ", "write 1e-3 without quotes"),
        ("tune: {optimizer.lr: [1e-3, 1e999]}", "own.yaml:5: tune.optimizer.lr.1: 1e999 is too large", "1e999"),
        ("tune: {optimizer.lrr: [1e-3, 1e-2]}", "own.yaml:5: tune.optimizer.lrr: ", "did you mean 'lr'?"),
        ("margin: '0.1'", "own.yaml:5: margin: ", "without quotes"),
        ("checkpoint_seconds: '30'", "own.yaml:5: checkpoint_seconds: ", "write 30 without quotes"),
        # plugins
        ("plugins: own.py", "own.yaml:5: plugins: found the text 'own.py'", "allowed: a list"),
        ("plugins: [nowhere.py]", "own.yaml:5: plugins.0: ", "nowhere.py: No such file"),
        ("plugins: [/dev/zero]", "own.yaml:5: plugins.0: ", "a Python file is needed"),
        ("plugins: ['.']", "own.yaml:5: plugins.0: ", "a Python file is needed"),
        ("plugins: [own.yaml]", "own.yaml:5: plugins.0: ", "not a Python file"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place_and_remedy(
    refused: Callable[..., Result], line: str, place: str, remedy: str
) -> None:
    result = refused(line + "\n")
    assert result.err.startswith(f"dltricks: error: {place}")
    assert remedy in result.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "own.yaml:1: the file is empty"),
        (b"# nothing\n", "own.yaml:1: the file is empty"),
        (b"\xef\xbb\xbf", "own.yaml:1: the file is empty"),
        (b"- dataset: moons\n", "own.yaml:1: expected `key: value` lines at the top, found a list"),
        (b"moons\n", "own.yaml:1: expected `key: value` lines"),
        (FILE.encode() + b"name: \xff\n", "own.yaml:5: not UTF-8 text; save the file as UTF-8"),
        (FILE.encode("utf-16"), "own.yaml:1: not UTF-8 text"),
        (FILE.encode() + b"#" * 2**20, "own.yaml: larger than 1048576 bytes"),
    ],
)
def test_what_is_no_experiment_file(refused: Callable[..., Result], content: bytes, message: str) -> None:
    assert message in refused(content, whole=True).err


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + FILE.encode(), FILE.replace("\n", "\r\n").encode()])
def test_a_byte_order_mark_and_the_line_ends_of_windows_are_accepted(cli: Call, folder: Path, content: bytes) -> None:
    (folder / "own.yaml").write_bytes(content)
    assert cli("check", "own.yaml").code == 0


def test_an_exponent_is_a_number(cli: Call, folder: Path) -> None:
    (folder / "own.yaml").write_text(FILE + "clipping: 1e-3\n")
    assert cli("train", "own.yaml", "--quiet").code == 0
    (config,) = (folder / "runs").glob("own/*/config.yaml")
    assert "clipping: {name: norm, threshold: 0.001}" in config.read_text()


NAMES = [
    "../x", "/abs", "a/b", "a\\\\b", "", ".", "..", " a", "a.", "CON", "con.txt", "nul", "LPT1", "x" * 300,
    "é" * 101, "a:b", "a*b", "\\a", "a\\nb", "a\\x1b[31mb", "a\\u202eb", "\\x7f",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_cannot_be_folders(refused: Callable[..., Result], name: str) -> None:
    result = refused(f'name: "{name}"\n')
    assert result.err.startswith("dltricks: error: own.yaml:5: name: ")
    assert re.search("cannot name a folder: |the character .* is not allowed", result.err)
    assert refused("", f'name="{name}"').err.startswith("dltricks: error: command line: name: ")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ('optimizer.lr="1e-3"', "command line: optimizer.lr: found the text '1e-3', allowed: a number above 0; write"),
        ("clipping=no", "command line: clipping: unknown clipping 'no'"),
        ("clipping=0.5,no", "command line: clipping: unknown clipping 'no'"),
        ("seed=012", "command line: seed: 012 has leading zeros"),
        ("epochs=1:30", "command line: epochs: found the text '1:30'"),
        ("seed=2024-01-01", "command line: seed: found the text '2024-01-01'"),
        ("optimizer.lr=.inf", "command line: optimizer.lr: .inf is not a finite number"),
        ("optimizer.lr=0.1,1e999", "command line: optimizer.lr: 1e999 is too large"),
        ("seed=" + "9" * 5000, "command line: seed: 9999"),
        ("dropuot=0.5", "command line: dropuot: unknown key 'dropuot'; did you mean 'dropout'?"),
        ("optimizer.lrr=1", "command line: optimizer.lrr: unknown field of sgd 'lrr'; did you mean 'lr'?"),
        ("optimizer={name: sgd, name: adam}", "command line: optimizer: name: duplicate key, first on line 1"),
        ("architecture.hidden=" + "[" * 100_000, "command line: architecture.hidden: nested more than 20 levels deep"),
        ("optimizer=[!!python/name:os.system x]", "command line: optimizer: 0: tags are not allowed"),
        ("optimizer=!!python/name:os.system", "command line: optimizer: unknown optimizer '!!python/name:os.system'"),
        ("optimizer=[*a]", "command line: optimizer: 0: the alias 'a' names no finished value"),
        ("sweep={clipping: [0.5, '1']}", "command line: clipping: "),
        ("tune={optimizer.lr: [0.1, '1']}", "command line: optimizer.lr: found the text '1'"),
        ("plugins=[/dev/zero]", "command line: plugins.0: plugin "),
        ("epochs=1\x1b[31m", "command line: epochs: the character '\\x1b' is not allowed"),
        ("=1", "command line: expected key=value"),
        ("epochs", "command line: expected key=value"),
    ],
)  # fmt: skip
def test_the_same_on_the_command_line(refused: Callable[..., Result], word: str, message: str) -> None:
    assert message in refused("", word).err


ALIASES = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGED = "a0: &a0 {k: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12))
BOMBS = {
    "aliases": (ALIASES, "values, with aliases counted"),
    "merge keys": (MERGED, "merge keys (<<) are not allowed"),
    "lists in lists": ("x: " + "[" * 200_000, "nested more than 20 levels"),
    "mappings in mappings": ("x: " + "{a: " * 200_000, "nested more than 20 levels"),
    "blocks in blocks": ("x:\n  " + "- " * 200_000, "nested more than 20 levels"),
    "nested aliases": (
        "".join(f"a{i}: &a{i} [{f'*a{i - 1}' if i else ''}]\n" for i in range(5000)),
        "nested more than",
    ),
    "many values": ("x: [" + "1," * 300_000 + "]", "more than 10000 values"),
    "one long number": ("seed: " + "9" * 10**6, "is too large"),
    "one long key": ("y" * 1_000_000 + ": 1", "own.yaml:5: "),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process's memory in this way")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_neither_memory_nor_time(folder: Path, name: str) -> None:
    content, message = BOMBS[name]
    (folder / "own.yaml").write_text(FILE + content + "\n")
    (folder / "plain.yaml").write_text(FILE + "epoch: 1\n")
    before = tree(folder)
    plain, bomb = _cost(folder, "plain.yaml"), _cost(folder, "own.yaml")
    assert (plain[0], bomb[0]) == (2, 2)
    assert message in bomb[1]
    assert bomb[2] < 200 * 2**20
    assert bomb[3] < plain[3] + 1
    assert tree(folder) == before


def _cost(folder: Path, file: str) -> tuple[int, str, int, float]:
    """Exit code and message of a process of its own, with its memory in bytes and its seconds of computing."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, *COMMAND, "train", file, "--quiet"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    memory, seconds = done.stdout.split()
    return done.returncode, done.stderr, int(memory), float(seconds)
