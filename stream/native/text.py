"""Text written into, and read from, buffers of bytes.

Every writer takes the buffer, where to begin, and what to write, and gives where it ended. The caller has
made the buffer large enough: nothing checks.

Indices in a loop over single bytes are uint64: of an int64, numba looks each time whether it counts from the
end, and the loop is ten times slower for it. What can be is written a few bytes at a time, see `words`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from stream.native.jit import Bytes, native
from stream.native.words import put_int16, put_some, word64

#: No number, amount or moment takes more bytes than these.
INT_SIZE_MAX: Final = 20
MONEY_SIZE_MAX: Final = 21
MOMENT_SIZE_MAX: Final = 24
#: Sign, ten digits, point, six digits.
ROUNDED_SIZE_MAX: Final = 18
#: Numbers that are rounded are below this.
ROUNDED_END: Final = 2**32

_ZERO: Final = 48
_MINUS: Final = 45
_POINT: Final = 46
_COLON: Final = 58
_T: Final = 84
_Z: Final = 90
#: What, added to 10 to 15, gives the letters a to f.
_LETTERS: Final = 87
_TEN: Final = 10
#: Minor units of most currencies are hundredths.
_CENTS: Final = 2
#: The two digits of 0 to 99, as they are in memory.
_PAIRS: Final = np.frombuffer(b"".join(b"%02d" % pair for pair in range(100)), np.uint16)
_E: Final = 101
_MILLION: Final = 1_000_000
_HALF: Final = 0.5
#: Below it, in millionths, Python writes an exponent.
_EXPONENT_BELOW: Final = 100
#: Parts a double into halves of 26 bits.
_SPLIT: Final = 2.0**27 + 1

_DAY: Final = 86_400_000
#: Days from the first of March of the year 0 to 1970-01-01; years that begin in March have their leap day last.
_MARCH_OF_0: Final = 719_468
_DAYS_OF_400_YEARS: Final = 146_097
_DAYS_OF_100_YEARS: Final = 36_524
_DAYS_OF_4_YEARS: Final = 1_461


@native
def put(out: Bytes, at: int, src: Bytes, src_from: int, length: int) -> int:
    """Copy `length` bytes of `src`, from `src_from`; never a negative length, never onto itself.

    >>> out = np.zeros(5, np.uint8)
    >>> src = np.frombuffer(bytearray(b"order.completed"), np.uint8)
    >>> put(out, 0, src, 6, 5), bytes(out)
    (5, b'compl')
    """
    put_some(out, at, src, src_from, length)
    return at + length


@native
def put_int(out: Bytes, at: int, number: int) -> int:
    """Write a number in decimal, at most `INT_SIZE_MAX` bytes.

    >>> out = np.zeros(INT_SIZE_MAX, np.uint8)
    >>> bytes(out[: put_int(out, 0, -1234)])
    b'-1234'
    """
    if number < 0:
        out[at] = _MINUS
        # Not abs: the smallest int64 has no positive one, and its bits read as uint64 are the right number.
        return _put_digits(out, at + 1, np.uint64(-number))
    return _put_digits(out, at, np.uint64(number))


@native
def put_money(out: Bytes, at: int, minor: int, exponent: int) -> int:
    """Write an amount in minor units with all of its `exponent` (0 to 4) places, as `money.from_minor` does.

    At most `MONEY_SIZE_MAX` bytes.

    >>> out = np.zeros(MONEY_SIZE_MAX, np.uint8)
    >>> bytes(out[: put_money(out, 0, -5, 2)])
    b'-0.05'
    """
    if minor < 0:
        out[at] = _MINUS
        at += 1
    rest = np.uint64(abs(minor))
    if exponent == _CENTS:
        whole = rest // np.uint64(100)
        at = _put_digits(out, at, whole)
        out[at] = _POINT
        put_int16(out, at + 1, _PAIRS[rest - whole * np.uint64(100)])
        return at + 3
    scale = np.uint64(1)
    for _ in range(exponent):
        scale *= np.uint64(10)
    whole = rest // scale
    rest -= whole * scale
    at = _put_digits(out, at, whole)
    if exponent == 0:
        return at
    out[at] = _POINT
    for place in range(exponent, 0, -1):
        tenth = rest // np.uint64(10)
        out[at + place] = np.uint8(rest - tenth * np.uint64(10) + np.uint64(_ZERO))
        rest = tenth
    return at + 1 + exponent


@native
def put_moment(out: Bytes, at: int, ms: int) -> int:
    """Write milliseconds since 1970 as RFC 3339 in UTC, as `times.time_text` does; years 1 to 9999.

    At most `MOMENT_SIZE_MAX` bytes.

    >>> out = np.zeros(MOMENT_SIZE_MAX, np.uint8)
    >>> bytes(out[: put_moment(out, 0, 1483271606050)])
    b'2017-01-01T11:53:26.050Z'
    """
    days = ms // _DAY
    within = np.uint32(ms - days * _DAY)
    # From here on nothing is negative: unsigned divisions by constants are a multiplication each.
    day = np.uint32(days + _MARCH_OF_0)
    era = day // np.uint32(_DAYS_OF_400_YEARS)
    day -= era * np.uint32(_DAYS_OF_400_YEARS)
    # Without the leap days before it, a day of the era falls into years of 365 days.
    year = (
        day
        - day // np.uint32(_DAYS_OF_4_YEARS - 1)
        + day // np.uint32(_DAYS_OF_100_YEARS)
        - day // np.uint32(_DAYS_OF_400_YEARS - 1)
    ) // np.uint32(365)
    day -= np.uint32(365) * year + year // np.uint32(4) - year // np.uint32(100)
    year += np.uint32(400) * era
    # Months from March on are 31 30 31 30 31 days, twice and a bit: a straight line of slope 153 / 5.
    month = (np.uint32(5) * day + np.uint32(2)) // np.uint32(153)
    day -= (np.uint32(153) * month + np.uint32(2)) // np.uint32(5)
    month += np.uint32(3)
    if month > np.uint32(12):
        month -= np.uint32(12)
        year += np.uint32(1)
    century = year // np.uint32(100)
    _put_two(out, at, century)
    _put_two(out, at + 2, year - np.uint32(100) * century)
    out[at + 4] = _MINUS
    _put_two(out, at + 5, month)
    out[at + 7] = _MINUS
    _put_two(out, at + 8, day + np.uint32(1))
    out[at + 10] = _T
    second = within // np.uint32(1_000)
    fraction = within - np.uint32(1_000) * second
    minute = second // np.uint32(60)
    hour = minute // np.uint32(60)
    _put_two(out, at + 11, hour)
    out[at + 13] = _COLON
    _put_two(out, at + 14, minute - np.uint32(60) * hour)
    out[at + 16] = _COLON
    _put_two(out, at + 17, second - np.uint32(60) * minute)
    at += 19
    if fraction > np.uint32(0):
        out[at] = _POINT
        tenth = fraction // np.uint32(100)
        out[at + 1] = np.uint8(tenth + np.uint32(_ZERO))
        _put_two(out, at + 2, fraction - np.uint32(100) * tenth)
        at += 4
    out[at] = _Z
    return at + 1


@native
def put_hex(out: Bytes, at: int, high: int, low: int) -> int:
    """Write 32 hex digits, those of `high` first: both are the bit patterns of 64 bits.

    >>> out = np.zeros(32, np.uint8)
    >>> bytes(out[: put_hex(out, 0, 255, -1)])
    b'00000000000000ffffffffffffffffff'
    """
    for i in range(16):
        out[at + i] = _hex_digit((high >> (60 - 4 * i)) & 15)
        out[at + 16 + i] = _hex_digit((low >> (60 - 4 * i)) & 15)
    return at + 32


@native
def equal(a: Bytes, a_from: int, b: Bytes, b_from: int, length: int) -> bool:
    """Whether `length` bytes are the same in both, a word at a time."""
    one = np.uint64(a_from)
    other = np.uint64(b_from)
    for _ in range(length >> 3):
        if word64(a, one) != word64(b, other):
            return False
        one += np.uint64(8)
        other += np.uint64(8)
    for i in range(np.uint64(length & 7)):  # noqa: SIM110  all() of a generator is no native code
        if a[one + i] != b[other + i]:
            return False
    return True


@native
def _put_digits(out: Bytes, at: int, number: np.uint64) -> int:
    size = 1
    bound = np.uint64(10)
    while size < INT_SIZE_MAX - 1 and number >= bound:
        size += 1
        bound *= np.uint64(10)
    place = at + size
    while number >= np.uint64(100):
        hundredth = number // np.uint64(100)
        place -= 2
        put_int16(out, place, _PAIRS[number - hundredth * np.uint64(100)])
        number = hundredth
    if number >= np.uint64(10):
        put_int16(out, place - 2, _PAIRS[number])
    else:
        out[place - 1] = np.uint8(number + np.uint64(_ZERO))
    return at + size


@native
def _put_two(out: Bytes, at: int, number: np.uint32) -> None:
    put_int16(out, at, _PAIRS[number])


@native
def _hex_digit(value: int) -> int:
    return value + (_ZERO if value < _TEN else _LETTERS)


@native
def put_rounded(out: Bytes, at: int, number: float) -> int:
    """Write a number rounded to six decimals, as ``repr(round(number, 6))``; at most `ROUNDED_SIZE_MAX` bytes.

    The number is below `ROUNDED_END`, either way. What lies between two decimals is known exactly: a product that is
    not just in the middle is on the side on which the exact one is.
    """
    if number < 0 or (number == 0 and math.copysign(1.0, number) < 0):
        out[at] = _MINUS
        at += 1
        number = -number
    scaled = number * _MILLION
    whole = int(scaled)
    over = scaled - whole
    if over > _HALF or (over == _HALF and _goes_up(number, scaled, whole)):
        whole += 1
    parts = np.uint64(whole)
    integer = parts // np.uint64(_MILLION)
    rest = parts - integer * np.uint64(_MILLION)
    if integer == np.uint64(0) and np.uint64(0) < rest < np.uint64(_EXPONENT_BELOW):
        return _put_small(out, at, int(rest))
    at = _put_digits(out, at, integer)
    out[at] = _POINT
    if rest == np.uint64(0):
        out[at + 1] = _ZERO
        return at + 2
    # Six digits in pairs, of which those at the end that are zeros are left out.
    first = rest // np.uint64(10_000)
    rest -= first * np.uint64(10_000)
    second = rest // np.uint64(100)
    third = rest - second * np.uint64(100)
    put_int16(out, at + 1, _PAIRS[first])
    at += 3
    if second or third:
        put_int16(out, at, _PAIRS[second])
        at += 2
    if third:
        put_int16(out, at, _PAIRS[third])
        at += 2
    return at - 1 if out[at - 1] == _ZERO else at


@native
def _goes_up(number: float, scaled: float, whole: int) -> bool:
    """Where the product is just in the middle: whether the exact one is above, or there too and the digit is odd."""
    # What the product lost to rounding (Dekker 1971): both factors in halves of 26 bits.
    shifted = number * _SPLIT
    high = shifted - (shifted - number)
    low = number - high
    lost = (high * _MILLION - scaled) + low * _MILLION
    return bool(lost > 0 or (lost == 0 and whole & 1))


@native
def _put_small(out: Bytes, at: int, millionths: int) -> int:
    """Write 1 to 99 millionths, which Python writes with an exponent."""
    tens, ones = millionths // 10, millionths % 10
    exponent = 5 if tens else 6
    out[at] = _ZERO + (tens or ones)
    at += 1
    if tens and ones:
        out[at], out[at + 1] = _POINT, _ZERO + ones
        at += 2
    out[at], out[at + 1], out[at + 2], out[at + 3] = _E, _MINUS, _ZERO, _ZERO + exponent
    return at + 4
