"""What is said of a plain customer right after an order, written as it leaves: see `stream.contracts.bundle`.

The plain form is `stream.state.announcements`; a law holds the two equal.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.contracts.block import EVENT_FROM, EVENT_SIZE
from stream.contracts.bundle import (
    CUSTOMER_CHANGES_TOPIC,
    CUSTOMER_SCORES_TOPIC,
    INDEX_SIZE,
    KEY_SIZE_AT,
    KIND_AT,
    SCORES_KIND,
    SEGMENT_CHANGED_KIND,
    TIER_CHANGED_KIND,
    TIER_CHANGES_TOPIC,
    TIME_AT,
    TOPIC_AT,
    VALUE_SIZE_AT,
)
from stream.contracts.bundle import (
    ID_AT as BUNDLE_ID_AT,
)
from stream.native.jit import Bytes, native
from stream.native.text import put, put_int, put_int32, put_int64, put_moment, put_money
from stream.native.xxh3 import xxh3_128
from stream.state.customer import NEVER, TIER_NAMES, TIER_NONE
from stream.state.plain import rules as phrase
from stream.state.plain.index import put_id
from stream.state.plain.layout import (
    AS_OF,
    CHANGES_VERSION,
    DUE,
    FREQUENCY,
    ID_SIZE,
    LEDGER_AT,
    MONETARY,
    SEGMENT,
    TIER,
    TIER_SINCE,
    TIER_VERSION,
    VERSION,
    Longs,
    Memory,
    N,
)
from stream.state.plain.rules import Rules

_TIERS: Final = len(TIER_NAMES)
_BRACE: Final = ord("}")

#: Registers of `Said.ends`.
MESSAGES: Final = 0
BODY_END: Final = 1


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


@native
def has_room(said: Said, rules: Rules, messages: int) -> bool:
    """Whether so many more messages fit in."""
    ends = said.ends
    bodies = ends[BODY_END] + (messages + 1) * rules.message_bytes_max <= len(said.body)
    return bool(bodies and (ends[MESSAGES] + messages) * INDEX_SIZE <= len(said.entries))


@native
def write(rules: Rules, out: Bytes, at: int, number: int) -> int:
    """Write a phrase; gives the end."""
    start = rules.spans[number, 0]
    return put(out, at, rules.phrases, start, rules.spans[number, 1] - start)


@native
def _begin(said: Said, memory: Memory, slot: int, rules: Rules) -> int:
    """The key, and the value up to the customer's id."""
    at = put_id(memory, slot, said.body, said.ends[BODY_END])
    at = write(rules, said.body, at, phrase.CUSTOMER_ID)
    return put_id(memory, slot, said.body, at)


@native
def _finish(  # noqa: PLR0917 - all that makes a message
    said: Said,
    memory: Memory,
    slot: int,
    rules: Rules,
    end: int,
    topic: int,
    kind: int,
    id_phrase: int,
    event: Longs,
    text: Bytes,
) -> None:
    """Write the index entry of a message whose body ends there."""
    row, ends, entries = memory.rows[slot], said.ends, said.entries
    # Behind the body is room for what the id is the hash of.
    scratch = put_id(memory, slot, said.body, end)
    scratch = write(rules, said.body, scratch, id_phrase)
    scratch = put(said.body, scratch, text, event[EVENT_FROM], event[EVENT_SIZE])
    high, low = xxh3_128(said.body, end, scratch - end)
    at = ends[MESSAGES] * INDEX_SIZE
    size = row[ID_SIZE]
    entries[at + TOPIC_AT] = topic
    entries[at + KIND_AT] = kind
    entries[at + KEY_SIZE_AT] = size & 0xFF
    entries[at + KEY_SIZE_AT + 1] = size >> 8
    put_int32(entries, at + VALUE_SIZE_AT, end - ends[BODY_END] - size)
    put_int64(entries, at + TIME_AT, row[AS_OF])
    for i in range(8):
        entries[at + BUNDLE_ID_AT + i] = (high >> (56 - 8 * i)) & 0xFF
        entries[at + BUNDLE_ID_AT + 8 + i] = (low >> (56 - 8 * i)) & 0xFF
    ends[MESSAGES] += 1
    ends[BODY_END] = end
    said.kinds[kind] += 1


@native
def _effect(rules: Rules, out: Bytes, at: int, when: int, seed: bool, event: Longs, text: Bytes) -> int:  # noqa: FBT001 - native code knows no keywords
    at = write(rules, out, at, phrase.EFFECTIVE_AT)
    at = put_moment(out, at, when)
    at = write(rules, out, at, phrase.SEED if seed else phrase.LIVE)
    at = put(out, at, text, event[EVENT_FROM], event[EVENT_SIZE])
    return write(rules, out, at, phrase.END)


@native
def _figures(rules: Rules, out: Bytes, at: int, row: Longs, cell: int) -> int:
    at = put_int(out, at, row[FREQUENCY])
    at = write(rules, out, at, phrase.MONETARY)
    at = put_money(out, at, row[MONETARY], rules.exponent)
    return write(rules, out, at, phrase.SCORE + cell)


@native
def announce(  # noqa: PLR0917 - what is, what was, and why
    said: Said,
    memory: Memory,
    slot: int,
    rules: Rules,
    cell: int,
    was_tier: int,
    was_segment: int,
    seed: bool,  # noqa: FBT001 - native code knows no keywords
    event: Longs,
    text: Bytes,
) -> None:
    """Say how tier and segment changed; the row has the new ones already, and the versions go up here.

    Parameters
    ----------
    cell
        Place in the cube.
    was_tier, was_segment
        What was said before.
    seed
        Whether the event is old news.
    event, text
        Row of the event that is the cause, and the text of its block.
    """
    row, out = memory.rows[slot], said.body
    row[VERSION] += 1
    if row[TIER] != was_tier:
        row[TIER_SINCE] = row[AS_OF]
        row[TIER_VERSION] += 1
        at = _begin(said, memory, slot, rules)
        at = write(rules, out, at, phrase.VERSION)
        at = put_int(out, at, row[TIER_VERSION])
        at = write(rules, out, at, phrase.COMMA)
        at = write(rules, out, at, phrase.MOVE + was_tier * _TIERS + row[TIER])
        at = _effect(rules, out, at, row[AS_OF], seed, event, text)
        if row[TIER] != TIER_NONE:
            at = write(rules, out, at, phrase.RFM)
            at = _figures(rules, out, at, row, cell)
            at = write(rules, out, at, phrase.SEGMENT)
            at = write(rules, out, at, phrase.SEGMENT_NAME + row[SEGMENT])
        at = write(rules, out, at, phrase.CALIBRATION)
        _finish(
            said, memory, slot, rules, at, TIER_CHANGES_TOPIC, TIER_CHANGED_KIND, phrase.TIER_CHANGED_ID, event, text
        )
    if row[SEGMENT] != was_segment:
        row[CHANGES_VERSION] += 1
        at = _begin(said, memory, slot, rules)
        at = write(rules, out, at, phrase.VERSION)
        at = put_int(out, at, row[CHANGES_VERSION])
        at = write(rules, out, at, phrase.COMMA)
        at = write(rules, out, at, phrase.FROM)
        at = write(rules, out, at, phrase.SEGMENT_NAME + was_segment)
        at = write(rules, out, at, phrase.TO)
        at = write(rules, out, at, phrase.SEGMENT_NAME + row[SEGMENT])
        at = write(rules, out, at, phrase.COMMA)
        at = _effect(rules, out, at, row[AS_OF], seed, event, text)
        at = write(rules, out, at, phrase.CALIBRATION)
        _finish(
            said,
            memory,
            slot,
            rules,
            at,
            CUSTOMER_CHANGES_TOPIC,
            SEGMENT_CHANGED_KIND,
            phrase.SEGMENT_CHANGED_ID,
            event,
            text,
        )


@native
def tell_scores(said: Said, memory: Memory, slot: int, rules: Rules, cell: int, event: Longs, text: Bytes) -> None:
    """The whole record, for the compacted topic; the customer's last order is its `as_of`."""
    row, out = memory.rows[slot], said.body
    moment = row[AS_OF]
    at = _begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.AS_OF)
    now = at
    at = put_moment(out, at, moment)
    length = at - now
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[VERSION])
    at = write(rules, out, at, phrase.TIER + row[TIER])
    at = put_moment(out, at, row[TIER_SINCE])
    at = write(rules, out, at, phrase.STANDING + cell)
    at = put_int(out, at, row[N])
    at = write(rules, out, at, phrase.FIRST_ORDER_AT)
    at = put_moment(out, at, memory.heap[row[LEDGER_AT]])
    at = write(rules, out, at, phrase.LAST_ORDER_AT)
    at = put(out, at, out, now, length)
    at = write(rules, out, at, phrase.SCORES_RFM)
    at = _figures(rules, out, at, row, cell)
    at = write(rules, out, at, phrase.AFTER_ORDER + row[N])
    if row[DUE] != NEVER:
        at = write(rules, out, at, phrase.NEXT_CHANGE_AT)
        at = put_moment(out, at, row[DUE])
        at = write(rules, out, at, phrase.END)
    else:
        out[at] = _BRACE
        at += 1
    _finish(said, memory, slot, rules, at, CUSTOMER_SCORES_TOPIC, SCORES_KIND, phrase.SCORES_ID, event, text)
