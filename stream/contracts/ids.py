"""Ids: what makes one acceptable, and the hash that stands for it where ids are only compared.

An id becomes part of Redis keys, of Kafka keys and of the text that decision ids are hashed from, so it has a
length limit and no control characters (NUL joins the parts of a decision id and must not occur inside one).
"""

from __future__ import annotations

from typing import Final
from unicodedata import category

from xxhash import xxh3_64_intdigest, xxh3_128_hexdigest

#: No id has more UTF-8 bytes than this.
ID_BYTES_MAX: Final = 256

#: An id of so few characters is within the limit whatever they are: UTF-8 takes at most 4 bytes for one.
ID_CHARS_SAFE: Final = ID_BYTES_MAX // 4

#: Names that become fields of rolling tables (channel, region) are shorter.
NAME_BYTES_MAX: Final = 64
NAME_CHARS_SAFE: Final = NAME_BYTES_MAX // 4


def hash_id(text: str) -> int:
    """XXH3-64 of the UTF-8 bytes of an id, as an unsigned integer.

    >>> f"{hash_id('o-1'):016x}"
    'a2e786d41eec32a2'
    """
    return xxh3_64_intdigest(text.encode())


def join_hash(*parts: str) -> str:
    r"""XXH3-128, in hex, of the parts joined by NUL; the same parts give the same id on every machine.

    >>> join_hash("c-1", "x") == join_hash("c-1", "y"), len(join_hash("c-1"))
    (False, 32)
    """
    return xxh3_128_hexdigest("\0".join(parts).encode())


def why_bad(text: str, bytes_max: int = ID_BYTES_MAX) -> str | None:
    r"""Why a text is refused as an id or a name, or None where it is fine.

    >>> why_bad("c-1"), why_bad("c\n1")
    (None, 'holds the control character U+000A')
    """
    # Printable text has no control characters; text that is not may hold but a rare blank.
    if not text.isprintable():
        for char in text:
            if category(char) == "Cc":
                return f"holds the control character U+{ord(char):04X}"
    size = len(text.encode())
    if size > bytes_max:
        return f"has {size} bytes of UTF-8; at most {bytes_max} are accepted"
    return None
