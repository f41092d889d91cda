"""What goes into the outbox comes out of it, and a decision's id is its parts and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.decisions import Message, decision_id, decode_message, encode_message
from stream.contracts.times import MOMENT_MAX, MOMENT_MIN

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
messages = st.builds(Message, texts, texts, texts, texts, st.integers(MOMENT_MIN, MOMENT_MAX), st.binary(max_size=300))


@given(messages)
def test_a_message_comes_out_as_it_went_in(message):
    assert decode_message(encode_message(message)) == message


@given(messages, messages)
def test_two_messages_share_an_entry_only_if_they_are_the_same(one, other):
    assert (encode_message(one) == encode_message(other)) is (one == other)


@given(st.tuples(ids, ids, ids, ids), st.tuples(ids, ids, ids, ids))
def test_two_decisions_share_an_id_only_if_all_parts_are_the_same(one, other):
    assert (decision_id(*one) == decision_id(*other)) is (one == other)
