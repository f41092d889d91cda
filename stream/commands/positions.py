"""Stored positions beside the logs they belong to, and going on where the two do not fit any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.commands.failures import CommandFailed
from stream.commands.parts import ANSWER_SECONDS_MAX, redis_of
from stream.contracts.topics import Topics
from stream.settings import Settings
from stream.store.calls import Client
from stream.store.errors import CommitRefused, StoreTorn
from stream.store.keys import Keys
from stream.store.positions import accept_position, read_positions
from stream.transport.topic_ids import NoTopicIds, topic_ids

NEVER_READ: Final = -1


class Place(NamedTuple):
    """Where reading of one topic-partition stands.

    Attributes
    ----------
    topic, partition
        Which.
    stored
        Next offset to process, as Redis has it; `NEVER_READ` where there is none.
    beginning, end
        First offset of the log, and its last stable offset.
    known, found
        Id of the topic that the position belongs to, and id of the topic there is now; empty where it is not known.
    """

    topic: str
    partition: int
    stored: int
    beginning: int
    end: int
    known: str = ""
    found: str = ""

    @property
    def verdict(self) -> str:
        """``fine``, or what is not: ``another topic``, ``deleted``, ``beyond the end``.

        Examples
        --------
        >>> Place("orders", 0, 5, 0, 9).verdict, Place("orders", 0, 5, 0, 9, "a", "b").verdict
        ('fine', 'another topic')
        >>> Place("orders", 0, 5, 7, 9).verdict, Place("orders", 0, 10, 0, 9).verdict
        ('deleted', 'beyond the end')
        """
        if self.known and self.found and self.known != self.found:
            return "another topic"
        if self.stored == NEVER_READ:
            return "fine"
        if self.stored < self.beginning:
            return "deleted"
        return "beyond the end" if self.stored > self.end else "fine"

    @property
    def missing(self) -> int:
        """Offsets that are gone and were never read."""
        if self.verdict == "another topic":
            return self.beginning
        return self.beginning - self.stored if self.verdict == "deleted" else 0

    @property
    def detail(self) -> str:
        """What is not fine, in a sentence; empty if all is."""
        match self.verdict:
            case "another topic":
                return "the topic was created anew: it is another one of that name"
            case "deleted":
                return f"{self.missing} offsets were deleted before they were read"
            case "beyond the end":
                return "the position is beyond the end of the log: it was cut, or this Redis belongs to another Kafka"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        stored = None if self.stored == NEVER_READ else self.stored
        return self._asdict() | {"stored": stored, "verdict": self.verdict, "missing": self.missing}


async def positions(settings: Settings) -> list[Place]:
    """Every input topic-partition.

    Raises
    ------
    CommandFailed
        A topic is not there, or not with the partitions of the settings.
    StoreUnavailable, KafkaError
        Redis or Kafka cannot be reached.
    """
    async with redis_of(settings) as redis, _reader(settings) as reader:
        return await _places(settings, redis, reader, list(Topics(settings.topic_prefix).inputs.values()))


async def accept(settings: Settings, topic: str) -> list[Place]:
    """Go on from the beginning of a topic's logs where its positions do not fit them.

    Safe at any time: only a position that is still the one that was looked at is changed, whoever works on the shard
    loses it in the same step, and events that are read again are known by their ids.

    Parameters
    ----------
    settings
        Settings of the worker.
    topic
        Plain or full name of an input topic.

    Returns
    -------
    list[Place]
        What was found, of the topic-partitions that were changed; none if all were fine.

    Raises
    ------
    CommandFailed
        There is no such input, or a position moved meanwhile.
    StoreUnavailable, KafkaError
        Redis or Kafka cannot be reached.
    """
    inputs = Topics(settings.topic_prefix).inputs
    name = next((full for plain, full in inputs.items() if topic in {plain, full}), None)
    if name is None:
        raise CommandFailed(f"{topic} is no input topic; these are: {', '.join(inputs)}.")
    async with redis_of(settings) as redis, _reader(settings) as reader:
        changed = [one for one in await _places(settings, redis, reader, [name]) if one.verdict != "fine"]
        for one in changed:
            try:
                await accept_position(
                    redis,
                    Keys(settings.key_prefix, one.partition),
                    one.topic,
                    stored=one.stored,
                    position=one.beginning,
                    topic_id=one.found,
                    missing=one.missing,
                )
            except CommitRefused as refused:
                raise CommandFailed(f"{refused}. A worker has gone on meanwhile: look again.") from refused
            except StoreTorn as torn:
                raise CommandFailed(f"{torn}.") from torn
        return changed


@asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    # As the workers read: an open transaction ends the log for them.
    reader = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        isolation_level="read_committed",
        request_timeout_ms=int(ANSWER_SECONDS_MAX * 1000),
    )
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


async def _places(settings: Settings, redis: Client, reader: AIOKafkaConsumer, names: list[str]) -> list[Place]:
    cluster = await reader._client.fetch_all_metadata()  # noqa: SLF001 - its own call gives names alone
    for name in names:
        count = len(cluster.partitions_for_topic(name) or ())
        if count != settings.partitions:
            raise CommandFailed(
                f"Topic {name} has {count} partitions and must have {settings.partitions} (STREAM_PARTITIONS); "
                "scorer topics create makes the ones that are missing."
            )
    shards = [await read_positions(redis, Keys(settings.key_prefix, shard)) for shard in range(settings.partitions)]
    tps = [TopicPartition(name, shard) for name in names for shard in range(settings.partitions)]
    # The id is asked last, as a worker does: a topic made anew meanwhile is then seen to be another.
    ends = await reader.end_offsets(tps)
    beginnings = await reader.beginning_offsets(tps)
    try:
        found = await topic_ids(reader._client, names)  # noqa: SLF001 - the client has no door for questions of ours
    except NoTopicIds:
        found = {}
    return [
        Place(
            tp.topic,
            tp.partition,
            shards[tp.partition].positions.get(tp.topic, NEVER_READ),
            beginnings[tp],
            ends[tp],
            shards[tp.partition].topics.get(tp.topic, ""),
            found.get(tp.topic, ""),
        )
        for tp in tps
    ]
