from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.shell import environment

from dltricks.blas import choose_kernels

FLAGS = "fpu avx2 avx512f avx512bw avx512cd avx512dq avx512vl"
AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: {flags}\n\nprocessor\t: 1\n"


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that whatever a test leaves behind is taken back.
    monkeypatch.setenv("OPENBLAS_CORETYPE", "")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    monkeypatch.delitem(sys.modules, "numpy", raising=False)


def chosen(folder: Path, cpuinfo: str) -> str | None:
    path = folder / "cpuinfo"
    path.write_text(cpuinfo)
    choose_kernels(path)
    return os.environ.get("OPENBLAS_CORETYPE")


def test_amd_with_avx512(tmp_path: Path) -> None:
    assert chosen(tmp_path, AMD.format(flags=FLAGS)) == "SkylakeX"


@pytest.mark.parametrize("missing", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
def test_amd_without_all_of_it(tmp_path: Path, missing: str) -> None:
    assert chosen(tmp_path, AMD.format(flags=FLAGS.replace(f" {missing}", ""))) is None


@pytest.mark.parametrize("cpuinfo", ["", "CPU implementer : 0x41\n", AMD.format(flags=FLAGS).replace("AMD", "Other")])
def test_other_processors_choose_for_themselves(tmp_path: Path, cpuinfo: str) -> None:
    assert chosen(tmp_path, cpuinfo) is None


def test_the_first_processor_counts(tmp_path: Path) -> None:
    assert chosen(tmp_path, AMD.format(flags="fpu") + "vendor_id : AuthenticAMD\nflags : " + FLAGS) is None


def test_the_user_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert chosen(tmp_path, AMD.format(flags=FLAGS)) == "Haswell"


def test_too_late_after_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", object())
    assert chosen(tmp_path, AMD.format(flags=FLAGS)) is None


def test_no_cpuinfo(tmp_path: Path) -> None:
    choose_kernels(tmp_path / "nothing")
    assert "OPENBLAS_CORETYPE" not in os.environ


def test_it_is_chosen_before_numpy_is_there() -> None:
    code = (
        "import sys, dltricks.blas as blas\n"
        "assert 'numpy' not in sys.modules\n"
        "import dltricks\n"
        "dltricks.train\n"
        "assert 'numpy' in sys.modules"
    )
    env = {key: value for key, value in environment().items() if key != "OPENBLAS_CORETYPE"}
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, check=True)
