from __future__ import annotations

import json
from base64 import b64decode

import pytest

from stream.contracts.dead_letters import (
    DEAD_LETTER_BYTES_MAX,
    DEAD_LETTER_KEY_BYTES_MAX,
    dead_letter_message,
    read_dead_letter,
)
from stream.contracts.decisions import cloudevent_headers
from stream.contracts.events import DeadLetter
from stream.contracts.refusals import REASON_CHARS_MAX
from stream.contracts.topics import Topics

#: What Kafka and aiokafka let through, unless set otherwise.
KAFKA_BYTES_MAX = 1_048_576


def message(key=b"c-1", value=b"{", reason="is empty"):
    return dead_letter_message(DeadLetter("shop.orders", 3, 17, "value", reason, key, value), Topics("shop."), 50)


def test_it_says_where_what_and_why_and_carries_the_bytes():
    sent = message(key=b"c-1", value=b"\xff{")
    assert (sent.id, sent.topic, sent.key, sent.type, sent.time) == (
        "shop.orders-3-17",
        "shop.dead-letters",
        "c-1",
        "record.refused",
        50,
    )
    assert json.loads(sent.value) == {
        "topic": "shop.orders",
        "partition": 3,
        "offset": 17,
        "field": "value",
        "reason": "is empty",
        "customer_id": "c-1",
        "key": "Yy0x",
        "key_bytes": 3,
        "value": "/3s=",
        "value_bytes": 2,
        "truncated": False,
    }


def test_what_was_absent_is_absent():
    sent = message(key=None, value=None)
    assert sent.key == ""
    assert set(json.loads(sent.value)) == {"topic", "partition", "offset", "field", "reason", "truncated"}


@pytest.mark.parametrize("key", [b"", b"\xff\xfe", b"c\x00", b"k" * 257])
def test_a_key_that_is_no_customer_id_is_kept_but_names_nobody(key):
    sent = message(key=key)
    said = read_dead_letter(sent.value)
    assert sent.key == ""
    assert not said.customer_id
    assert b64decode(said.key) == key


@pytest.mark.parametrize("over", [0, 1])
def test_both_sides_of_the_largest_value(over):
    value = bytes(range(256)) * (DEAD_LETTER_BYTES_MAX // 256) + b"x" * (DEAD_LETTER_BYTES_MAX % 256 + over)
    said = read_dead_letter(message(value=value).value)
    assert said.truncated is bool(over)
    assert said.value_bytes == DEAD_LETTER_BYTES_MAX + over
    assert b64decode(said.value) == value[:DEAD_LETTER_BYTES_MAX]


def test_the_largest_of_all_fits_a_kafka_message():
    sent = message(
        key="€".encode() * DEAD_LETTER_KEY_BYTES_MAX,
        value=b"\x00" * 5_000_000,
        reason="\x00" * REASON_CHARS_MAX,  # six bytes each, in JSON
    )
    headers = cloudevent_headers(sent, "/" + "s" * 200)
    size = len(sent.value) + len(sent.key.encode()) + sum(len(name) + len(value) for name, value in headers)
    assert read_dead_letter(sent.value).truncated
    assert size < 0.95 * KAFKA_BYTES_MAX
