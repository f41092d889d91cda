"""Events of one batch in columns, so that native code can go through them without touching one Python object.

Nearly all events are completed orders, and of those nearly all hold nothing but printable ASCII and say nothing of
items, discount or coupon. Such an order is *plain*: its numbers are in the columns of its row, its texts are spans of
one buffer, as a rule the very bytes that Kafka gave. Whatever else there is, refunds, interactions, dead letters, names
with accents, stays the object that decoding made of it, in `EventBlock.others`; its row says when it happened and whose
it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from stream.contracts.events import COMPLETED, DeadLetter, Event, OrderEvent
from stream.contracts.ids import ID_BYTES_MAX, NAME_BYTES_MAX, hash_id
from stream.contracts.money import MINOR_UNITS_MAX

#: Columns of `EventBlock.rows`.
#: 1 for a plain order, whose fields are all in its row; 0 for what is in `EventBlock.others`.
PLAIN: Final = 0
#: When it happened, ms. A dead letter has no time of its own: that of the event before it, or `NEVER`.
AT: Final = 1
#: Minor units.
AMOUNT: Final = 2
#: XXH3-64 of the order's id, as the signed number of the same bits.
ORDER: Final = 3
#: Where the customer's id is in the text, and how many bytes it has; 0 bytes for a dead letter.
CUSTOMER_FROM: Final = 4
CUSTOMER_SIZE: Final = 5
#: XXH3-64 of the customer's id, as the signed number of the same bits.
CUSTOMER_HASH: Final = 6
#: Where the event's id is in the text.
EVENT_FROM: Final = 7
EVENT_SIZE: Final = 8
#: Where the channel is in the text; 0 bytes where there is none.
CHANNEL_FROM: Final = 9
CHANNEL_SIZE: Final = 10
#: Place in the topic-partition.
OFFSET: Final = 11
#: How many columns there are.
WIDTH: Final = 12

#: Before every moment there is.
NEVER: Final = -(2**62)

_SPANS: Final = (CUSTOMER_FROM, EVENT_FROM, CHANNEL_FROM)
_SIZES: Final = (CUSTOMER_SIZE, EVENT_SIZE, CHANNEL_SIZE)
_SIGN: Final = 1 << 63
_UNSIGNED: Final = (1 << 64) - 1


@dataclass(slots=True, frozen=True, eq=False)
class EventBlock:
    r"""Events of one batch, in order.

    Attributes
    ----------
    rows
        One row an event; the columns are those named above. C-contiguous.
    text
        What the spans of the rows point into. Texts of plain rows are printable ASCII without ``"`` and ``\``, so
        they can stand in JSON as they are: ids of 1 to `ID_BYTES_MAX` bytes, channels of at most `NAME_BYTES_MAX`.
        A customer's id of another row may be any UTF-8.
    others
        The events that are not plain, by number of row.

    Examples
    --------
    >>> order = OrderEvent(COMPLETED, 5, "c-1", hash_id("o-1"), hash_id("e-1"), "e-1", 1234, "web", 0)
    >>> dead = DeadLetter("orders", 0, 1, "value", "is empty", None, b"")
    >>> block = EventBlock.of([order, dead])
    >>> block.rows[:, PLAIN].tolist(), block.rows[:, AT].tolist(), block.others == {1: dead}
    ([1, 0], [5, 5], True)
    >>> bytes(block.text)
    b'c-1e-1web'
    >>> list(block) == [order, dead], len(block.slice(1, 2))
    (True, 1)
    """

    rows: NDArray[np.int64]
    text: NDArray[np.uint8]
    others: Mapping[int, Event | DeadLetter]

    @classmethod
    def of(cls, events: Sequence[Event | DeadLetter]) -> EventBlock:
        """The block of these events."""
        rows = np.zeros((len(events), WIDTH), np.int64)
        return cls(rows, np.zeros(0, np.uint8), {}).filled(dict(enumerate(events)))

    def filled(self, events: Mapping[int, Event | DeadLetter]) -> EventBlock:
        """The block with these events in the rows of these numbers, given in order; the rows are written in place.

        Completed orders whose texts are plain become plain rows, whatever way they were read.
        """
        text, others, filled = bytearray(), dict(self.others), []
        start, rows = len(self.text), self.rows
        at, before = NEVER, -1  # of the row last filled, and its number
        for number, event in events.items():
            row = [0] * WIDTH
            row[OFFSET] = event.offset
            others.pop(number, None)
            if isinstance(event, DeadLetter):
                if number != before + 1:
                    at = int(rows[number - 1, AT])
                others[number] = event
            else:
                at = event.at
                customer = event.customer.encode()
                row[CUSTOMER_FROM], row[CUSTOMER_SIZE] = start + len(text), len(customer)
                row[CUSTOMER_HASH] = _signed(xxh3_64_intdigest(customer))
                text += customer
                if is_plain(event):
                    row[PLAIN], row[AMOUNT], row[ORDER] = 1, event.amount, _signed(event.order)
                    row[EVENT_FROM], row[EVENT_SIZE] = start + len(text), len(event.event_id)
                    text += event.event_id.encode()
                    row[CHANNEL_FROM], row[CHANNEL_SIZE] = start + len(text), len(event.channel)
                    text += event.channel.encode()
                else:
                    others[number] = event
            row[AT] = at
            before = number
            filled.append(row)
        if filled:
            rows[list(events)] = filled
        if not text:
            return EventBlock(rows, self.text, others)
        behind = np.frombuffer(text, np.uint8)
        return EventBlock(rows, np.concatenate((self.text, behind)) if start else behind, others)

    @classmethod
    def join(cls, blocks: Sequence[EventBlock]) -> EventBlock:
        """Several blocks as one, in the order given."""
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return cls.of([])
        rows = np.concatenate([block.rows for block in blocks])
        others: dict[int, Event | DeadLetter] = {}
        texts: list[NDArray[np.uint8]] = []
        row = place = 0
        for block in blocks:
            # Of a slice, no more of the text than it points into.
            first, last = block._extent()  # noqa: SLF001 - of its own class
            texts.append(block.text[first:last])
            rows[row : row + len(block), _SPANS] += place - first
            others |= {row + number: event for number, event in block.others.items()}
            row += len(block)
            place += last - first
        return cls(rows, np.concatenate(texts), others)

    @classmethod
    def merge(cls, blocks: Sequence[EventBlock], which: NDArray[np.int64], index: NDArray[np.int64]) -> EventBlock:
        """Rows of several blocks as one, in any order.

        Parameters
        ----------
        blocks
            Where the rows are from.
        which, index
            For each row of the result, the number of its block and its number there.
        """
        joined = cls.join(blocks)
        starts = np.cumsum([0, *map(len, blocks)])
        chosen = starts[which] + index
        others: dict[int, Event | DeadLetter] = {}
        if joined.others:
            held = np.zeros(len(joined), np.bool_)
            held[list(joined.others)] = True
            others = {number: joined.others[int(chosen[number])] for number in np.flatnonzero(held[chosen]).tolist()}
        return cls(joined.rows[chosen], joined.text, others)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Event | DeadLetter]:
        return map(self.event, range(len(self)))

    def event(self, number: int) -> Event | DeadLetter:
        """The event of a row; that of a plain row is made anew."""
        event = self.others.get(number)
        if event is not None:
            return event
        row = self.rows[number].tolist()
        event_id = self._text(row[EVENT_FROM], row[EVENT_SIZE])
        return OrderEvent(
            COMPLETED,
            row[AT],
            self._text(row[CUSTOMER_FROM], row[CUSTOMER_SIZE]),
            row[ORDER] & _UNSIGNED,
            hash_id(event_id),
            event_id,
            row[AMOUNT],
            self._text(row[CHANNEL_FROM], row[CHANNEL_SIZE]),
            row[OFFSET],
        )

    def customer(self, number: int) -> str:
        """The customer of a row; empty for a dead letter."""
        return self._text(int(self.rows[number, CUSTOMER_FROM]), int(self.rows[number, CUSTOMER_SIZE]))

    def slice(self, first: int, last: int) -> EventBlock:
        """The rows from `first` to before `last`; what the block holds is shared, not copied."""
        if (first, last) == (0, len(self)):
            return self
        others = {number - first: event for number, event in self.others.items() if first <= number < last}
        return EventBlock(self.rows[first:last], self.text, others)

    def _extent(self) -> tuple[int, int]:
        """Where the first text begins that a row points to, and where the last one ends."""
        if not len(self):
            return 0, 0
        starts = self.rows[:, _SPANS]
        return int(starts.min()), int((starts + self.rows[:, _SIZES]).max())

    def _text(self, start: int, size: int) -> str:
        return self.text[start : start + size].tobytes().decode()


def is_plain(event: Event) -> TypeGuard[OrderEvent]:
    """Whether a row of a block can hold all there is to say of an event.

    >>> is_plain(OrderEvent(COMPLETED, 5, "c-1", 1, 2, "e-1", 1234, "web", 0))
    True
    >>> is_plain(OrderEvent(COMPLETED, 5, "ç-1", 1, 2, "e-1", 1234, "web", 0))
    False
    """
    if not isinstance(event, OrderEvent) or event.kind != COMPLETED or event.details is not None:
        return False
    if not 0 <= event.amount <= MINOR_UNITS_MAX:
        return False
    customer, event_id, channel = event.customer, event.event_id, event.channel
    texts = customer + event_id + channel
    return (
        texts.isascii()
        and texts.isprintable()
        and '"' not in texts
        and "\\" not in texts
        and 0 < len(customer) <= ID_BYTES_MAX
        and 0 < len(event_id) <= ID_BYTES_MAX
        and len(channel) <= NAME_BYTES_MAX
    )


def _signed(bits: int) -> int:
    """The signed number that has the 64 bits of an unsigned one."""
    return (bits ^ _SIGN) - _SIGN
