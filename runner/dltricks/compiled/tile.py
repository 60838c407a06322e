"""The inner loop of all compiled products: a tile of outputs that stays in registers until it is done.

numba's own loops leave accumulators in memory, so this one is written down in LLVM's instructions. It is generated for
a number of rows and of vectors. A vector fills a register of this processor: 64 bytes, 16 values of float32, with
AVX-512, which has 32 such registers, and 32 bytes elsewhere, where 16 registers are counted on. Every output is summed
in the same order whatever the tiles.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dltricks.compiled.jit import kernel

WIDE = bool(binding.get_host_cpu_features().get("avx512f"))
VECTOR = 64 if WIDE else 32
"""Bytes of a vector."""
HIGH, BROAD = (16, 8) if WIDE else (12, 6)
"""Rows of the largest tiles of one and of two vectors: their sums leave registers for what is multiplied."""
_INT = ir.IntType(64)
_BASE = 4
"""Rows that share a pointer: one, two and three rows further on lie in reach of one addressing mode."""


def tile(rows: int, vectors: int) -> Any:
    """A function for compiled code: the products of ``rows`` rows of A with ``vectors`` vectors of columns of B.

    C[m] = start[m] + sum over r < runs, s < steps of A[m a_row + r a_run + s a_step] B[r b_run + s b_step], where each
    B and C is ``vectors`` neighbouring vectors, the last of which has only so many ``lanes``. Its arguments: any array
    of the dtype, the addresses of A, B, start and C, the tuple ``(runs, steps, a_run, a_step, a_row, b_run, b_step,
    start_row, c_row)`` with strides in values, and ``lanes``.
    """

    @intrinsic
    def product(typing, like, a, b, start, c, how, lanes):
        def generate(context, builder, signature, arguments):
            _, a, b, start, c, how, lanes = arguments
            name = "float" if like.dtype == types.float32 else "double"
            _Generator(builder, name, rows, vectors).run(a, b, start, c, cgutils.unpack_tuple(builder, how), lanes)
            return context.get_dummy_value()

        number = types.int64
        return types.void(like, number, number, number, number, types.UniTuple(number, 9), number), generate

    return product


class _Generator:
    def __init__(self, builder: Any, name: str, rows: int, vectors: int) -> None:
        self.at, self.rows, self.vectors = builder, rows, vectors
        self.bytes = 4 if name == "float" else 8
        self.element = ir.FloatType() if name == "float" else ir.DoubleType()
        self.width = VECTOR // self.bytes
        self.vector = ir.VectorType(self.element, self.width)
        self.bits = ir.VectorType(ir.IntType(1), self.width)
        self.zero = ir.Constant(self.vector, None)

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Calls one of LLVM's own functions on vectors."""
        name = f"llvm.{name}.v{self.width}f{8 * self.bytes}" + (".p0" if "masked" in name else "")
        known = self.at.module.globals
        if name not in known:
            ir.Function(self.at.module, ir.FunctionType(result, [each.type for each in arguments]), name)
        return self.at.call(known[name], arguments)

    def number(self, value: int) -> Any:
        return ir.Constant(_INT, value)

    def pointer(self, address: Any, vector: int) -> Any:
        moved = self.at.add(address, self.number(VECTOR * vector))
        return self.at.inttoptr(moved, self.vector.as_pointer())

    def load(self, address: Any, vector: int) -> Any:
        pointer, align = self.pointer(address, vector), self.bytes
        if vector < self.vectors - 1:
            return self.at.load(pointer, align=align)
        return self.call("masked.load", self.vector, pointer, ir.Constant(ir.IntType(32), align), self.mask, self.zero)

    def store(self, value: Any, address: Any, vector: int) -> None:
        pointer, align = self.pointer(address, vector), self.bytes
        if vector < self.vectors - 1:
            self.at.store(value, pointer, align=align)
        else:
            self.call("masked.store", ir.VoidType(), value, pointer, ir.Constant(ir.IntType(32), align), self.mask)

    def spread(self, address: Any) -> Any:
        """One value in all lanes."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        value = self.at.load(self.at.inttoptr(address, self.element.as_pointer()))
        first = self.at.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
        return self.at.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), self.width), None))

    def loop(self, count: Any, steps: list[tuple[Any, Any]], sums: list[Any], body: Any) -> list[Any]:
        """``count`` >= 1 rounds of ``body(pointers, sums)``; pointers begin and move on as ``steps`` say."""
        before, block, after = self.at.block, self.at.append_basic_block(), self.at.append_basic_block()
        self.at.branch(block)
        self.at.position_at_end(block)
        index = self.at.phi(_INT)
        pointers, phis = [self.at.phi(_INT) for _ in steps], [self.at.phi(self.vector) for _ in sums]
        results = body(pointers, phis)
        following = self.at.add(index, self.number(1))
        moved = [self.at.add(pointer, step) for pointer, (_, step) in zip(pointers, steps, strict=True)]
        end = self.at.block
        begins = [self.number(0), *(begin for begin, _ in steps), *sums]
        for phi, begin, later in zip([index, *pointers, *phis], begins, [following, *moved, *results], strict=True):
            phi.add_incoming(begin, before)
            phi.add_incoming(later, end)
        self.at.cbranch(self.at.icmp_signed("<", following, count), block, after)
        self.at.position_at_end(after)
        return list(results)

    def run(self, a: Any, b: Any, start: Any, c: Any, how: list[Any], lanes: Any) -> None:
        """Writes the whole function."""
        at, number = self.at, self.number
        ones = at.sub(at.shl(number(1), lanes), number(1))
        self.mask = at.bitcast(at.trunc(ones, ir.IntType(self.width)), self.bits)
        runs, steps = how[:2]
        a_run, a_step, a_row, b_run, b_step, start_row, c_row = (at.mul(each, number(self.bytes)) for each in how[2:])
        tiles = [(row, vector) for row in range(self.rows) for vector in range(self.vectors)]
        sums = [self.load(at.add(start, at.mul(start_row, number(row))), vector) for row, vector in tiles]
        near = [at.mul(a_row, number(row)) for row in range(_BASE)]
        far = [at.mul(a_row, number(row)) for row in range(0, self.rows, _BASE)]

        def step(pointers: list[Any], sums: list[Any]) -> list[Any]:
            *bases, column = pointers
            columns = [self.load(column, vector) for vector in range(self.vectors)]
            values = [self.spread(at.add(bases[row // _BASE], near[row % _BASE])) for row in range(self.rows)]
            return [
                self.call("fma", self.vector, values[row], columns[vector], total)
                for (row, vector), total in zip(tiles, sums, strict=True)
            ]

        def run(pointers: list[Any], sums: list[Any]) -> list[Any]:
            begins = [(at.add(pointers[0], offset), a_step) for offset in far]
            return self.loop(steps, [*begins, (pointers[1], b_step)], sums, step)

        for (row, vector), total in zip(tiles, self.loop(runs, [(a, a_run), (b, b_run)], sums, run), strict=True):
            self.store(total, at.add(c, at.mul(c_row, number(row))), vector)


_high, _8x1, _4x1, _2x1, _1x1 = (tile(rows, 1) for rows in (HIGH, 8, 4, 2, 1))
_broad, _4x2, _2x2, _1x2 = (tile(rows, 2) for rows in (BROAD, 4, 2, 1))


@kernel
def product(like, a, b, start, c, how, rows, columns):
    """``tile`` over any number of rows and columns."""
    size = like.itemsize
    width = VECTOR // size
    a_row, start_row, c_row = how[4] * size, how[7] * size, how[8] * size
    done = 0
    while done < columns:
        left = columns - done
        vectors = 2 if left > width else 1
        lanes = min(left, 2 * width) - (vectors - 1) * width
        row = 0
        while row < rows:
            rest = rows - row
            if start_row == 0:
                # One larger tile is as fast as two small ones; it goes over some rows again, to the same bits.
                large, middle = (HIGH, 8) if vectors == 1 else (BROAD, BROAD)
                larger = large if rest > middle else middle if rest > 4 else 4 if rest > 2 else rest
                if rest < larger <= rows:
                    row, rest = rows - larger, larger
            at, first, to = a + row * a_row, start + row * start_row, c + row * c_row
            if vectors == 2 and rest >= BROAD:
                _broad(like, at, b, first, to, how, lanes)
                row += BROAD
            elif vectors == 2 and rest >= 4:
                _4x2(like, at, b, first, to, how, lanes)
                row += 4
            elif vectors == 2 and rest >= 2:
                _2x2(like, at, b, first, to, how, lanes)
                row += 2
            elif vectors == 2:
                _1x2(like, at, b, first, to, how, lanes)
                row += 1
            elif rest >= HIGH:
                _high(like, at, b, first, to, how, lanes)
                row += HIGH
            elif rest >= 8:
                _8x1(like, at, b, first, to, how, lanes)
                row += 8
            elif rest >= 4:
                _4x1(like, at, b, first, to, how, lanes)
                row += 4
            elif rest >= 2:
                _2x1(like, at, b, first, to, how, lanes)
                row += 2
            else:
                _1x1(like, at, b, first, to, how, lanes)
                row += 1
        moved = vectors * VECTOR
        b, start, c, done = b + moved, start + moved, c + moved, done + vectors * width
