"""What goes into the outbox comes out of it, and a decision's id is its parts and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.bundle import KINDS, decode_bundle, encode_bundle, topic_names
from stream.contracts.decisions import Message, decision_id
from stream.contracts.times import MOMENT_MAX, MOMENT_MIN
from stream.contracts.topics import Topics

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
hashes = st.integers(0, 2**128 - 1).map("{:032x}".format)
messages = st.builds(
    Message,
    hashes | hashes.map(str.upper) | texts,
    st.sampled_from(topic_names(Topics())),
    texts,
    st.sampled_from(KINDS),
    st.integers(MOMENT_MIN, MOMENT_MAX),
    st.binary(max_size=300),
)
bundles = st.lists(messages, max_size=4)


@given(bundles)
def test_messages_come_out_as_they_went_in(sent):
    assert decode_bundle(encode_bundle(sent, Topics()), Topics()) == sent


@given(bundles, bundles)
def test_two_bundles_are_alike_only_if_their_messages_are(one, other):
    assert (encode_bundle(one, Topics()) == encode_bundle(other, Topics())) is (one == other)


@given(st.tuples(ids, ids, ids, ids), st.tuples(ids, ids, ids, ids))
def test_two_decisions_share_an_id_only_if_all_parts_are_the_same(one, other):
    assert (decision_id(*one) == decision_id(*other)) is (one == other)
