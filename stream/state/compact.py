"""Integers in few bytes, in Python: numbers of variable length, and columns of one width.

Whatever a number is, it is written as what it is modulo 2**64. So every 64 bits have a form, those that occur have a
short one, and native code, which computes so anyway, writes the same.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Final

#: All of 64 bits: ``number & WORD`` is what a number is modulo 2**64.
WORD: Final = 2**64 - 1
#: No integer of a column is wider, bytes.
WIDTH_MAX: Final = 8
#: No number of variable length has more bytes.
VARIABLE_SIZE_MAX: Final = 10

_SEVEN_BITS: Final = 127
_MORE_FOLLOW: Final = 128

if sys.byteorder != "little":  # pragma: no cover - columns are cut from integers as they lie in memory
    msg = "the record format is little endian; this machine is not"
    raise RuntimeError(msg)


def signed(word: int) -> int:
    """The number from -2**63 on that this is modulo 2**64.

    >>> signed(2**64 - 1), signed(5)
    (-1, 5)
    """
    return ((word + 2**63) & WORD) - 2**63


def zigzag(number: int) -> int:
    """A number without sign, small for what is near zero on either side.

    >>> zigzag(0), zigzag(-1), zigzag(1), unzigzag(1)
    (0, 1, 2, -1)
    """
    number = signed(number)
    return number << 1 ^ number >> 63


def unzigzag(word: int) -> int:
    """The number that `zigzag` was given."""
    return word >> 1 ^ -(word & 1)


def variable(words: Iterable[int]) -> bytearray:
    r"""Numbers without sign, seven bits a byte, the lowest first, the highest bit set in all bytes but a number's last.

    >>> bytes(variable([5, 300]))
    b'\x05\xac\x02'
    """
    out = bytearray()
    put = out.append
    for rest in words:
        while rest > _SEVEN_BITS:
            put(rest & _SEVEN_BITS | _MORE_FOLLOW)
            rest >>= 7  # noqa: PLW2901 - what is left of it; this is done for every record
        put(rest)
    return out


def read_variable(data: bytes, place: int, count: int) -> tuple[list[int], int]:
    r"""So many numbers that `variable` wrote, and where they end.

    Raises
    ------
    IndexError
        The bytes end before.
    ValueError
        A number is longer than any.

    Examples
    --------
    >>> read_variable(b"\x05\xac\x02", 0, 2)
    ([5, 300], 3)
    """
    words = []
    for _ in range(count):
        word = data[place]
        place += 1
        if word > _SEVEN_BITS:
            word &= _SEVEN_BITS
            shift = 7
            while (byte := data[place]) > _SEVEN_BITS:
                word |= (byte & _SEVEN_BITS) << shift
                shift += 7
                place += 1
            place += 1
            word = (word | byte << shift) & WORD
            if shift >= 7 * VARIABLE_SIZE_MAX:
                raise ValueError(f"a number of {shift // 7 + 1} bytes")
        words.append(word)
    return words, place


def column(words: array[int]) -> tuple[int, bytearray]:
    r"""Numbers without sign (array of type ``Q``), little endian, in as many bytes each as the greatest needs.

    Returns
    -------
    How many bytes that is, and all of them.

    Examples
    --------
    >>> width, written = column(array("Q", [1, 256]))
    >>> width, bytes(written)
    (2, b'\x01\x00\x00\x01')
    """
    width = (max(words).bit_length() + 7) >> 3 if words else 0
    raw, out = words.tobytes(), bytearray(width * len(words))
    for place in range(width):
        out[place::width] = raw[place::8]
    return width, out


def read_column(data: bytes, place: int, width: int, count: int) -> tuple[array[int], int]:
    r"""So many numbers of so many bytes each that `column` wrote, and where they end.

    Raises
    ------
    ValueError
        No number is so wide, or the bytes end before.

    Examples
    --------
    >>> read_column(b"\1\0\0\1", 0, 2, 2)
    (array('Q', [1, 256]), 4)
    """
    end = place + width * count
    if width > WIDTH_MAX or end > len(data):
        raise ValueError(f"a column of {count} numbers of {width} bytes")
    raw = bytearray(8 * count)
    for k in range(width):
        raw[k::8] = data[place + k : end : width]
    return array("Q", bytes(raw)), end
