"""Chooses OpenBLAS kernels before numpy is loaded.

OpenBLAS picks its kernels by the processor's model number. Versions up to 0.3.31 do not know AMD's newer models and
fall back to kernels for Haswell, although the processor has AVX-512: products of matrices then take about twice as
long.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def choose_kernels(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Asks for the AVX-512 kernels on an AMD processor that has them, unless the user has chosen.

    Does nothing where numpy is loaded already or the processor cannot be read; the kernels in use are in env.json.
    """
    if "OPENBLAS_CORETYPE" in os.environ or "numpy" in sys.modules:
        return
    try:
        text = cpuinfo.read_text("ascii", "replace").partition("\n\n")[0]
    except OSError:
        return
    fields = {key.strip(): value.split() for key, _, value in (line.partition(":") for line in text.splitlines())}
    needed = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
    if fields.get("vendor_id") == ["AuthenticAMD"] and needed <= set(fields.get("flags", ())):
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
