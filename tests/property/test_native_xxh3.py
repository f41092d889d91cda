"""The native XXH3 gives the hashes of the package that wraps its author's implementation."""

from __future__ import annotations

import random

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from stream.native.xxh3 import xxh3_64, xxh3_128

BITS = 2**64

# Zeros and ones alone, too: random bytes seldom carry or leave an accumulator at 0.
fillings = st.sampled_from([b"\x00", b"\xff", b"\x80"])
inputs = st.binary(max_size=2_000) | st.builds(lambda byte, size: byte * size, fillings, st.integers(0, 2_000))


def check(before, text, after):
    data = np.frombuffer(bytearray(before + text + after), np.uint8)
    hashed = xxh3_64(data, len(before), len(text))
    high, low = xxh3_128(data, len(before), len(text))
    assert hashed % BITS == xxhash.xxh3_64_intdigest(text)
    assert (high % BITS, low % BITS) == divmod(xxhash.xxh3_128_intdigest(text), BITS)
    for pattern in (hashed, high, low):
        assert -(2**63) <= pattern < 2**63


@given(st.binary(max_size=9), inputs, st.binary(max_size=9))
def test_hashes_are_those_of_the_package_wherever_the_text_stands(before, text, after):
    check(before, text, after)


@pytest.mark.parametrize("seed", range(3))
def test_every_length_up_to_2000(seed):
    """Each length takes its own way through four algorithms; the blocks of the last are 1024 bytes."""
    draw = random.Random(seed)
    for length in range(2_001):
        check(draw.randbytes(draw.randrange(10)), draw.randbytes(length), draw.randbytes(draw.randrange(10)))


@given(st.integers(2_000, 20_000), st.randoms(use_true_random=False))
def test_long_texts_of_many_blocks(length, draw):
    check(b"", draw.randbytes(length), b"")
