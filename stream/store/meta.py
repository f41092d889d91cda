"""The meta hash of a shard, and what the engine and the relay get to see of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

POSITION: Final = "pos:"
SENT: Final = "sent:"
TOPIC: Final = "topic:"
_OWN: Final = frozenset({"owner", "generation", "begun", "landed", "trims", "waiting"})


@dataclass(frozen=True, slots=True)
class Meta:
    """Meta of one shard.

    Attributes
    ----------
    owner, generation
        Who claimed the shard, and under which generation of the consumer group; ``""`` and -1 while nobody did.
    begun, landed
        Name of the last commit that began, and of the last that was made whole; ``"0"`` before the first.
    positions
        Topic to next offset to process. A topic that was never read is absent.
    trims
        How often delivered messages were taken off the outbox.
    waiting
        Messages in the outbox. The scripts count them from the entries themselves, in the same step in which these
        are put in or taken off.
    sent
        Output topic to the offset after the last message that was delivered and taken off the outbox.
    topics
        Input topic to its id in Kafka, as far as it is known: a topic of the same name that is made anew has another.
    other
        What the engine keeps there: clock, calibration, cursor and the like.
    """

    owner: str
    generation: int
    begun: str
    landed: str
    trims: int
    waiting: int
    positions: dict[str, int]
    sent: dict[str, int]
    topics: dict[str, str]
    other: dict[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a shard held when it was claimed or read again.

    Attributes
    ----------
    positions
        Topic to next offset to process. A topic that was never read is absent.
    meta
        What commits have put into the meta hash.
    topics
        Topic to the id in Kafka that its position belongs to, as far as it is known.
    """

    positions: dict[str, int]
    meta: dict[str, str]
    topics: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """The oldest entries of the outbox, and where delivery stands.

    Attributes
    ----------
    entries
        Bundles of messages, oldest first.
    marks
        What stands for each of them when it is to be taken off: its head, as Redis keeps it.
    trims
        How often delivered messages were taken off. A number other than after the last trim means that Redis came
        back with an older outbox.
    sent
        Output topic to the offset after the last message that was taken off.
    """

    entries: list[bytes]
    marks: list[bytes]
    trims: int
    sent: dict[str, int]


def read_meta(reply: Mapping[bytes, bytes] | Sequence[bytes]) -> Meta:
    """Meta from the reply to HGETALL, which is a mapping or a flat list depending on where it was called.

    Examples
    --------
    >>> read_meta([b"owner", b"a", b"generation", b"4", b"pos:orders", b"17", b"clock", b"9"])
    Meta(owner='a', generation=4, begun='0', landed='0', trims=0, waiting=0,
         positions={'orders': 17}, sent={}, topics={}, other={'clock': '9'})
    """
    pairs: Iterable[tuple[bytes, bytes]]
    pairs = reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2], strict=True)
    fields = {name.decode(): value.decode() for name, value in pairs}
    return Meta(
        owner=fields.get("owner", ""),
        generation=int(fields.get("generation", "-1")),
        begun=fields.get("begun", "0"),
        landed=fields.get("landed", "0"),
        trims=int(fields.get("trims", "0")),
        waiting=int(fields.get("waiting", "0")),
        positions=_offsets(fields, POSITION),
        sent=_offsets(fields, SENT),
        topics={name.removeprefix(TOPIC): value for name, value in fields.items() if name.startswith(TOPIC)},
        other={name: value for name, value in fields.items() if not is_own(name)},
    )


def is_own(name: str) -> bool:
    """Whether a field of meta is the store's own, so that the engine must not set it."""
    return name in _OWN or name.startswith((POSITION, SENT, TOPIC))


def _offsets(fields: Mapping[str, str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in fields.items() if name.startswith(prefix)}
