from __future__ import annotations

from pathlib import Path

import pytest
from cli.shell import Call


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--save", "curves.pdf"), "--save: found 'curves.pdf', allowed: a file that ends in .svg or .png"),
        (("--plot", "--json"), "--plot draws for people"),
        (("--where", "dropout<"), "--where"),
        (("nowhere",), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_printed(
    cli: Call, folder: Path, words: tuple[str, ...], message: str
) -> None:
    assert cli("train", "small.yaml", "--quiet").code == 0
    result = cli("compare", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert not (folder / "curves.pdf").exists()
