"""What is packed comes out again, and parts put together are the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.state.packed import pack_records, pack_timers, unpack_records, unpack_timers

ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
records = st.lists(st.tuples(ids, st.binary(max_size=300)), max_size=40)
timers = st.lists(st.tuples(ids, st.integers(0, 2**53) | st.just(float("inf"))), max_size=40)


@given(records, records)
def test_records(first, second):
    assert unpack_records(pack_records(first)) == first
    assert pack_records(first) + pack_records(second) == pack_records(first + second)


@given(timers, timers)
def test_timers(first, second):
    assert unpack_timers(pack_timers(first)) == first
    assert pack_timers(first) + pack_timers(second) == pack_timers(first + second)


def test_counts_on_both_sides_of_the_forms_of_a_header():
    for count in (0, 7, 8, 32_767, 32_768):
        many = [(str(number), b"x") for number in range(count)]
        assert unpack_records(pack_records(many)) == many
