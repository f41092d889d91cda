"""Kafka's integers of variable length, as records hold them: zigzag, seven bits a byte, the lowest first."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, native

_SEVEN_BITS: Final = 127
_MORE_FOLLOW: Final = 128

#: No number below 2**62 takes more bytes.
VARINT_SIZE_MAX: Final = 9


@native
def varint_size(n: int) -> int:
    """How many bytes `put_varint` writes for `n`, 0 to 2**62 - 1.

    >>> varint_size(63), varint_size(64)
    (1, 2)
    """
    rest = n << 1
    size = 1
    while rest > _SEVEN_BITS:
        rest >>= 7
        size += 1
    return size


@native
def put_varint(out: Bytes, at: int, n: int) -> int:
    """Write `n`, 0 to 2**62 - 1, at most `VARINT_SIZE_MAX` bytes.

    >>> import numpy as np
    >>> out = np.zeros(VARINT_SIZE_MAX, np.uint8)
    >>> out[: put_varint(out, 0, 64)].tolist()
    [128, 1]
    """
    rest = n << 1  # zigzag of what is not negative
    while rest > _SEVEN_BITS:
        out[at] = (rest & _SEVEN_BITS) | _MORE_FOLLOW
        rest >>= 7
        at += 1
    out[at] = rest
    return at + 1
