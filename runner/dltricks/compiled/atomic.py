"""Words in memory that several threads read and change, for compiled code: each operation is whole and in one order."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_ORDER = "seq_cst"
_ALIGN = 8
_X86 = platform.machine().lower() in ("x86_64", "amd64")


def _word(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def load(typing, address):
    """The word at an address."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_word(builder, arguments[0]), _ORDER, _ALIGN)

    return types.int64(types.int64), generate


@intrinsic
def store(typing, address, value):
    """Writes the word at an address."""

    def generate(context, builder, signature, arguments):
        builder.store_atomic(arguments[1], _word(builder, arguments[0]), _ORDER, _ALIGN)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def add(typing, address, value):
    """Adds to the word at an address; what it was before."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", _word(builder, arguments[0]), arguments[1], _ORDER)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def exchange(typing, address, old, new):
    """Writes ``new`` where the word at an address is ``old``; whether it was."""

    def generate(context, builder, signature, arguments):
        pair = builder.cmpxchg(_word(builder, arguments[0]), arguments[1], arguments[2], _ORDER, _ORDER)
        return builder.extract_value(pair, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


@intrinsic
def pause(typing):
    """Tells the processor that this is a loop that waits, where it can be told."""

    def generate(context, builder, signature, arguments):
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate
