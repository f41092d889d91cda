"""What a native function reads of a tuple that it is given by reference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from stream.native.jit import native
from stream.native.reference import by_reference


class Inner(NamedTuple):
    bytes: np.ndarray
    number: int


class Outer(NamedTuple):
    table: np.ndarray
    factor: float
    inner: Inner
    number: int


@native
def read(outer):
    return outer.table[1, 2], len(outer.table), outer.factor, outer.inner.bytes[1], outer.inner.number, outer.number


@native
def write(outer):
    """Through a call, so that the address is handed on."""
    put(outer.inner)
    outer.table[1, 2] += outer.inner.bytes[1]
    return outer.table[1, 2]


@native
def put(inner):
    inner.bytes[1] = inner.number


def outer(rows=2, number=-4):
    return by_reference(Outer(np.arange(3.0 * rows).reshape(rows, 3), 0.25, Inner(np.zeros(2, np.uint8), 200), number))


def test_native_code_reads_what_python_reads():
    given = outer()
    given.inner.bytes[1] = 7
    assert read(given) == (5.0, 2, 0.25, 7, 200, -4)
    assert (given.factor, given.inner.number, given.number) == (0.25, 200, -4)


def test_what_native_code_writes_is_in_the_arrays():
    given = outer()
    assert write(given) == 205.0
    assert given.table[1, 2] == 205.0
    assert given.inner.bytes.tolist() == [0, 200]


def test_a_part_is_replaced_and_the_rest_stays():
    given = outer()
    other = by_reference(given._replace(table=np.full((4, 3), 9.0)))
    write(other)
    assert read(other) == (209.0, 4, 0.25, 200, 200, -4)
    assert given.inner.bytes.tolist() == [0, 200], "the inner tuple is the same one"
    assert read(given)[0] == 5.0


def test_one_machine_code_does_for_all_shapes():
    found = [read(outer(rows, number)) for rows, number in ((2, 1), (5, 2), (3, -3))]
    assert [(one[1], one[5]) for one in found] == [(2, 1), (5, 2), (3, -3)]
    assert len(read.signatures) == 1


def test_an_array_with_gaps_is_refused():
    with pytest.raises(AssertionError, match="bytes is not contiguous"):
        by_reference(Inner(np.zeros(4, np.uint8)[::2], 1))
