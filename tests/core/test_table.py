import math

import numpy as np
import pytest

from dltricks.core.errors import FileSystemError, UsageError
from dltricks.core.table import Encoder, number, numbers, read_table


@pytest.mark.parametrize(
    ("cell", "value"), [("1", 1.0), ("-.5", -0.5), ("+2.5e-3", 0.0025), ("007", 7.0), ("1e999", math.inf)]
)
def test_numbers_are_read(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "NaN", "-nan", "NULL", "?"])
def test_marks_of_missing_numbers_are_nan(cell):
    assert math.isnan(number(cell))


@pytest.mark.parametrize("cell", ["1_000", "1,5", "\u0661", "0x10", "1 2", "12b", "true", "-"])
def test_anything_else_is_text(cell):
    assert number(cell) is None


def table(tmp_path, text, delimiter=","):
    path = tmp_path / "t.csv"
    path.write_text(text, "utf-8", newline="")
    return read_table(path, delimiter)


def test_lines_count_as_an_editor_counts_them(tmp_path):
    t = table(tmp_path, 'a,b\r\n\r\n1,"two\r\nlines"\r\n3,4\r\n')
    assert t.rows == [["1", "two\r\nlines"], ["3", "4"]]
    assert t.lines == [3, 5]
    assert str(t.error(1, "b", "is odd")).endswith("t.csv:5: column 'b' is odd")


def test_a_column_of_mostly_text_is_text(tmp_path):
    t = table(tmp_path, "a,b\n1,x\n2,y\n,3\n")
    np.testing.assert_array_equal(numbers(t, "a"), [1, 2, np.nan])
    assert numbers(t, "b") is None


def test_a_missing_file_is_a_matter_of_the_file_system(tmp_path):
    with pytest.raises(FileSystemError, match="nothing"):
        read_table(tmp_path / "nothing.csv", ",")


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_a_delimiter_is_one_character(tmp_path, delimiter):
    with pytest.raises(UsageError, match="one character"):
        table(tmp_path, "a,b\n1,2\n", delimiter)


def test_rows_to_drop_are_told_not_taken(tmp_path):
    t = table(tmp_path, "a,c\n1,u\n,u\n3,\n4,v\n")
    encoder = Encoder.learn(t, ["a", "c"], "onehot", "drop")
    x, kept = encoder.encode(t)
    assert encoder.features == ["a", "c=u", "c=v"]
    assert kept.tolist() == [True, False, False, True]
    assert x[kept].tolist() == [[1, 1, 0], [4, 0, 1]]
