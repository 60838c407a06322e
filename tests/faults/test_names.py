"""Names that mean something to a terminal, a spreadsheet, a browser or LaTeX come out as text, from every command.

No report is in HTML; Markdown and SVG, which browsers show, are held to what HTML would need.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.shell import Call, Result, tree

from dltricks.cli.options import Format
from dltricks.runs import sealed, study_file

SIGNS = {
    "markup": "[bold red]red[/bold red][link=file:///etc]x[/link]",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "at": "@SUM(A1)",
    "table": "a|b`c`*d*_e_[f](javascript:g)",
    "latex": r"\input{/etc/passwd}%$&#_^~{}",
    "html": "<script>alert(1)</script><img src=x onerror=y>",
    "long": "x" * 300,
}
"""What a name can hold that may be printed as it is."""
CONTROLS = {
    "colour": "\x1b[31mred\x1b[0m",
    "link": "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x07",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b2J\x9d0;x\x9c",
    "bidi": "a\u202eb\u2066c\u200b",
    "lines": "a\nb\r\tc\u2028d",
}
HOSTILE = {**SIGNS, **CONTROLS}
MATPLOTLIB_TAGS = {
    *("svg", "metadata", "RDF", "Work", "type", "format", "creator", "Agent", "title", "defs", "style", "g", "path"),
    *("use", "clipPath", "rect", "image"),
}


def printable(text: str) -> None:
    """Fails where a terminal would obey or hide anything."""
    bad = [line for line in text.split("\n") if not line.isprintable()]
    assert not bad, bad[:3]


def sound(result: Result, format: str) -> None:
    """Fails unless what was printed in a format is nothing but its data."""
    printable(result.err)
    printable(result.out)
    if format == "json":
        json.loads(result.out)
        assert result.out.isascii()
    elif format == "csv":
        tables = [list(csv.reader(io.StringIO(text))) for text in result.out.split("\n\n")]
        assert all(len({len(row) for row in table}) <= 1 for table in tables)
        rows = [row for table in tables for row in table]
        number = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")
        assert not [c for row in rows for c in row if c.lstrip()[:1] in tuple("=+-@") and not number.fullmatch(c)]
    elif format == "markdown":
        tables = re.findall(r"(?:^\|.*\n)+", result.out, re.MULTILINE)
        assert tables
        for table in tables:
            lines = re.sub(r"\\\\", "", table).splitlines()
            assert len(lines) > 2
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines
            assert not re.search(r"(?<!\\)[`<>\[\]]", "".join(lines))
    elif format == "latex":
        body = "".join(line for line in result.out.splitlines() if line.endswith(r"\\"))
        words = r"\\text(backslash|asciitilde|asciicircum|less|greater|bar)\{\}"
        allowed = words + r"|\\\\|\\[&%$#_{}]|\$\\pm\$"
        rest = re.sub(allowed, "", body)
        assert not set(rest) & set("\\%$#_^~{}"), rest


def test_there_is_no_further_format() -> None:
    """Whoever adds one, such as HTML, has to hold it to the same."""
    assert {each.value for each in Format} == {"table", "markdown", "csv", "latex", "json"}


def data(folder: Path, names: dict[str, str]) -> None:
    """A table of numbers whose columns and classes bear the names."""
    with (folder / "own.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = list(names.values())
        writer.writerow([*columns, "class"])
        for row in range(8 * len(columns)):
            values = [(row * 7 + at * row) % 11 for at in range(len(columns))]
            writer.writerow([*values, columns[row % len(columns)]])


FILE = """\
name: "=own [red]`x`$&%#_{}~^ @;'"
dataset: {name: csv, path: own.csv, target: class}
architecture: {name: mlp, hidden: [4]}
optimizer: {name: sgd}
scaling: standardize
epochs: 2
seeds: 3
sweep: {variants: [{name: a+1}, {name: e.9-2, optimizer.lr: 0.2}, {name: plain, optimizer.lr: 0.5}]}
"""


@pytest.fixture
def runs(cli: Call, folder: Path) -> Path:
    """A folder of runs whose experiment, classes, variants and own path have such names."""
    data(folder, HOSTILE)
    (folder / "own.yaml").write_text(FILE, encoding="utf-8")
    runs = folder / "\x1b[31m[red]\u202e\n=x|`$&<b>"
    trained = cli("train", "own.yaml", "--runs-dir", runs)
    assert trained.code == 0, trained
    sound(trained, "table")
    return runs


def relabel(runs: Path, labels: list[str]) -> None:
    """Gives the arms of the study labels that no experiment file can give."""
    (folder,) = (path.parent for path in runs.glob("=own*/study.json"))
    plan = study_file.load(folder)
    assert plan is not None
    new = dict(zip((arm["label"] for arm in plan["arms"]), labels, strict=True))
    arms = [{"label": new[arm["label"]], "varied": {"variant": new[arm["label"]]}} for arm in plan["arms"]]
    of_runs = [{**run, "arm": new[run["arm"]]} for run in plan["runs"]]
    sealed.save(folder / study_file.NAME, {**plan, "arms": arms, "runs": of_runs, "baseline": labels[0]})


@pytest.mark.parametrize("format", [each.value for each in Format])
def test_every_command_that_prints_names(cli: Call, folder: Path, runs: Path, format: str) -> None:
    run = sorted(path.parent for path in runs.glob("*/*/run.json"))
    there = ("--runs-dir", runs)
    for words in (
        ("list", *there),
        ("list", *there, "--where", "val_accuracy>=0"),
        ("compare", *there, "--pairs"),
        ("compare", *there, "--metric", "val_loss", "--baseline", "plain"),
        ("verdict", "plain", "a+1", *there),
        ("diff", run[0], run[-1]),
        ("evaluate", run[0]),
        ("average", *(path for path in run if "-s0-" in path.name)),
        ("predict", run[0], "own.csv"),
        ("train", "own.yaml", *there),
        ("train", "own.yaml", *there, "--plan"),
        ("train", "own.yaml", "seeds=2", "sweep={}", "name='=one[b]'", *there),
    ):
        result = cli(*words, "--format", format)
        assert result.code == 0, (words, result)
        sound(result, format)
    for number in range(0, len(HOSTILE), 3):
        labels = list(HOSTILE.values())[number : number + 3]
        relabel(runs, [f"{label}{at}" for at, label in enumerate([*labels, "", ""][:3])])
        result = cli("compare", *there, "--pairs", "--format", format)
        assert result.code == 0, result
        sound(result, format)
        for words in (("verdict", f"{labels[0]}0", f"{labels[1]}1", *there), ("list", *there)):
            result = cli(*words, "--format", format)
            assert result.code in (0, 2), result
            sound(result, format if result.code == 0 else "table")


def test_curves_and_figures(cli: Call, folder: Path, runs: Path) -> None:
    pytest.importorskip("matplotlib")
    for number in range(0, len(HOSTILE), 3):
        relabel(runs, [f"{label}{at}" for at, label in enumerate([*list(HOSTILE.values())[number:], "", ""][:3])])
        for file in ("curves.svg", "curves.png"):
            drawn = cli("compare", "--runs-dir", runs, "--plot", "--save", file)
            assert drawn.code == 0, drawn
            sound(drawn, "table")
        svg = (folder / "curves.svg").read_text("utf-8")
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
        assert tags <= MATPLOTLIB_TAGS
        assert "script>" not in svg
        assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_listed_for_removal_and_what_is_damaged(cli: Call, folder: Path, runs: Path) -> None:
    run = min(path.parent for path in runs.glob("*/*/run.json"))
    (run / "weights.npz").write_bytes(b"")
    for words in (("gc", "--dry-run"), ("list",), ("evaluate", run.name[-12:]), ("train", folder / "own.yaml")):
        result = cli(*words, "--runs-dir", runs)
        assert result.code in (0, 4, 7), result
        sound(result, "table")
    (run / "run.json").unlink()
    for words in (("gc", "--dry-run"), ("gc",), ("gc", "--yes"), ("compare",), ("list", "--where", "nothing=1")):
        result = cli(*words, "--runs-dir", runs)
        assert result.code in (0, 2, 4), result
        sound(result, "table")


@pytest.mark.parametrize("format", ["table", "json"])
def test_noise(cli: Call, folder: Path, format: str) -> None:
    data(folder, SIGNS)
    (folder / "own.yaml").write_text("\n".join(FILE.splitlines()[:6]))
    result = cli("noise", "own.yaml", "--seeds", "6", "--runs-dir", "a\x1b[31m[red]\n", "--quiet", "--format", format)
    assert result.code == 0, result
    sound(result, format)


@pytest.mark.parametrize("name", HOSTILE)
def test_paths_and_words_in_messages(cli: Call, folder: Path, name: str) -> None:
    """Each is refused, or taken, with nothing in the answer that acts."""
    hostile = HOSTILE[name]
    before = tree(folder)
    for words in (
        ("train", hostile),
        ("train", "small.yaml", f"name={hostile}/"),
        ("train", "small.yaml", hostile),
        ("train", "small.yaml", f"optimizer={hostile}"),
        ("train", "small.yaml", f"{hostile}=1"),
        ("train", "small.yaml", "--plugin", hostile),
        ("train", "small.yaml", f"dataset={{name: csv, path: {json.dumps(hostile)}, target: y}}"),
        ("list", "--where", hostile),
        ("list", hostile),
        ("compare", hostile),
        ("compare", "--runs-dir", hostile),
        ("verdict", hostile, hostile),
        ("diff", hostile, hostile),
        ("evaluate", hostile),
        ("gc", "--runs-dir", hostile),
        ("worker", f"--manifest={hostile}", "--index=0"),
        ("tricks", hostile),
        ("check", hostile),
        (hostile,),
    ):
        result = cli(*words)
        assert result.code in (0, 2, 4, 6), (words, result)
        sound(result, "table")
    assert tree(folder) == before


PLUGIN = '''"""{doc}: a rule."""
from dataclasses import dataclass

from dltricks.activations.relu import Relu as Base


@dataclass
class Own(Base):
    """{doc}"""
'''


@pytest.mark.parametrize("words", [("train", "small.yaml", "--fo\u202e\u2066x"), ("list", "-\u200b=a"), ("--\u202e",)])
def test_options_that_nobody_sees(cli: Call, folder: Path, words: tuple[str, ...]) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (2, "")
    assert "no such option: -" in result.err
    sound(result, "table")


def test_plugins_that_lie_in_hostile_folders_and_say_hostile_things(cli: Call, folder: Path) -> None:
    place = folder / "\x1b[31m[red]\u202e\n<b>"
    place.mkdir()
    said = "".join(HOSTILE.values()).encode("unicode_escape").decode().replace('"', "")
    (place / "own.py").write_text(PLUGIN.format(doc=said))
    for words in (
        ("tricks", "--plugin", place / "own.py"),
        ("tricks", "own", "--plugin", place / "own.py"),
        ("train", "small.yaml", "activation=own", "--plugin", place / "own.py"),
        ("check", "small.yaml", "activation=own", "--plugin", place / "own.py"),
    ):
        result = cli(*words)
        assert result.code == 0, (words, result)
        sound(result, "table")
    (place / "=cmd[red].py").write_text("")
    (place / "broken.py").write_text("raise RuntimeError('\\x1b[31m[red]\\u202e')")
    for name in ("=cmd[red].py", "broken.py"):
        result = cli("train", "small.yaml", "--plugin", place / name)
        assert result.code == 2
        sound(result, "table")


def test_a_starter_file_in_a_hostile_place(cli: Call, folder: Path) -> None:
    place = folder / "\x1b[31m[red]\u202e"
    place.mkdir()
    result = cli("init", place / "own.yaml")
    assert result.code == 2
    assert "contains a character that no experiment file may hold" in result.err
    sound(result, "table")
