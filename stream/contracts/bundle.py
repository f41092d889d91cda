r"""A bundle: the messages of one commit, in order, as one entry of the outbox.

One entry for thousands of messages costs Redis one push and one trim, and native code can write and read it
without making an object of each message. Little endian:

====================  ==================================================================================================
``0``                 magic, ``b"SCB1"``
``4``                 number of messages, u32
``8``                 an index entry of 32 bytes for each message: topic u8, kind u8, size of the key u16, size of the
                      value u32, time i64 (ms), id of 16 bytes
behind the index      for each message its key (UTF-8) and its value
====================  ==================================================================================================

An id of 32 hex digits, which every decision has, stands in its 16 bytes. Any other (that of a dead letter is a text)
sets the highest bit of the kind: then the 16 bytes hold the size of the id (u32), and the id itself, UTF-8, stands
before the key.

Bundles lie in Redis across versions of the program: codes are only ever added.

>>> from stream.contracts.decisions import TIER_CHANGED, Message
>>> message = Message("0123456789abcdef" * 2, "tier-changes", "c-1", TIER_CHANGED, 1483271606000, b"{}")
>>> entry = encode_bundle([message], Topics())
>>> entry[:8], count_of(entry), len(entry)
(b'SCB1\x01\x00\x00\x00', 1, 45)
>>> decode_bundle(entry, Topics()) == [message]
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from stream.contracts.dead_letters import RECORD_REFUSED
from stream.contracts.decisions import (
    ANOMALY,
    CART_ABANDONED,
    CHURN_RECOVERED,
    CHURN_WARNING,
    CUSTOMER_CHANGED,
    FOLLOW_UP_DUE,
    SCORES,
    SEGMENT_CHANGED,
    TIER_CHANGED,
    Message,
)
from stream.contracts.topics import Topics

MAGIC: Final = b"SCB1"
COUNT_AT: Final = 4
HEADER_SIZE: Final = 8
INDEX_SIZE: Final = 32
"""Bytes of one index entry."""

TOPIC_AT: Final = 0
KIND_AT: Final = 1
KEY_SIZE_AT: Final = 2
VALUE_SIZE_AT: Final = 4
TIME_AT: Final = 8
ID_AT: Final = 16
ID_SIZE: Final = 16

TIER_CHANGES_TOPIC: Final = 0
CHURN_WARNINGS_TOPIC: Final = 1
CUSTOMER_CHANGES_TOPIC: Final = 2
CUSTOMER_SCORES_TOPIC: Final = 3
DEAD_LETTERS_TOPIC: Final = 4
FOLLOW_UPS_TOPIC: Final = 5

TIER_CHANGED_KIND: Final = 0
CHURN_WARNING_KIND: Final = 1
CHURN_RECOVERED_KIND: Final = 2
SEGMENT_CHANGED_KIND: Final = 3
SCORES_KIND: Final = 4
RECORD_REFUSED_KIND: Final = 5
CUSTOMER_CHANGED_KIND: Final = 6
FOLLOW_UP_DUE_KIND: Final = 7
CART_ABANDONED_KIND: Final = 8
ANOMALY_KIND: Final = 9

TEXT_ID: Final = 0x80
"""Bit of a kind: the id is a text, and stands before the key."""

KINDS: Final = (
    *(TIER_CHANGED, CHURN_WARNING, CHURN_RECOVERED, SEGMENT_CHANGED, SCORES, RECORD_REFUSED),
    *(CUSTOMER_CHANGED, FOLLOW_UP_DUE, CART_ABANDONED, ANOMALY),
)
"""The kinds by their codes; segments alone were said by earlier versions."""

BUNDLE_BYTES_MAX: Final = 1_000_000
"""A bundle of several messages is no larger. It bounds what Redis and the relay hold in one piece."""

BUNDLE_MESSAGES_MAX: Final = 2_000
"""Nor does it hold more messages, or than the relay is to send at a time: a transaction takes whole bundles."""

_KIND_CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
_HEADER: Final = Struct("<4sI")
_INDEX: Final = Struct("<BBHIq16s")
_TEXT_SIZE: Final = Struct("<I12x")
_ID_DIGITS: Final = 2 * ID_SIZE


class BundleError(ValueError):
    """An entry of the outbox is no bundle: it was written by something else, or by a later version."""


@lru_cache(maxsize=8)
def topic_names(topics: Topics) -> tuple[str, ...]:
    """Full names of the topics of messages, by their codes.

    >>> topic_names(Topics("shop."))[TIER_CHANGES_TOPIC]
    'shop.tier-changes'
    """
    return (
        topics.tier_changes,
        topics.churn_warnings,
        topics.customer_changes,
        topics.customer_scores,
        topics.dead_letters,
        topics.follow_ups,
    )


@lru_cache(maxsize=8)
def _topic_codes(topics: Topics) -> dict[str, int]:
    return {name: code for code, name in enumerate(topic_names(topics))}


def encode_bundle(messages: Iterable[Message], topics: Topics) -> bytes:
    """A bundle of messages, however many and large they are.

    Raises
    ------
    KeyError
        A message has a topic or a kind without a code.
    """
    codes = _topic_codes(topics)
    parts = [_parts(message, codes) for message in messages]
    return _joined([index for index, _ in parts], [body for _, body in parts])


def encode_bundles(messages: Iterable[Message], topics: Topics, messages_max: int = BUNDLE_MESSAGES_MAX) -> list[bytes]:
    """Messages as bundles of at most so many, and of at most `BUNDLE_BYTES_MAX`.

    A message that is larger by itself is a bundle of its own. No messages are no bundle.

    Raises
    ------
    KeyError
        A message has a topic or a kind without a code.
    """
    codes = _topic_codes(topics)
    bundles: list[bytes] = []
    indices: list[bytes] = []
    bodies: list[bytes] = []
    size = HEADER_SIZE
    for message in messages:
        index, body = _parts(message, codes)
        adds = INDEX_SIZE + len(body)
        if indices and (size + adds > BUNDLE_BYTES_MAX or len(indices) >= messages_max):
            bundles.append(_joined(indices, bodies))
            indices, bodies, size = [], [], HEADER_SIZE
        indices.append(index)
        bodies.append(body)
        size += adds
    if indices:
        bundles.append(_joined(indices, bodies))
    return bundles


def _joined(indices: Sequence[bytes], bodies: Sequence[bytes]) -> bytes:
    return b"".join((_HEADER.pack(MAGIC, len(indices)), *indices, *bodies))


def _parts(message: Message, codes: Mapping[str, int]) -> tuple[bytes, bytes]:
    """Index entry and body of a message, given the codes of the topics."""
    key, value = message.key.encode(), message.value
    kind, body = _KIND_CODES[message.type], key + value
    packed = _hex_id(message.id)
    if packed is None:
        text = message.id.encode()
        kind, packed, body = kind | TEXT_ID, _TEXT_SIZE.pack(len(text)), text + body
    return _INDEX.pack(codes[message.topic], kind, len(key), len(value), message.time, packed), body


def _hex_id(text: str) -> bytes | None:
    """The bytes of an id of 32 hex digits; None for any other."""
    if len(text) != _ID_DIGITS:
        return None
    try:
        packed = bytes.fromhex(text)
    except ValueError:
        return None
    # Capitals, and blanks between the digits, would not come back.
    return packed if packed.hex() == text else None


def count_of(entry: bytes) -> int:
    """Number of messages of a bundle; its first 8 bytes are enough.

    Raises
    ------
    BundleError
        It is none.
    """
    if len(entry) < HEADER_SIZE:
        raise BundleError(f"an entry of {len(entry)} bytes is no bundle")
    magic, count = _HEADER.unpack_from(entry)
    if magic != MAGIC:
        raise BundleError(f"an entry that begins with {magic!r} is no bundle")
    return int(count)


def decode_bundle(entry: bytes, topics: Topics) -> list[Message]:
    """The messages of a bundle, in order.

    Raises
    ------
    BundleError
        The entry is no bundle.
    """
    count = count_of(entry)
    at = HEADER_SIZE + count * INDEX_SIZE
    if len(entry) < at:
        raise BundleError(f"a bundle of {count} messages has {len(entry)} bytes, less than its index")
    names = topic_names(topics)
    messages: list[Message] = []
    try:
        for topic, kind, key_size, value_size, time, packed in _INDEX.iter_unpack(entry[HEADER_SIZE:at]):
            message_id = packed.hex()
            if kind & TEXT_ID:
                (size,) = _TEXT_SIZE.unpack(packed)
                message_id, at = entry[at : at + size].decode(), at + size
            key_end = at + key_size
            value_end = key_end + value_size
            messages.append(
                Message(
                    message_id,
                    names[topic],
                    entry[at:key_end].decode(),
                    KINDS[kind & ~TEXT_ID],
                    time,
                    entry[key_end:value_end],
                )
            )
            at = value_end
    except (IndexError, UnicodeDecodeError) as error:
        raise BundleError(f"message {len(messages)} of a bundle is not readable: {error}") from error
    if at != len(entry):
        raise BundleError(f"a bundle has {len(entry)} bytes, and its index speaks of {at}")
    return messages
