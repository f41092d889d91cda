"""Integers of variable length: seven bits a byte, the lowest first; Kafka's records hold them in zigzag."""

from __future__ import annotations

from typing import Final

import numpy as np

from stream.native.jit import Bytes, native

_SEVEN_BITS: Final = 127
_MORE_FOLLOW: Final = 128

#: All bits but those that a shift by seven brings down from the sign.
_SHIFTED: Final = (1 << 57) - 1

#: No number below 2**62 takes more bytes, and no 64 bits.
VARINT_SIZE_MAX: Final = 9
WORD_SIZE_MAX: Final = 10


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
    return put_word(out, at, n << 1)  # zigzag of what is not negative


@native
def put_word(out: Bytes, at: int, word: int) -> int:
    """Write 64 bits as a number without sign, at most `WORD_SIZE_MAX` bytes.

    >>> import numpy as np
    >>> out = np.zeros(WORD_SIZE_MAX, np.uint8)
    >>> out[: put_word(out, 0, 300)].tolist()
    [172, 2]
    >>> put_word(out, 0, -1)
    10
    """
    while word & ~_SEVEN_BITS:
        out[at] = (word & _SEVEN_BITS) | _MORE_FOLLOW
        word = (word >> 7) & _SHIFTED
        at += 1
    out[at] = word
    return at + 1


@native
def get_word(data: Bytes, at: int) -> tuple[int, int]:
    """Read 64 bits that `put_word` wrote; they, and where they end.

    >>> import numpy as np
    >>> get_word(np.frombuffer(bytearray([172, 2]), np.uint8), 0)
    (300, 2)
    """
    word = shift = 0
    while data[at] & _MORE_FOLLOW:
        word |= int(data[at] & _SEVEN_BITS) << shift
        shift += 7
        at += 1
    return word | int(np.int64(data[at])) << shift, at + 1


@native
def skip_words(data: Bytes, at: int, end: int, count: int) -> int:
    """Where so many of what `put_word` writes end; -1 where they do not end before `end`, or one is longer than any.

    >>> import numpy as np
    >>> data = np.frombuffer(bytearray([172, 2, 7]), np.uint8)
    >>> skip_words(data, 0, 3, 2), skip_words(data, 0, 3, 3), skip_words(data, 0, 1, 1)
    (3, -1, -1)
    """
    for _ in range(count):
        longest = min(end, at + WORD_SIZE_MAX)
        while at < longest and data[at] & _MORE_FOLLOW:
            at += 1
        if at >= longest:
            return -1
        at += 1
    return at
