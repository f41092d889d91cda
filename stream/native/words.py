"""Words of 8 and of 4 bytes, and runs of 32, anywhere in a buffer of bytes: one instruction of the machine each.

Written byte by byte in Python, each byte is looked at for whether its index counts from the end. Here indices never
do, and nothing is checked but with ``NUMBA_BOUNDSCHECK=1``. All is little endian.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from stream.native.jit import Bytes, inlined

#: Bytes that `copy_run` reads and writes.
RUN: Final = 32

_WORD: Final = ir.IntType(64)
_CHECKED: Final = bool(numba.config.BOUNDSCHECK)  # type: ignore[attr-defined] # made from the environment


def _place(of: ir.Type, context: Any, builder: Any, kind: types.Type, array: Any, at: Any) -> Any:
    data = context.make_helper(builder, kind, array).data
    return builder.bitcast(builder.gep(data, [at]), of.as_pointer())


def _loader(of: ir.Type, kind: types.Type) -> Any:
    @intrinsic
    def load(_: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            value = builder.load(_place(of, context, builder, signature.args[0], *given), align=1)
            widened = builder.sext if kind is types.int64 else builder.zext
            return widened(value, _WORD) if of.width < _WORD.width else value

        return kind(data, at), generate

    return load


def _storer(of: ir.Type) -> Any:
    @intrinsic
    def store(_: Any, out: Any, at: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            word = builder.trunc(given[2], of) if of.width < given[2].type.width else given[2]
            builder.store(word, _place(of, context, builder, signature.args[0], *given[:2]), align=1)
            return context.get_dummy_value()

        return types.void(out, at, value), generate

    return store


def _copier(size: int) -> Any:
    of = ir.VectorType(ir.IntType(8), size)

    @intrinsic
    def copy(_: Any, out: Any, at: Any, source: Any, start: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            value = builder.load(_place(of, context, builder, signature.args[2], *given[2:]), align=1)
            builder.store(value, _place(of, context, builder, signature.args[0], *given[:2]), align=1)
            return context.get_dummy_value()

        return types.void(out, at, source, start), generate

    return copy


def _swapper() -> Any:
    @intrinsic
    def swap(_: Any, word: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, given: Any) -> Any:
            return builder.bswap(given[0])

        return word(word), generate

    return swap


_load_64 = _loader(_WORD, types.int64)
_load_64_unsigned = _loader(_WORD, types.uint64)
_load_32 = _loader(ir.IntType(32), types.int64)
_load_32_unsigned = _loader(ir.IntType(32), types.uint64)
_store_64 = _storer(_WORD)
_store_32 = _storer(ir.IntType(32))
_store_16 = _storer(ir.IntType(16))
_copy_run = _copier(RUN)
_copy_16 = _copier(16)
_copy_8 = _copier(8)
_copy_4 = _copier(4)
_swap = _swapper()


@inlined
def _look(data: Bytes, at: int, size: int) -> None:
    """Let the check of bounds see the first byte and the last."""
    if _CHECKED:
        _ = data[at] + data[at + size - 1]


@inlined
def put_int64(out: Bytes, at: int, value: int) -> int:
    """Write 8 bytes, little endian, two's complement."""
    _look(out, at, 8)
    _store_64(out, at, value)
    return at + 8


@inlined
def get_int64(data: Bytes, at: int) -> int:
    """Read 8 bytes, little endian, two's complement.

    >>> out = np.zeros(8, np.uint8)
    >>> put_int64(out, 0, -2), get_int64(out, 0)
    (8, -2)
    """
    _look(data, at, 8)
    return int(_load_64(data, at))


@inlined
def put_int32(out: Bytes, at: int, value: int) -> int:
    """Write the low 32 bits, little endian: two's complement, or unsigned below 2**32."""
    _look(out, at, 4)
    _store_32(out, at, value)
    return at + 4


@inlined
def get_int32(data: Bytes, at: int) -> int:
    """Read 4 bytes, little endian, two's complement.

    >>> out = np.zeros(4, np.uint8)
    >>> put_int32(out, 0, -2), get_int32(out, 0)
    (4, -2)
    """
    _look(data, at, 4)
    return int(_load_32(data, at))


@inlined
def word64(data: Bytes, at: np.uint64) -> np.uint64:
    """8 bytes, little endian, for those who compute in uint64."""
    if _CHECKED:
        _look(data, int(at), 8)
    return np.uint64(_load_64_unsigned(data, at))


@inlined
def word32(data: Bytes, at: np.uint64) -> np.uint64:
    """4 bytes, little endian, for those who compute in uint64."""
    if _CHECKED:
        _look(data, int(at), 4)
    return np.uint64(_load_32_unsigned(data, at))


@inlined
def put_int16(out: Bytes, at: int, value: np.uint16) -> None:
    """Write 2 bytes, little endian."""
    _look(out, at, 2)
    _store_16(out, at, value)


@inlined
def put_run(out: Bytes, at: int, source: Bytes, start: int, length: int) -> int:
    """Copy `length` bytes in runs of `RUN`: up to `RUN` - 1 bytes beyond are read and written too.

    >>> out, source = np.zeros(RUN, np.uint8), np.arange(RUN, dtype=np.uint8)
    >>> put_run(out, 0, source, 0, 2)
    2
    """
    for done in range(0, length, RUN):
        _look(out, at + done, RUN)
        _look(source, start + done, RUN)
        _copy_run(out, at + done, source, start + done)
    return at + length


@inlined
def put_some(out: Bytes, at: int, source: Bytes, start: int, length: int) -> None:
    """Copy `length` bytes and touch none beyond: what is left of a run is the end of one that overlaps.

    >>> out = np.zeros(5, np.uint8)
    >>> put_some(out, 0, np.frombuffer(bytearray(b"order.completed"), np.uint8), 6, 5)
    >>> bytes(out)
    b'compl'
    """
    if length <= 0:
        return
    _look(out, at, length)
    _look(source, start, length)
    end, source_end = at + length, start + length
    if length >= RUN:
        for done in range(0, length - RUN + 1, RUN):
            _copy_run(out, at + done, source, start + done)
        _copy_run(out, end - RUN, source, source_end - RUN)
    elif length >= 16:
        _copy_16(out, at, source, start)
        _copy_16(out, end - 16, source, source_end - 16)
    elif length >= 8:
        _copy_8(out, at, source, start)
        _copy_8(out, end - 8, source, source_end - 8)
    elif length >= 4:
        _copy_4(out, at, source, start)
        _copy_4(out, end - 4, source, source_end - 4)
    else:
        for done in range(length):
            out[at + done] = source[start + done]


@inlined
def swapped(word: int) -> int:
    """The 8 bytes of a word the other way round.

    >>> swapped(1) == 1 << 56
    True
    """
    return int(_swap(word))
