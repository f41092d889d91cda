r"""The heads of the outbox: what is kept of each entry beside it, so that nobody reads megabytes to count or compare.

A head is the size of an entry (u32, little endian), its first bytes, which hold the number of its messages and all
that the index says of the first, and the name of its commit. The commit script makes it.

>>> head_of(b"SCB1\2\0\0\0", "7-1f")
b'\x08\x00\x00\x00SCB1\x02\x00\x00\x007-1f'
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from stream.contracts.bundle import count_of

HEAD_BYTES: Final = 64
"""So many bytes of an entry stand in its head; commit.lua has the same number."""

READ_BYTES_MAX: Final = 8_000_000
"""Bytes of entries that are read at a time, unless it is a single one."""

_SIZE: Final = Struct("<I")


def head_of(entry: bytes, commit: str) -> bytes:
    """The head of an entry of a commit, which is given by its name."""
    return _SIZE.pack(len(entry)) + entry[:HEAD_BYTES] + commit.encode()


def fitting(heads: Iterable[bytes], messages_max: int) -> int:
    r"""How many of the first entries have at most so many messages, and `READ_BYTES_MAX`, together; one at least.

    Raises
    ------
    stream.contracts.bundle.BundleError
        An entry is no bundle.

    Examples
    --------
    >>> two, three = (head_of(b"SCB1" + bytes([count, 0, 0, 0]), "7-1f") for count in (2, 3))
    >>> [fitting([two, three, two], limit) for limit in (1, 2, 5, 6, 7)]
    [1, 1, 2, 2, 3]
    >>> fitting([], 10)
    0
    """
    entries = messages = size = 0
    for head in heads:
        messages += count_of(head[_SIZE.size :])
        size += _SIZE.unpack_from(head)[0]
        if entries and (messages > messages_max or size > READ_BYTES_MAX):
            break
        entries += 1
    return entries
