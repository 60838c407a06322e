"""The page docs/experiment-file.md against the code that it describes."""

import re
from pathlib import Path

import pytest

from dltricks.core.registry import KINDS
from dltricks.experiment import document as bounds
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import parse_override
from dltricks.experiment.schema import properties
from dltricks.experiment.settings import KEYS, STUDY_KEYS, SeedKeys, Settings
from dltricks.experiment.study import experiments, read_study
from dltricks.experiment.tuning import OPTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "experiment-file.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
GRIDS = re.findall(r"(\{l\w+: \[[^]]*\], count: \d\})`[^`]*?(?:, here|is) ([-\d., e]+\d)", PAGE)
EXAMPLES = re.findall(r"\| `(\w+: [^`]+)`[^|]*\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", [*BLOCKS, *[example for example in EXAMPLES if "path:" not in example]])
def test_every_example_is_a_valid_file(text):
    assert list(experiments(read_study(parse(text, "page.yaml"))))


def test_the_sweep_has_as_many_runs_as_the_page_says():
    (text,) = [text for text in BLOCKS if "seeds: 5" in text]
    assert "3 x 2 x 4 = 24 arms with 5 seeds each, 120 runs" in PAGE
    study = read_study(parse(text, "page.yaml"))
    assert (len(study.arms), len(list(experiments(study)))) == (24, 120)


@pytest.mark.parametrize(("form", "written"), GRIDS)
def test_the_values_of_grids_are_those_of_the_page(form, written):
    study = read_study(parse(f"sweep: {{optimizer.lr: {form}}}", "page.yaml"))
    assert [arm.varied["optimizer.lr"] for arm in study.arms] == [float(value) for value in written.split(",")]


def test_every_grid_of_the_page_tells_its_values():
    assert len(GRIDS) == 3


def test_every_word_of_the_command_line_is_valid():
    words = [
        word for row in re.findall(r"^\| (`\w[\w.]*=.*?) \|", PAGE, re.MULTILINE) for word in re.findall("`(.*?)`", row)
    ]
    assert len(words) > 15
    for word in words:
        read_study(parse("optimizer: adam", "page.yaml"), [parse_override(word)] if "..." not in word else [])


def test_there_is_an_example_for_every_trick():
    assert [example.partition(":")[0] for example in EXAMPLES] == list(KINDS)


def test_every_key_has_a_row():
    # The options of tune have a table of their own.
    assert set(ROWS) == {*KEYS, *STUDY_KEYS, *OPTIONS}


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
