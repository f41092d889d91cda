"""Kafka's integers of variable length, as records hold them: zigzag, seven bits a byte, the lowest first."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, native

#: No number below 2**62 takes more bytes.
VARINT_SIZE_MAX: Final = 9


@native
def varint_size(n: int) -> int:
    """How many bytes `put_varint` writes for `n`, 0 to 2**62 - 1."""
    rest = n << 1
    size = 1
    while rest > 127:
        rest >>= 7
        size += 1
    return size


@native
def put_varint(out: Bytes, at: int, n: int) -> int:
    """Write `n`, 0 to 2**62 - 1, and give where it ended; at most `VARINT_SIZE_MAX` bytes."""
    rest = n << 1  # zigzag of what is not negative
    while rest > 127:
        out[at] = (rest & 127) | 128
        rest >>= 7
        at += 1
    out[at] = rest
    return at + 1
