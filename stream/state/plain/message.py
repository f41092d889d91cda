"""One message on its way out, put together from phrases: see `stream.contracts.bundle` and `phrases`."""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.contracts.bundle import ID_AT as BUNDLE_ID_AT
from stream.contracts.bundle import (
    INDEX_SIZE,
    KEY_SIZE_AT,
    KIND_AT,
    TIME_AT,
    TOPIC_AT,
    VALUE_SIZE_AT,
)
from stream.native.jit import Bytes, inlined, native
from stream.native.text import put, put_moment
from stream.native.words import put_int32, put_int64, put_run, swapped
from stream.native.xxh3 import xxh3_128
from stream.state.plain import phrases as phrase
from stream.state.plain.index import put_id
from stream.state.plain.layout import AS_OF, ID_SIZE, Longs, Memory
from stream.state.plain.rules import Rules

#: Registers of `Said.ends`.
MESSAGES: Final = 0
BODY_END: Final = 1

#: Size of the id of a cause that is a timer.
TIMER: Final = -1


class Said(NamedTuple):
    """Messages on their way out.

    Attributes
    ----------
    entries, body
        Index entries and bodies of a bundle.
    ends
        Number of messages, and end of the body.
    kinds
        Number of messages by code of kind.
    """

    entries: Bytes
    body: Bytes
    ends: Longs
    kinds: Longs


class Why(NamedTuple):
    """The cause of what is said, and whether that is old news.

    Attributes
    ----------
    moment
        Of a timer, ms.
    start, size
        Of an event: where its id begins in the text of its block, and its bytes; of a timer the size is `TIMER`.
    seed
        1 for old news, else 0.
    """

    moment: int
    start: int
    size: int
    seed: int


@inlined
def has_room(said: Said, rules: Rules, messages: int) -> bool:
    """Whether so many more messages fit in."""
    ends = said.ends
    bodies = ends[BODY_END] + (messages + 1) * rules.message_bytes_max <= len(said.body)
    return bool(bodies and (ends[MESSAGES] + messages) * INDEX_SIZE <= len(said.entries))


@inlined
def write(rules: Rules, out: Bytes, at: int, number: int) -> int:
    """Write a phrase; gives the end."""
    start = rules.spans[number, 0]
    return put_run(out, at, rules.phrases, start, rules.spans[number, 1] - start)


@inlined
def begin(said: Said, memory: Memory, slot: int, rules: Rules) -> int:
    """The key, and the value up to the customer's id."""
    at = put_id(memory, slot, said.body, said.ends[BODY_END])
    at = write(rules, said.body, at, phrase.CUSTOMER_ID)
    return put_id(memory, slot, said.body, at)


@inlined
def finish(
    said: Said,
    memory: Memory,
    slot: int,
    rules: Rules,
    end: int,
    topic: int,
    kind: int,
    id_phrase: int,
    why: Why,
    text: Bytes,
) -> None:
    """Write the index entry of a message whose body ends there."""
    row, ends, entries = memory.rows[slot], said.ends, said.entries
    # Behind the body is room for what the id is the hash of.
    scratch = put_id(memory, slot, said.body, end)
    scratch = write(rules, said.body, scratch, id_phrase + (why.size == TIMER))
    scratch = _cause_id(said.body, scratch, why, text)
    high, low = xxh3_128(said.body, end, scratch - end)
    at = ends[MESSAGES] * INDEX_SIZE
    size = row[ID_SIZE]
    entries[at + TOPIC_AT] = topic
    entries[at + KIND_AT] = kind
    entries[at + KEY_SIZE_AT] = size & 0xFF
    entries[at + KEY_SIZE_AT + 1] = size >> 8
    put_int32(entries, at + VALUE_SIZE_AT, end - ends[BODY_END] - size)
    put_int64(entries, at + TIME_AT, row[AS_OF])
    put_int64(entries, at + BUNDLE_ID_AT, swapped(high))
    put_int64(entries, at + BUNDLE_ID_AT + 8, swapped(low))
    ends[MESSAGES] += 1
    ends[BODY_END] = end
    said.kinds[kind] += 1


@native
def _cause_id(out: Bytes, at: int, why: Why, text: Bytes) -> int:
    if why.size == TIMER:
        return put_moment(out, at, why.moment)
    return put(out, at, text, why.start, why.size)


@inlined
def effect(rules: Rules, out: Bytes, at: int, when: int, why: Why, text: Bytes) -> int:
    """Write since when it is so, whether that is news, and the cause."""
    at = write(rules, out, at, phrase.EFFECTIVE_AT)
    at = put_moment(out, at, when)
    at = write(rules, out, at, (phrase.TIMER if why.size == TIMER else phrase.LIVE) + why.seed)
    at = _cause_id(out, at, why, text)
    return write(rules, out, at, phrase.END)
