"""The hash XXH3, in 64 and 128 bits, with its default secret and no seed: the same numbers as the package `xxhash`.

Written from the published specification (XXH3, in the documentation of xxHash). Lengths up to 16 bytes, to
128, to 240 and beyond are four algorithms; the last keeps eight accumulators and eats stripes of 64 bytes.

Inside, all is uint64, indices too: numba makes a float64 of an int64 and a uint64. What goes out is int64, the
same bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stream.native.jit import Bytes, native
from stream.native.words import word32, word64

#: The default secret of the specification.
_SECRET: Final = np.frombuffer(
    bytes.fromhex(
        "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
        "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
        "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
        "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
        "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
        "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
    ),
    np.uint8,
)

U: Final = np.uint64

# The four algorithms, by the most bytes that each takes.
_SHORT_MAX: Final = 16
_MIDDLE_MAX: Final = 128
_UPPER_MAX: Final = 240

_Eight = tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]

_PRIME32_1: Final = U(0x9E3779B1)
_PRIME32_2: Final = U(0x85EBCA77)
_PRIME32_3: Final = U(0xC2B2AE3D)
_PRIME64_1: Final = U(0x9E3779B185EBCA87)
_PRIME64_2: Final = U(0xC2B2AE3D27D4EB4F)
_PRIME64_3: Final = U(0x165667B19E3779F9)
_PRIME64_4: Final = U(0x85EBCA77C2B2AE63)
_PRIME64_5: Final = U(0x27D4EB2F165667C5)
_PRIME_MX1: Final = U(0x165667919E3779F9)
_PRIME_MX2: Final = U(0x9FB21C651E98DF25)
_LOW_32: Final = U(0xFFFF_FFFF)


@native
def xxh3_64(data: Bytes, start: int, length: int) -> int:
    """Hash of `length` bytes from `start`, the bit pattern of 64 bits.

    >>> xxh3_64(np.frombuffer(bytearray(b"customer-1"), np.uint8), 0, 10)
    8569614211036698956
    """
    at = U(start)
    size = U(length)
    if length <= _SHORT_MAX:
        return _pattern(_short_64(data, at, size))
    if length <= _MIDDLE_MAX:
        return _pattern(_avalanche(_middle_64(data, at, size)))
    if length <= _UPPER_MAX:
        return _pattern(_upper_64(data, at, size))
    acc = _accumulated(data, at, size)
    return _pattern(_merged(acc, U(11), size * _PRIME64_1))


@native
def xxh3_128(data: Bytes, start: int, length: int) -> tuple[int, int]:
    """Hash of `length` bytes from `start`: the bit patterns of its high and of its low 64 bits.

    >>> xxh3_128(np.frombuffer(bytearray(b"customer-1"), np.uint8), 0, 10)
    (1383990521777520647, 8951389733284560773)
    """
    at = U(start)
    size = U(length)
    if length <= _SHORT_MAX:
        high, low = _short_128(data, at, size)
    elif length <= _MIDDLE_MAX:
        high, low = _middle_128(data, at, size)
    elif length <= _UPPER_MAX:
        high, low = _upper_128(data, at, size)
    else:
        acc = _accumulated(data, at, size)
        low = _merged(acc, U(11), size * _PRIME64_1)
        high = _merged(acc, U(192 - 64 - 11), ~(size * _PRIME64_2))
    return _pattern(high), _pattern(low)


# --- up to 16 bytes


@native
def _short_64(data: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    if size > U(8):
        low = word64(data, at) ^ (_secret64(24) ^ _secret64(32))
        high = word64(data, at + size - U(8)) ^ (_secret64(40) ^ _secret64(48))
        return _avalanche(size + _swap64(low) + high + _folded(low, high))
    if size > U(3):
        first = word32(data, at)
        last = word32(data, at + size - U(4))
        keyed = (last + (first << U(32))) ^ (_secret64(8) ^ _secret64(16))
        keyed ^= _rotl(keyed, U(49)) ^ _rotl(keyed, U(24))
        keyed *= _PRIME_MX2
        keyed ^= (keyed >> U(35)) + size
        keyed *= _PRIME_MX2
        return keyed ^ (keyed >> U(28))
    if size > U(0):
        return _avalanche_64(_three(data, at, size) ^ (_secret32(0) ^ _secret32(4)))
    return _avalanche_64(_secret64(56) ^ _secret64(64))


@native
def _short_128(data: Bytes, at: np.uint64, size: np.uint64) -> tuple[np.uint64, np.uint64]:
    if size > U(8):
        first = word64(data, at)
        last = word64(data, at + size - U(8))
        high, low = _product(first ^ last ^ (_secret64(32) ^ _secret64(40)), _PRIME64_1)
        low += (size - U(1)) << U(54)
        last ^= _secret64(48) ^ _secret64(56)
        high += last + (last & _LOW_32) * (_PRIME32_2 - U(1))
        low ^= _swap64(high)
        carried, out = _product(low, _PRIME64_2)
        return _avalanche(carried + high * _PRIME64_2), _avalanche(out)
    if size > U(3):
        keyed = word32(data, at) + (word32(data, at + size - U(4)) << U(32))
        keyed ^= _secret64(16) ^ _secret64(24)
        high, low = _product(keyed, _PRIME64_1 + (size << U(2)))
        high += low << U(1)
        low ^= high >> U(3)
        low ^= low >> U(35)
        low *= _PRIME_MX2
        low ^= low >> U(28)
        return _avalanche(high), low
    if size > U(0):
        low = _three(data, at, size)
        high = _rotl32(_swap32(low), U(13))
        low ^= _secret32(0) ^ _secret32(4)
        high ^= _secret32(8) ^ _secret32(12)
        return _avalanche_64(high), _avalanche_64(low)
    return _avalanche_64(_secret64(80) ^ _secret64(88)), _avalanche_64(_secret64(64) ^ _secret64(72))


@native
def _three(data: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    """1 to 3 bytes and their number, in 32 bits."""
    first = U(data[at])
    middle = U(data[at + (size >> U(1))])
    last = U(data[at + size - U(1)])
    return (first << U(16)) | (middle << U(24)) | last | (size << U(8))


# --- 17 to 240 bytes


@native
def _middle_64(data: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    acc = size * _PRIME64_1
    pair = (size - U(1)) >> U(5)  # outer pairs of 16 bytes, from the middle outwards
    end = at + size - U(16)
    while True:
        acc += _mixed(data, at + (pair << U(4)), pair << U(5))
        acc += _mixed(data, end - (pair << U(4)), (pair << U(5)) + U(16))
        if pair == U(0):
            return acc
        pair -= U(1)


@native
def _upper_64(data: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    acc = size * _PRIME64_1
    rounds = size >> U(4)
    for i in range(U(8)):
        acc += _mixed(data, at + (i << U(4)), i << U(4))
    acc = _avalanche(acc)
    for i in range(U(8), rounds):
        acc += _mixed(data, at + (i << U(4)), ((i - U(8)) << U(4)) + U(3))
    return _avalanche(acc + _mixed(data, at + size - U(16), U(136 - 17)))


@native
def _middle_128(data: Bytes, at: np.uint64, size: np.uint64) -> tuple[np.uint64, np.uint64]:
    low = size * _PRIME64_1
    high = U(0)
    pair = (size - U(1)) >> U(5)
    end = at + size - U(16)
    while True:
        high, low = _mixed_pair(data, at + (pair << U(4)), end - (pair << U(4)), pair << U(5), high, low)
        if pair == U(0):
            return _finished(high, low, size)
        pair -= U(1)


@native
def _upper_128(data: Bytes, at: np.uint64, size: np.uint64) -> tuple[np.uint64, np.uint64]:
    low = size * _PRIME64_1
    high = U(0)
    rounds = size >> U(5)
    for i in range(U(4)):
        first = at + (i << U(5))
        high, low = _mixed_pair(data, first, first + U(16), i << U(5), high, low)
    low = _avalanche(low)
    high = _avalanche(high)
    for i in range(U(4), rounds):
        first = at + (i << U(5))
        high, low = _mixed_pair(data, first, first + U(16), ((i - U(4)) << U(5)) + U(3), high, low)
    end = at + size
    high, low = _mixed_pair(data, end - U(16), end - U(32), U(136 - 17 - 16), high, low)
    return _finished(high, low, size)


@native
def _mixed_pair(
    data: Bytes, one: np.uint64, other: np.uint64, secret: np.uint64, high: np.uint64, low: np.uint64
) -> tuple[np.uint64, np.uint64]:
    low += _mixed(data, one, secret)
    low ^= word64(data, other) + word64(data, other + U(8))
    high += _mixed(data, other, secret + U(16))
    high ^= word64(data, one) + word64(data, one + U(8))
    return high, low


@native
def _finished(high: np.uint64, low: np.uint64, size: np.uint64) -> tuple[np.uint64, np.uint64]:
    out = low * _PRIME64_1 + high * _PRIME64_4 + size * _PRIME64_2
    return U(0) - _avalanche(out), _avalanche(low + high)


@native
def _mixed(data: Bytes, at: np.uint64, secret: np.uint64) -> np.uint64:
    """16 bytes, keyed by 16 of the secret."""
    return _folded(word64(data, at) ^ word64(_SECRET, secret), word64(data, at + U(8)) ^ word64(_SECRET, secret + U(8)))


# --- more than 240 bytes


@native
def _accumulated(data: Bytes, at: np.uint64, size: np.uint64) -> _Eight:
    acc = (
        _PRIME32_3,
        _PRIME64_1,
        _PRIME64_2,
        _PRIME64_3,
        _PRIME64_4,
        _PRIME32_2,
        _PRIME64_5,
        _PRIME32_1,
    )
    stripes = (size - U(1)) >> U(6)  # the last stripe comes after the loop: it ends where the data ends
    within = U(0)
    for stripe in range(stripes):
        acc = _with_stripe(acc, data, at + (stripe << U(6)), within << U(3))
        within += U(1)
        if within == U(16):  # a block: as many stripes as the secret has room for
            acc = _scrambled(acc)
            within = U(0)
    return _with_stripe(acc, data, at + size - U(64), U(192 - 64 - 7))


@native
def _with_stripe(acc: _Eight, data: Bytes, at: np.uint64, secret: np.uint64) -> _Eight:
    a, b = _with_lanes(acc[0], acc[1], data, at, secret)
    c, d = _with_lanes(acc[2], acc[3], data, at + U(16), secret + U(16))
    e, f = _with_lanes(acc[4], acc[5], data, at + U(32), secret + U(32))
    g, h = _with_lanes(acc[6], acc[7], data, at + U(48), secret + U(48))
    return a, b, c, d, e, f, g, h


@native
def _with_lanes(
    one: np.uint64, other: np.uint64, data: Bytes, at: np.uint64, secret: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Two accumulators and 16 bytes: each gets the product of its own keyed halves, and the other's bytes."""
    first = word64(data, at)
    second = word64(data, at + U(8))
    keyed = first ^ word64(_SECRET, secret)
    one += (keyed & _LOW_32) * (keyed >> U(32)) + second
    keyed = second ^ word64(_SECRET, secret + U(8))
    other += (keyed & _LOW_32) * (keyed >> U(32)) + first
    return one, other


@native
def _scrambled(acc: _Eight) -> _Eight:
    return (
        _scrambled_lane(acc[0], U(128)),
        _scrambled_lane(acc[1], U(136)),
        _scrambled_lane(acc[2], U(144)),
        _scrambled_lane(acc[3], U(152)),
        _scrambled_lane(acc[4], U(160)),
        _scrambled_lane(acc[5], U(168)),
        _scrambled_lane(acc[6], U(176)),
        _scrambled_lane(acc[7], U(184)),
    )


@native
def _scrambled_lane(lane: np.uint64, secret: np.uint64) -> np.uint64:
    lane ^= lane >> U(47)
    return (lane ^ word64(_SECRET, secret)) * _PRIME32_1


@native
def _merged(acc: _Eight, secret: np.uint64, start: np.uint64) -> np.uint64:
    start += _folded(acc[0] ^ word64(_SECRET, secret), acc[1] ^ word64(_SECRET, secret + U(8)))
    start += _folded(acc[2] ^ word64(_SECRET, secret + U(16)), acc[3] ^ word64(_SECRET, secret + U(24)))
    start += _folded(acc[4] ^ word64(_SECRET, secret + U(32)), acc[5] ^ word64(_SECRET, secret + U(40)))
    start += _folded(acc[6] ^ word64(_SECRET, secret + U(48)), acc[7] ^ word64(_SECRET, secret + U(56)))
    return _avalanche(start)


# --- pieces of all of them


@native
def _secret64(at: int) -> np.uint64:
    return word64(_SECRET, U(at))


@native
def _secret32(at: int) -> np.uint64:
    return word32(_SECRET, U(at))


@native
def _pattern(bits: np.uint64) -> int:
    return int(np.uint64(bits).view(np.int64))


@native
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The high and the low 64 bits of the product."""
    a_low, a_high = a & _LOW_32, a >> U(32)
    b_low, b_high = b & _LOW_32, b >> U(32)
    low = a_low * b_low
    cross = a_high * b_low + (low >> U(32))
    middle = a_low * b_high + (cross & _LOW_32)
    return a_high * b_high + (cross >> U(32)) + (middle >> U(32)), a * b


@native
def _folded(a: np.uint64, b: np.uint64) -> np.uint64:
    high, low = _product(a, b)
    return high ^ low


@native
def _avalanche(bits: np.uint64) -> np.uint64:
    bits ^= bits >> U(37)
    bits *= _PRIME_MX1
    return bits ^ (bits >> U(32))


@native
def _avalanche_64(bits: np.uint64) -> np.uint64:
    """The final mix of XXH64, which the shortest inputs still have."""
    bits ^= bits >> U(33)
    bits *= _PRIME64_2
    bits ^= bits >> U(29)
    bits *= _PRIME64_3
    return bits ^ (bits >> U(32))


@native
def _rotl(bits: np.uint64, by: np.uint64) -> np.uint64:
    return (bits << by) | (bits >> (U(64) - by))


@native
def _rotl32(bits: np.uint64, by: np.uint64) -> np.uint64:
    return ((bits << by) | (bits >> (U(32) - by))) & _LOW_32


@native
def _swap32(bits: np.uint64) -> np.uint64:
    halves = ((bits & U(0x00FF_00FF)) << U(8)) | ((bits >> U(8)) & U(0x00FF_00FF))
    return ((halves << U(16)) | (halves >> U(16))) & _LOW_32


@native
def _swap64(bits: np.uint64) -> np.uint64:
    return (_swap32(bits & _LOW_32) << U(32)) | _swap32(bits >> U(32))
