from __future__ import annotations

from pathlib import Path

import pytest
from cli.shell import Call, process

import dltricks


def test_nothing_to_write_is_a_usage_error(cli: Call, folder: Path) -> None:
    found = cli("export", "small")
    assert found.code == 2
    assert "name a file with --onnx or --safetensors" in found.err


@pytest.mark.export
def test_as_a_process(folder: Path) -> None:
    dltricks.train("small.yaml")
    found = process("export", "small", "--onnx", "net.onnx", "--safetensors", "net.safetensors", cwd=folder)
    assert (found.code, found.err) == (0, "")
    sizes = [Path(name).stat().st_size for name in ("net.onnx", "net.safetensors")]
    assert found.out.splitlines() == [
        f"wrote net.onnx, {sizes[0]:,} bytes",
        f"wrote net.safetensors, {sizes[1]:,} bytes",
    ]
