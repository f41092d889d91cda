from __future__ import annotations

import pytest
import xxhash

from stream.contracts.ids import hash_id, join_hash, why_bad


@pytest.mark.golden
def test_hashes_are_those_of_xxh3():
    """Test vectors of the xxHash specification: the empty input."""
    assert hash_id("") == 0x2D06800538D394C2
    assert join_hash("") == "99aa06d3014798d86001c324468d497f"


def test_hashes_are_of_utf_8():
    assert hash_id("€") == xxhash.xxh3_64_intdigest(b"\xe2\x82\xac")


def test_where_one_part_ends_makes_a_difference():
    assert len({join_hash("ab", "c"), join_hash("a", "bc"), join_hash("abc"), join_hash("abc", "")}) == 4


@pytest.mark.parametrize(
    "text", ["c-1", "Ünï çödé", "a b", "no\u00a0break", "\u200bzero", "{shard}", "x" * 256, "€" * 85]
)
def test_fine(text):
    assert why_bad(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\x00", "U+0000"),
        ("a\r", "U+000D"),
        ("\x7f", "U+007F"),
        ("\x9f", "U+009F"),
        ("x" * 257, "257"),
        ("€" * 86, "258"),
    ],
)
def test_bad(text, reason):
    assert reason in why_bad(text)
