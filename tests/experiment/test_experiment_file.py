"""The page docs/experiment-file.md against the code that it describes."""

import re
from pathlib import Path

import pytest

from dltricks.core.registry import KINDS
from dltricks.experiment import document as bounds
from dltricks.experiment.document import parse
from dltricks.experiment.resolve import KEYS, resolve
from dltricks.experiment.schema import properties
from dltricks.experiment.settings import SeedKeys, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "experiment-file.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
EXAMPLES = re.findall(r"\| `(\w+: [^`]+)`[^|]*\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", [*BLOCKS, *[example for example in EXAMPLES if "path:" not in example]])
def test_every_example_is_a_valid_file(text):
    resolve(parse(text, "page.yaml"))


def test_there_is_an_example_for_every_trick():
    assert [example.partition(":")[0] for example in EXAMPLES] == list(KINDS)


def test_every_key_has_a_row():
    assert sorted(ROWS) == sorted(KEYS)


def test_defaults_are_those_of_the_code():
    for key, kind in KINDS.items():
        assert ROWS[key].startswith(f"`{kind.default}`")
    for key, schema in properties(Settings).items():
        default = schema["default"]
        written = f"{default:g}" if isinstance(default, float) else default
        assert f"| `{written}` |" in ROWS[key]


def test_the_purposes_of_seeds_and_the_bounds_are_named():
    for purpose in properties(SeedKeys):
        assert f"`{purpose}`" in PAGE
    assert f"{bounds.MAX_NODES:,} values" in PAGE
    assert f"{bounds.MAX_DEPTH} levels" in PAGE
