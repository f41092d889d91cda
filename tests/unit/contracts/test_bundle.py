"""A bundle is a format that lies in Redis: its bytes, its bounds, and what is refused."""

from __future__ import annotations

import pytest

from stream.contracts.bundle import (
    BUNDLE_BYTES_MAX,
    BUNDLE_MESSAGES_MAX,
    KINDS,
    BundleError,
    count_of,
    decode_bundle,
    encode_bundle,
    encode_bundles,
    topic_names,
)
from stream.contracts.dead_letters import RECORD_REFUSED
from stream.contracts.decisions import PAYLOADS, TIER_CHANGED, Message
from stream.contracts.topics import Topics

TOPICS = Topics("shop.")


def message(number, size=2):
    return Message(f"{number:032x}", TOPICS.tier_changes, f"c-{number}", TIER_CHANGED, number, b"x" * size)


def test_the_bytes_of_a_bundle():
    decision = Message("00" * 15 + "ff", "shop.customer-scores", "ö", "customer.scores", -2, b"{}")
    letter = Message("orders-3-17", "shop.dead-letters", "", RECORD_REFUSED, 258, b"[]")
    assert encode_bundle([decision, letter], TOPICS) == (
        b"SCB1\2\0\0\0"
        + (b"\3\4" + b"\2\0" + b"\2\0\0\0" + b"\xfe" + b"\xff" * 7 + b"\0" * 15 + b"\xff")
        + (b"\4\x85" + b"\0\0" + b"\2\0\0\0" + b"\2\1" + b"\0" * 6 + b"\x0b" + b"\0" * 15)
        + b"\xc3\xb6{}orders-3-17[]"
    )


def test_the_codes_are_those_of_bundles_that_wait_already():
    assert topic_names(Topics()) == (
        *("tier-changes", "churn-warnings", "customer-changes", "customer-scores", "dead-letters", "follow-ups"),
    )
    assert (
        *("customer.tier.changed", "customer.churn.warning", "customer.churn.recovered", "customer.segment.changed"),
        *("customer.scores", "record.refused"),
        *("customer.changed", "customer.follow_up.due", "customer.cart.abandoned", "customer.anomaly"),
    ) == KINDS
    # Segments alone were said by earlier versions.
    assert set(KINDS) == {*PAYLOADS, RECORD_REFUSED, "customer.segment.changed"}


def test_bundles_are_bounded_by_messages():
    sent = [message(number) for number in range(2 * BUNDLE_MESSAGES_MAX + 1)]
    bundles = encode_bundles(sent, TOPICS)
    assert list(map(count_of, bundles)) == [BUNDLE_MESSAGES_MAX, BUNDLE_MESSAGES_MAX, 1]
    assert [one for bundle in bundles for one in decode_bundle(bundle, TOPICS)] == sent
    assert list(map(count_of, encode_bundles(sent[:5], TOPICS, messages_max=2))) == [2, 2, 1]


def test_bundles_are_bounded_by_bytes_and_a_larger_message_is_alone():
    third = (BUNDLE_BYTES_MAX - 8) // 3
    sizes = [third - 40, third - 40, third - 40, third, BUNDLE_BYTES_MAX, 1, 1]
    sent = [message(number, size) for number, size in enumerate(sizes)]
    bundles = encode_bundles(sent, TOPICS)
    assert list(map(count_of, bundles)) == [3, 1, 1, 2]
    assert [len(bundle) <= BUNDLE_BYTES_MAX for bundle in bundles] == [True, True, False, True]
    assert [one for bundle in bundles for one in decode_bundle(bundle, TOPICS)] == sent


def test_nothing_to_say_is_no_bundle():
    assert encode_bundles([], TOPICS) == []


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"SCB1\1\0\0",
        b"\xc1 not ours",
        b"SCB1\1\0\0\0",
        encode_bundle([message(1)], TOPICS)[:-1],
        encode_bundle([message(1)], TOPICS) + b"x",
        b"SCB1\1\0\0\0\x06" + b"\0" * 31,
        b"SCB1\1\0\0\0\0\x0a" + b"\0" * 30,
        b"SCB1\1\0\0\0\0\0\1" + b"\0" * 29 + b"\xff",
    ],
    ids=["empty", "short", "foreign", "no index", "cut", "longer", "topic", "kind", "key"],
)
def test_what_is_no_bundle_is_refused(entry):
    with pytest.raises(BundleError):
        decode_bundle(entry, TOPICS)


def test_a_message_of_an_unknown_topic_or_kind_is_not_written():
    for one in (
        Message("1", "elsewhere", "c", TIER_CHANGED, 0, b""),
        Message("1", TOPICS.tier_changes, "c", "x", 0, b""),
    ):
        with pytest.raises(KeyError):
            encode_bundle([one], TOPICS)
