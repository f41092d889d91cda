"""A refused record as a message to the dead-letters topic.

It says where the record was, what is wrong with it, and carries its bytes, so that it can be sent again
once the cause is mended. Bytes that are not UTF-8 have no place in JSON, hence base64.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType, json

from stream.contracts.decisions import Message
from stream.contracts.events import DeadLetter
from stream.contracts.ids import why_bad
from stream.contracts.topics import Topics

RECORD_REFUSED: Final = "record.refused"

#: So many bytes of a value are kept. As base64 (4 characters for 3 bytes) with all that goes around them
#: they stay below the 1 048 576 bytes that a producer sends at most.
DEAD_LETTER_BYTES_MAX: Final = 700_000

#: So many bytes of a key are kept; a key that is a customer id is far shorter.
DEAD_LETTER_KEY_BYTES_MAX: Final = 4_096

Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]


class Refusal(Struct, gc=False, kw_only=True):
    """A record that was refused. `value` and `key` hold its bytes in base64, absent where it had none.

    Where `truncated` is true, `value` or `key` holds only the first bytes, and such a record cannot be sent
    again; `value_bytes` and `key_bytes` are the full sizes.
    """

    topic: str
    partition: int
    offset: int
    field: str
    reason: str
    customer_id: str | UnsetType = UNSET
    key: Base64 | UnsetType = UNSET
    key_bytes: int | UnsetType = UNSET
    value: Base64 | UnsetType = UNSET
    value_bytes: int | UnsetType = UNSET
    truncated: bool = False


def dead_letter_id(dead: DeadLetter) -> str:
    """Id of a dead letter: the place of its record, so that reading it twice gives one id.

    >>> dead_letter_id(DeadLetter("orders", 3, 17, "value", "is empty", None, b""))
    'orders-3-17'
    """
    return f"{dead.topic}-{dead.partition}-{dead.offset}"


def dead_letter_message(dead: DeadLetter, topics: Topics, time: int) -> Message:
    """The message that carries a dead letter.

    Parameters
    ----------
    dead
        The refused record.
    topics
        Gives the name of the dead-letters topic.
    time
        The moment of the refusal, in ms; the record's own timestamp keeps replays alike.
    """
    key, value = dead.key, dead.value
    customer = _customer(key)
    refusal = Refusal(
        topic=dead.topic,
        partition=dead.partition,
        offset=dead.offset,
        field=dead.field,
        reason=dead.reason,
        customer_id=customer or UNSET,
        key=UNSET if key is None else _base64(key[:DEAD_LETTER_KEY_BYTES_MAX]),
        key_bytes=UNSET if key is None else len(key),
        value=UNSET if value is None else _base64(value[:DEAD_LETTER_BYTES_MAX]),
        value_bytes=UNSET if value is None else len(value),
        truncated=len(key or b"") > DEAD_LETTER_KEY_BYTES_MAX or len(value or b"") > DEAD_LETTER_BYTES_MAX,
    )
    return Message(dead_letter_id(dead), topics.dead_letters, customer, RECORD_REFUSED, time, json.encode(refusal))


def read_dead_letter(value: bytes) -> Refusal:
    """The refusal that a record of the dead-letters topic holds.

    Raises
    ------
    msgspec.DecodeError
        The value is no dead letter.
    """
    return json.decode(value, type=Refusal)


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _customer(key: bytes | None) -> str:
    """The key as a customer id, or empty where it cannot be one."""
    try:
        customer = (key or b"").decode()
    except UnicodeDecodeError:
        return ""
    return "" if why_bad(customer) else customer
