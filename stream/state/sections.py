"""What only some customers have, as the sections at the end of their records.

A record says in two bytes which sections it has, a bit each; they stand in the order of `SECTIONS`. A new one is added
behind the others, with the next bit, and never changes its form: records lie in Redis across versions of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import DecodeError, msgpack

from stream.scoring.conduct import CONDUCT
from stream.scoring.needs import NEEDS
from stream.state.activity import Activity
from stream.state.answers import Answers
from stream.state.customer import UNSET, Customer
from stream.state.details import Details

_COUNT = Struct("<H")
_REFUND = Struct("<QQq")
_FOLD = Struct("<qqqq")
_COUNTER = Struct("<BIq")
_TICKET = Struct("<Qqq")
_ANSWER = Struct("<qb")
_MOMENT = Struct("<q")
_GIVEN = Struct("<qQB")
_NOT_GIVEN = (0, 0, "")
_SIZE = Struct("<I")
#: Need, conduct, moment of the cart.
_SAID = Struct("<BBq")
_Read = TypeVar("_Read")
_read_activity = msgpack.Decoder(Activity).decode
_read_answers = msgpack.Decoder(Answers).decode


class Section(NamedTuple):
    """One kind of section.

    Attributes
    ----------
    of
        The customer's section; empty where they have none.
    take
        Reads the section that begins at a place, onto the customer, and gives where it ends.
    """

    of: Callable[[Customer], bytes]
    take: Callable[[Customer, bytes, int], int]


def has_no_sections(c: Customer) -> bool:
    """Whether the customer is plain: nothing is known but orders and what was said of them."""
    return (
        c.refunds is None
        and c.seen is None
        and c.folded is None
        and c.details is None
        and c.counters is None
        and c.activity is None
        and c.answers is None
        and c.tickets is None
        and c.kind is None
        and c.region is None
        and c.nps_at == UNSET
        and not c.need
        and not c.conduct
        and not c.cart_said
        and not c.registered_at
    )


def encode_sections(c: Customer) -> tuple[int, list[bytes]]:
    """Which sections a customer has, a bit each, and these."""
    flags = 0
    found: list[bytes] = []
    for number, section in enumerate(SECTIONS):
        written = section.of(c)
        if written:
            flags |= 1 << number
            found.append(written)
    return flags, found


def decode_sections(c: Customer, blob: bytes, place: int, flags: int) -> int:
    """Read the sections that begin at a place onto a customer; gives where they end.

    Raises
    ------
    ValueError
        A section that this version does not know.
    """
    if flags >> len(SECTIONS):
        raise ValueError(f"sections {flags:04x}")
    for number, section in enumerate(SECTIONS):
        if flags >> number & 1:
            place = section.take(c, blob, place)
    return place


def rows(form: Struct, those: Sequence[tuple[Any, ...]]) -> bytes:
    """Rows of one form, behind their number."""
    return _COUNT.pack(len(those)) + b"".join([form.pack(*row) for row in those])


def read_rows(form: Struct, blob: bytes, place: int) -> tuple[list[tuple[Any, ...]], int]:
    """The rows that `rows` wrote, and where they end."""
    (n,) = _COUNT.unpack_from(blob, place)
    end = place + 2 + n * form.size
    return list(form.iter_unpack(blob[place + 2 : end])), end


def _refunds(c: Customer) -> bytes:
    return rows(_REFUND, [(o, e, a) for o, known in c.refunds.items() for e, a in known.items()]) if c.refunds else b""


def _take_refunds(c: Customer, blob: bytes, place: int) -> int:
    found, place = read_rows(_REFUND, blob, place)
    c.refunds = {}
    for order, event, amount in found:
        c.refunds.setdefault(order, {})[event] = amount
    return place


def _folded(c: Customer) -> bytes:
    return rows(_FOLD, c.folded) if c.folded else b""


def _take_folded(c: Customer, blob: bytes, place: int) -> int:
    found, place = read_rows(_FOLD, blob, place)
    c.folded = [(first_at, last_at, n, net) for first_at, last_at, n, net in found]
    return place


def _counters(c: Customer) -> bytes:
    return rows(_COUNTER, [(code, *found) for code, found in c.counters.items()]) if c.counters else b""


def _take_counters(c: Customer, blob: bytes, place: int) -> int:
    found, place = read_rows(_COUNTER, blob, place)
    c.counters = {code: (n, last_at) for code, n, last_at in found}
    return place


def _seen(c: Customer) -> bytes:
    return _COUNT.pack(len(c.seen) >> 3) + c.seen if c.seen else b""


def _take_seen(c: Customer, blob: bytes, place: int) -> int:
    (n,) = _COUNT.unpack_from(blob, place)
    end: int = place + 2 + 8 * n
    c.seen = bytearray(blob[place + 2 : end])
    return end


def _tickets(c: Customer) -> bytes:
    return rows(_TICKET, [(ticket, *moments) for ticket, moments in c.tickets.items()]) if c.tickets else b""


def _take_tickets(c: Customer, blob: bytes, place: int) -> int:
    found, place = read_rows(_TICKET, blob, place)
    c.tickets = {ticket: (opened, resolved) for ticket, opened, resolved in found}
    return place


def _nps(c: Customer) -> bytes:
    return _ANSWER.pack(c.nps_at, c.nps_score) if c.nps_at != UNSET else b""


def _take_nps(c: Customer, blob: bytes, place: int) -> int:
    c.nps_at, c.nps_score = _ANSWER.unpack_from(blob, place)
    return place + _ANSWER.size


def _profile(c: Customer) -> bytes:
    if c.kind is None and c.region is None:
        return b""
    return b"".join([_given(*(one or _NOT_GIVEN)) for one in (c.kind, c.region)])


def _given(at: int, event: int, text: str) -> bytes:
    word = text.encode()
    return _GIVEN.pack(at, event, len(word)) + word


def _take_profile(c: Customer, blob: bytes, place: int) -> int:
    c.kind, place = _take_given(blob, place)
    c.region, place = _take_given(blob, place)
    return place


def _take_given(blob: bytes, place: int) -> tuple[tuple[int, int, str] | None, int]:
    at, event, size = _GIVEN.unpack_from(blob, place)
    start = place + _GIVEN.size
    end: int = start + size
    return (at, event, blob[start:end].decode()) if size else None, end


def _registered(c: Customer) -> bytes:
    return _MOMENT.pack(c.registered_at) if c.registered_at else b""


def _take_registered(c: Customer, blob: bytes, place: int) -> int:
    (c.registered_at,) = _MOMENT.unpack_from(blob, place)
    return place + _MOMENT.size


def _sized(data: bytes) -> bytes:
    return _SIZE.pack(len(data)) + data


def _take_sized(blob: bytes, place: int) -> tuple[bytes, int]:
    (size,) = _SIZE.unpack_from(blob, place)
    start = place + _SIZE.size
    end: int = start + size
    return blob[start:end], end


def _details(c: Customer) -> bytes:
    return _sized(c.details.to_bytes()) if c.details is not None else b""


def _take_details(c: Customer, blob: bytes, place: int) -> int:
    data, place = _take_sized(blob, place)
    c.details = Details.of_bytes(data)
    return place


def _activity(c: Customer) -> bytes:
    return _sized(msgpack.encode(c.activity)) if c.activity is not None else b""


def _take_activity(c: Customer, blob: bytes, place: int) -> int:
    data, place = _take_sized(blob, place)
    c.activity = _unpacked(_read_activity, data)
    return place


def _answers(c: Customer) -> bytes:
    return _sized(msgpack.encode(c.answers)) if c.answers is not None else b""


def _take_answers(c: Customer, blob: bytes, place: int) -> int:
    data, place = _take_sized(blob, place)
    c.answers = _unpacked(_read_answers, data)
    return place


def _said(c: Customer) -> bytes:
    return _SAID.pack(c.need, c.conduct, c.cart_said) if c.need or c.conduct or c.cart_said else b""


def _take_said(c: Customer, blob: bytes, place: int) -> int:
    c.need, c.conduct, c.cart_said = _SAID.unpack_from(blob, place)
    if c.need >= len(NEEDS) or c.conduct >= len(CONDUCT):
        raise ValueError(f"need {c.need}, conduct {c.conduct}")
    return place + _SAID.size


def _unpacked(read: Callable[[bytes], _Read], data: bytes) -> _Read:
    try:
        return read(data)
    except DecodeError as error:
        raise ValueError(str(error)) from error


#: By bit.
SECTIONS: Final = (
    Section(_refunds, _take_refunds),
    Section(_folded, _take_folded),
    Section(_counters, _take_counters),
    Section(_seen, _take_seen),
    Section(_tickets, _take_tickets),
    Section(_nps, _take_nps),
    Section(_profile, _take_profile),
    Section(_registered, _take_registered),
    Section(_details, _take_details),
    Section(_activity, _take_activity),
    Section(_answers, _take_answers),
    Section(_said, _take_said),
)
