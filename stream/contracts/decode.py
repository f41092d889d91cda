"""From the records of one batch to events, one outcome each, in order.

This is on the hot path: every record that Kafka holds goes through here once. Nearly all of them are plain
orders, which native code reads in one go (`native_orders`). Three things keep it short for the rest.

* The whole batch is parsed by one ``map`` over a compiled decoder. Where that stops at a bad record, the
  record's outcome is noted and the same ``map`` goes on behind it. So a bad record costs itself, and its
  neighbours are read as if it were not there. (Joining the values into one JSON list was measured slower, and
  lets a crafted value swallow the next one.)
* Fields that scoring does not use are skipped by the parser (`wire`).
* What a record must be is tested by what is cheap; why it is not, is worked out only once it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from msgspec import DecodeError, Struct
from msgspec.json import Decoder as JsonDecoder

from stream.contracts import wire
from stream.contracts.acceptance import (
    Limits,
    Record,
    interaction_event,
    order_event,
    privacy_event,
    profile_event,
)
from stream.contracts.block import PLAIN, EventBlock
from stream.contracts.events import DeadLetter, Event
from stream.contracts.money import exponent_of
from stream.contracts.native_orders import plain_orders
from stream.contracts.refusals import Refused, explain
from stream.contracts.times import SECOND, parse_time
from stream.contracts.topics import Input, Topics

#: Earlier events, in ms, are refused unless the settings say otherwise: they come from clocks never set.
OCCURRED_AT_MIN: Final = parse_time("1990-01-01T00:00:00Z")

#: How far, in ms, an event may be ahead of its own record unless the settings say otherwise.
FUTURE_TOLERANCE: Final = 300 * SECOND

#: Values of more bytes than this are refused unread unless the settings say otherwise.
VALUE_BYTES_MAX: Final = 256 * 1024

# Records read at a time. What is parsed is then still in the processor's cache when it is looked at, and its memory is
# taken again for the next: a tenth less than for a whole batch of 5 000.
_PIECE: Final = 500

# No JSON is empty: this stands in for a value that must not be parsed.
_UNREAD: Final = b""

# Per input, what its JSON holds and what makes an event of that.
_INPUTS: Final[dict[Input, tuple[type[Struct], Callable[..., Event]]]] = {
    "profiles": (wire.Profile, profile_event),
    "orders": (wire.Order, order_event),
    "interactions": (wire.Interaction, interaction_event),
    "privacy": (wire.Privacy, privacy_event),
}


class Decoder:
    """Turns records into events, or into dead letters that say what is wrong with them.

    Parameters
    ----------
    topics
        Gives the full names that dead letters carry.
    base_currency
        The only currency accepted (ISO 4217). Another one is a dead letter, never a guess.
    occurred_at_min
        Events that happened before this moment, in ms, are refused.
    future_tolerance
        An event may have happened at most so many ms after its own record was written. The record's
        timestamp is what it is held against, so that a replay next year decides as the first reading did.
        Where that is missing, or ahead of `now_ms` because the producer's clock is wild, `now_ms` takes its
        place; only such an event may be decided otherwise by a later replay.
    value_bytes_max
        Values of more bytes are refused without being parsed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> value = (
    ...     b'{"event_id":"e-1","type":"order.completed","customer_id":"c-1","order_id":"o-1",'
    ...     b'"occurred_at":"2017-01-01T11:53:26Z","amount":"12.34","currency":"USD"}'
    ... )
    >>> records = [
    ...     SimpleNamespace(offset=0, timestamp=1483271606000, key=b"c-1", value=value),
    ...     SimpleNamespace(offset=1, timestamp=1483271606000, key=b"c-1", value=value[:40]),
    ... ]
    >>> block = Decoder(Topics(), "USD").decode("orders", 0, records, now_ms=1483271606000)
    >>> order, dead = block
    >>> order.customer, order.amount, order.at
    ('c-1', 1234, 1483271606000)
    >>> dead.offset, dead.field, dead.reason
    (1, 'value', 'is JSON that ends too early, at byte 40')
    """

    def __init__(
        self,
        topics: Topics,
        base_currency: str,
        occurred_at_min: int = OCCURRED_AT_MIN,
        future_tolerance: int = FUTURE_TOLERANCE,
        value_bytes_max: int = VALUE_BYTES_MAX,
    ) -> None:
        self._topics = topics.inputs
        self._limits = Limits(base_currency, exponent_of(base_currency), occurred_at_min, future_tolerance)
        self._value_bytes_max = value_bytes_max
        self._parsers = {name: JsonDecoder(struct).decode for name, (struct, _) in _INPUTS.items()}

    def decode(
        self,
        name: Input,
        partition: int,
        records: Sequence[Record],
        now_ms: int,
    ) -> EventBlock:
        """One outcome for each record, in the order of the records; whatever the bytes are, nothing is raised.

        Parameters
        ----------
        name
            Which input the records are of.
        partition
            The partition they are from.
        records
            As they were fetched.
        now_ms
            The wall clock; used where a record's own timestamp is missing or ahead of it, and nowhere else.
        """
        if name != "orders":
            return EventBlock.of(self._carefully(name, partition, records, now_ms))
        block = plain_orders(self._limits, self._value_bytes_max, records, now_ms)
        rest = np.flatnonzero(block.rows[:, PLAIN] == 0).tolist()
        if not rest:
            return block
        events = self._carefully(name, partition, [records[number] for number in rest], now_ms)
        return block.filled(dict(zip(rest, events, strict=True)))

    def _carefully(
        self, name: Input, partition: int, records: Sequence[Record], now_ms: int
    ) -> list[Event | DeadLetter]:
        outcomes: list[Event | DeadLetter] = []
        for first in range(0, len(records), _PIECE):
            piece = records[first : first + _PIECE]
            reads = self._parse(name, piece, self._values(piece))
            outcomes += [
                self._outcome(name, partition, record, read, now_ms) for record, read in zip(piece, reads, strict=True)
            ]
        return outcomes

    def _outcome(
        self,
        name: Input,
        partition: int,
        record: Record,
        read: Any,  # noqa: ANN401 - of any input
        now_ms: int,
    ) -> Event | DeadLetter:
        try:
            if read.__class__ is Refused:
                raise read
            return _INPUTS[name][1](self._limits, record, read, now_ms)
        except Refused as why:
            return DeadLetter(
                self._topics[name],
                partition,
                record.offset,
                why.field,
                why.reason,
                record.key,
                record.value,
            )

    def _values(self, records: Sequence[Record]) -> list[bytes]:
        """What is to be parsed of each record."""
        limit = self._value_bytes_max
        return [value if (value := record.value) is not None and len(value) <= limit else _UNREAD for record in records]

    def _parse(self, name: Input, records: Sequence[Record], values: list[bytes]) -> list[Any]:
        """What the JSON of each record holds, or the `Refused` that says why nothing can be read of it."""
        parsed: list[Any] = []
        rest = map(self._parsers[name], values)
        while True:
            try:
                # On a failure, what was read before it stays in the list, and the map stands behind it.
                parsed.extend(rest)
            except (DecodeError, UnicodeDecodeError, RecursionError) as error:
                parsed.append(self._why(name, records[len(parsed)].value, error))
            else:
                return parsed

    def _why(self, name: Input, value: bytes | None, error: Exception) -> Refused:
        if value is None:
            return Refused("value", "is missing; to have a customer erased, write to the privacy topic")
        if len(value) > self._value_bytes_max:
            return Refused("value", f"has {len(value)} bytes; at most {self._value_bytes_max} are read")
        return explain(error, value, wire.ALLOWED[_INPUTS[name][0]])
