"""A file of canonical events, one JSON object a line, onto the topics they are for."""

from __future__ import annotations

import gzip
import lzma
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import orjson

from stream.commands.failures import CommandFailed
from stream.commands.parts import admin_of
from stream.commands.producing import Producer
from stream.commands.topics import partition_counts
from stream.contracts.topics import Topics
from stream.settings import Settings

LINE_BYTES_MAX: Final = 1_000_000
"""A longer line is skipped: Kafka takes no larger record."""


@dataclass(slots=True)
class Replayed:
    """What became of the lines of a file: `sent` by topic, and how many were skipped."""

    sent: dict[str, int] = field(default_factory=dict)
    skipped: int = 0

    @property
    def total(self) -> int:
        """Events sent."""
        return sum(self.sent.values())


class Unfit(ValueError):
    """A line that cannot be sent; the message says why."""


async def replay(settings: Settings, path: Path, topic: str | None, complain: Callable[[int, str], None]) -> Replayed:
    """Write the events of a file to their topics, in its order.

    A line is sent as it is, byte for byte. Whether it is a good event is the worker's to say; here it must only be
    known where it goes.

    Parameters
    ----------
    path
        NDJSON, also ``.gz`` or ``.xz``; ``-`` is standard input.
    topic
        Plain name of the topic of all lines; None where each line says it in its field ``topic``.
    complain
        Told the number of each line that is skipped, and why.

    Raises
    ------
    CommandFailed
        The topics are not there, or have other partition counts than the settings say.
    aiokafka.errors.KafkaError
        Kafka cannot be reached, or refuses.
    OSError
        The file cannot be read.
    """
    names: dict[str, str] = dict(Topics(settings.topic_prefix).inputs.items())
    if topic is not None and topic not in names:
        raise CommandFailed(f"There is no input topic {topic!r}; choose one of {', '.join(names)}.")
    found = Replayed()
    with _opened(path) as file:
        await require_topics(settings, names)
        async with Producer(settings.kafka, names, settings.partitions) as producer:
            for number, line in enumerate(_lines(file), 1):
                try:
                    name, key = _address(line, topic, names)
                except Unfit as error:
                    found.skipped += 1
                    complain(number, str(error))
                else:
                    if name:
                        await producer.add(name, key, line)
                        found.sent[name] = found.sent.get(name, 0) + 1
    return found


def _opened(path: Path) -> Any:  # noqa: ANN401 - one of three kinds of file
    if str(path) == "-":
        return nullcontext(sys.stdin.buffer)
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    return path.open("rb")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines without their end; of one that is too long the first part, which is longer than allowed."""
    while line := file.readline(LINE_BYTES_MAX + 2):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES_MAX)
        yield line.strip()


def _address(line: bytes, topic: str | None, names: dict[str, str]) -> tuple[str, bytes]:
    """Topic and key of a line; an empty line has no topic.

    Raises
    ------
    Unfit
        It is no JSON object, or does not say topic or customer.
    """
    if not line:
        return "", b""
    if len(line) > LINE_BYTES_MAX:
        raise Unfit(f"has more than {LINE_BYTES_MAX} bytes")
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Unfit(f"is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise Unfit("is no JSON object")
    name = event.get("topic") if topic is None else topic
    if not isinstance(name, str) or name not in names:
        raise Unfit(f"topic = {name!r}: must be one of {', '.join(names)}, or be given with --topic")
    customer = event.get("customer_id")
    if not isinstance(customer, str) or not customer:
        raise Unfit("has no customer_id, which says the partition")
    return name, customer.encode()


async def require_topics(settings: Settings, names: dict[str, str]) -> None:
    """See that the topics are there, and have as many partitions as the settings say.

    Raises
    ------
    CommandFailed
        A topic is not so; the message says what to do.
    """
    async with admin_of(settings) as admin:
        counts = await partition_counts(admin)
    for full in names.values():
        if full not in counts:
            raise CommandFailed(f"Topic {full} does not exist. Make the topics with: scorer topics create")
        if counts[full] != settings.partitions:
            raise CommandFailed(
                f"Topic {full} has {counts[full]} partitions, and STREAM_PARTITIONS is {settings.partitions}: events "
                "would go to the wrong shard. Set it to the count that all topics have."
            )
