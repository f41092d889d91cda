"""Orders as nearly all of them are, read in one loop; whatever is unusual is left to `acceptance`.

What follows decides nothing: each test here is a sufficient condition for `acceptance.order_event` to give the very
same event. A record that fails one is not refused but handed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from xxhash import xxh3_64_intdigest

from stream.contracts import wire
from stream.contracts.acceptance import Limits, Record
from stream.contracts.events import COMPLETED, OrderEvent
from stream.contracts.ids import ID_CHARS_SAFE, NAME_CHARS_SAFE
from stream.contracts.money import to_minor
from stream.contracts.times import DAY, EPOCH, SECOND

#: Bytes without which no text of a JSON value can hold a control character. The reader accepts none as it is below
#: U+0020; the others are written as an escape, as DEL, or, from U+0080 to U+009F, behind the byte C2.
_SUSPECTS: Final = (b"\\", b"\x7f", b"\xc2")

#: Amounts remembered; prices repeat.
_AMOUNTS_MAX: Final = 65_536

_NO_AMOUNT: Final = -1


def free_of_controls(values: Iterable[bytes]) -> bool:
    r"""Whether no text within these JSON values can hold a control character; may be false without need.

    One look at the whole batch costs a twentieth of one look at each id.

    Examples
    --------
    >>> free_of_controls([b'{"a":"b"}', '"né"'.encode()]), free_of_controls([rb'"\u0000"'])
    (True, False)
    """
    joined = b"".join(values)
    return not any(suspect in joined for suspect in _SUSPECTS)


def plain_orders(
    limits: Limits, records: Sequence[Record], reads: Iterable[Any], now_ms: int
) -> tuple[list[Any], list[int]]:
    """Events of those records that are plain completed orders, and the places of the others, which hold None.

    Parameters
    ----------
    limits
        What is accepted.
    records
        As they were fetched; `free_of_controls` must hold for their values.
    reads
        What the JSON of each holds.
    now_ms
        The wall clock.
    """
    currency, tolerance = limits.currency, limits.future_tolerance
    # A moment within these limits lies within the years that a `datetime` has.
    earliest, amounts = limits.occurred_at_min, _amounts(limits.exponent)
    found: list[OrderEvent | None] = []
    others: list[int] = []
    for record, read in zip(records, reads, strict=True):
        if read.__class__ is wire.Order and read.type == "order.completed" and read.currency == currency:
            event_id, customer, order_id, occurred_at = read.event_id, read.customer_id, read.order_id, read.occurred_at
            channel, amount, written = read.channel or "", read.amount, record.timestamp
            if (
                occurred_at.__class__ is datetime
                and amount.__class__ is str
                and written is not None
                and 0 <= written < now_ms
                and len(event_id) <= ID_CHARS_SAFE
                and len(customer) <= ID_CHARS_SAFE
                and len(order_id) <= ID_CHARS_SAFE
                and len(channel) <= NAME_CHARS_SAFE
                and record.key == customer.encode()
            ):
                since = occurred_at - EPOCH
                at = since.days * DAY + since.seconds * SECOND + since.microseconds // 1_000
                minor = amounts[amount]
                if earliest <= at <= written + tolerance and minor >= 0:
                    found.append(
                        OrderEvent(
                            COMPLETED,
                            at,
                            customer,
                            xxh3_64_intdigest(order_id.encode()),  # `hash_id`, in place
                            xxh3_64_intdigest(event_id.encode()),
                            event_id,
                            minor,
                            channel,
                            record.offset,
                        )
                    )
                    continue
        others.append(len(found))
        found.append(None)
    return found, others


class _Amounts(dict[str, int]):
    """Minor units of amounts as they were written; negative where they are, or where the text is no amount."""

    def __init__(self, exponent: int) -> None:
        super().__init__()
        self._exponent = exponent

    def __missing__(self, text: str) -> int:
        try:
            minor = to_minor(text, self._exponent)
        except ValueError:
            minor = _NO_AMOUNT
        if len(self) >= _AMOUNTS_MAX:
            self.clear()
        self[text] = minor
        return minor


@cache
def _amounts(exponent: int) -> _Amounts:
    return _Amounts(exponent)
