import pytest

from dltricks.core.folder_name import name_problem


@pytest.mark.parametrize("name", ["mnist-dropout", "a", "x" * 100, "Über uns", "v1.2", "a b", "console", "com10"])
def test_names_of_folders(name):
    assert name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "../x", "/abs", "a/b", "a\\b", "..", ".", ".hidden", "a.", "a ", " a", "x" * 300, "é" * 101,
     "漢" * 80, "CON", "con.txt", "con .txt", "Nul", "com1", "LPT9.yaml", "a\nb", "a\x1b[31m", "a\u202eb", "a\x7f",
     "c:", "a*", "a?", 'a"', "<b>", "a|b", "\ud800"],
)  # fmt: skip
def test_names_that_cannot_be_folders_everywhere(name):
    assert name_problem(name)
