"""What stops a worker at the door, each with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_WHAT_TO_DO: Final = (
    "Check STREAM_KAFKA, STREAM_REDIS_URL and STREAM_TOPIC_PREFIX first. `scorer positions` shows what is stored and "
    "what the logs hold; if the log really is as it is, `scorer positions accept {topic}` goes on from its beginning "
    "and keeps count of what is missing (docs/runbooks/PositionOutOfLog.md)."
)


class PositionOutOfLog(RuntimeError):
    """A stored position is not inside the log of its topic-partition.

    The log was shortened (retention), or its topic was created anew, or Redis and Kafka do not belong
    together. Going on would skip events or count them twice, so the worker halts with nothing changed, until a
    person decides: ``scorer positions``.

    Parameters
    ----------
    topic, partition
        Where.
    position
        Next offset to process, as stored in Redis.
    beginning, end
        First offset the log still has, and its last stable offset; None when only the broker's refusal is known.

    Examples
    --------
    >>> str(PositionOutOfLog("orders", 3, position=90, beginning=0, end=50)).startswith("orders/3: ")
    True
    """

    def __init__(
        self, topic: str, partition: int, *, position: int, beginning: int | None = None, end: int | None = None
    ) -> None:
        if beginning is None or end is None:
            found = f"the broker has no offset {position} any more: the log was cut while it was read"
        elif position < beginning:
            found = (
                f"the stored position is {position}, but the log begins at {beginning}: "
                f"{beginning - position} offsets were deleted before they were read (retention)"
            )
        else:
            found = (
                f"the stored position is {position}, but the log ends at {end}: the topic was created anew "
                f"or cut, or this Redis belongs to another Kafka"
            )
        super().__init__(
            f"{topic}/{partition}: {found}. Nothing was read or written. {_WHAT_TO_DO.format(topic=topic)}"
        )
        self.topic = topic
        self.partition = partition
        self.position = position


class TopicRecreated(RuntimeError):
    """An input topic is not the one whose positions are stored, but another of the same name.

    Its offsets begin at 0 again, so the stored positions say nothing about it, whether they lie inside its log or
    not. Going on would skip what came in before them, so the worker halts with nothing changed.

    Parameters
    ----------
    topic
        Name of the topic.
    known, found
        Id of the topic in Kafka that positions are stored for, and the id of the topic there is now.

    Examples
    --------
    >>> str(TopicRecreated("orders", "KdpRJWOCQ9mlFx0tF3mrRA", "gVGbDDfRQRuvLbhBkpA-1w"))  # doctest: +ELLIPSIS
    'orders was created anew: ...'
    """

    def __init__(self, topic: str, known: str, found: str) -> None:
        super().__init__(
            f"{topic} was created anew: the stored positions belong to the topic with id {known}, and {topic} now is "
            f"the topic with id {found}. Nothing was read or written. {_WHAT_TO_DO.format(topic=topic)}"
        )
        self.topic = topic
        self.known = known
        self.found = found


class ClaimLost(RuntimeError):
    """Redis holds an older state than this worker's claim: it was emptied, or came back from an older file.

    Nobody else has the shard, and nobody will claim it while the group stays as it is, so the worker ends. Started
    again it claims anew and reads on from what Redis holds.

    Parameters
    ----------
    shard
        Partition number.
    claimed
        Generation of the group under which this worker had claimed it.
    stored
        Generation that Redis names; -1 for none.
    """

    def __init__(self, shard: int, claimed: int, stored: int) -> None:
        found = f"of generation {stored}" if stored >= 0 else "without any claim"
        super().__init__(
            f"shard {shard}: what Redis holds is older than this worker's claim of generation {claimed}: it is "
            f"{found}. Redis was emptied or came back from an older file. The worker ends; the next start claims the "
            f"shard anew and reads on from the positions that Redis holds."
        )


class TopicsUnfit(RuntimeError):
    """The input topics are not all there with one and the same number of partitions.

    Parameters
    ----------
    counts
        Topic to number of partitions; 0 for a topic that is not there.
    expected
        The number that is configured.

    Examples
    --------
    >>> str(TopicsUnfit({"orders": 4, "profiles": 0}, 4))  # doctest: +ELLIPSIS
    'the input topics do not fit together: orders has 4 partitions, profiles is missing; ...'
    """

    def __init__(self, counts: Mapping[str, int], expected: int) -> None:
        found = ", ".join(
            f"{topic} has {count} partitions" if count else f"{topic} is missing"
            for topic, count in sorted(counts.items())
        )
        super().__init__(
            f"the input topics do not fit together: {found}; all of them need {expected} (STREAM_PARTITIONS), "
            f"because a customer is in the same partition of every topic. `scorer topics create` makes the "
            f"missing ones; a topic with another number of partitions has to be created anew."
        )
        self.counts = dict(counts)


class CodecMissing(RuntimeError):
    """Records are compressed with a codec that this installation cannot undo.

    Asking again would bring the same records, so the worker ends. Positions and outbox stay as they are: started
    again with the codec at hand, it reads on from there.

    Parameters
    ----------
    where
        What was read.
    reason
        What aiokafka says of the codec.

    Examples
    --------
    >>> str(CodecMissing("orders/3", "Libraries for zstd compression codec not found"))  # doctest: +ELLIPSIS
    'orders/3 holds records that cannot be decompressed here: Libraries for zstd compression codec not found. ...'
    """

    def __init__(self, where: str, reason: object) -> None:
        super().__init__(
            f"{where} holds records that cannot be decompressed here: {reason}. None of them was read. Snappy, lz4 and "
            "zstd take the Python package cramjam. It is installed with the scorer, but is missing here or cannot be "
            'imported; `python -c "import cramjam"` says which. When that is mended, start the worker again.'
        )


def check_topics(counts: Mapping[str, int], expected: int) -> None:
    """Refuse topics that are missing or differ in their number of partitions.

    Parameters
    ----------
    counts
        Topic to number of partitions, 0 for a missing one.
    expected
        Number of partitions that every topic has to have.

    Raises
    ------
    TopicsUnfit
        If any differs.

    Examples
    --------
    >>> check_topics({"orders": 4, "interactions": 4}, 4)
    """
    if any(count != expected for count in counts.values()):
        raise TopicsUnfit(counts, expected)


def check_ids(known: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Refuse topics that are others than those whose positions are stored.

    Parameters
    ----------
    known
        Topic to the id that positions are stored for; a topic without one is not looked at.
    found
        Topic to the id it has now; empty where brokers are too old to have ids.

    Raises
    ------
    TopicRecreated
        If any differs.

    Examples
    --------
    >>> check_ids({"orders": "KdpRJWOCQ9mlFx0tF3mrRA"}, {"orders": "KdpRJWOCQ9mlFx0tF3mrRA", "profiles": "x"})
    """
    for topic, topic_id in found.items():
        if known.get(topic, topic_id) != topic_id:
            raise TopicRecreated(topic, known[topic], topic_id)
