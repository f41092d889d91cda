"""From an assignment to the offsets that reading begins at. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from faust.types import TP

from stream.transport.errors import PositionOutOfLog, TopicsUnfit

LOG_BEGINNING = -1
"""Position of a topic-partition that was never read."""


def shards_of(ends: Mapping[TP, int], topics: Iterable[str]) -> dict[int, dict[str, int]]:
    """Group the ends of logs by shard.

    Parameters
    ----------
    ends
        Last stable offset of every assigned topic-partition.
    topics
        The input topics; a shard needs its partition of each.

    Returns
    -------
    dict[int, dict[str, int]]
        Partition to ``{topic: end}``.

    Raises
    ------
    TopicsUnfit
        If some shard came without one of the topics: their partition counts differ, or another member of the
        group reads other topics.

    Examples
    --------
    >>> shards_of({TP("orders", 2): 10, TP("profiles", 2): 0}, ["orders", "profiles"])
    {2: {'orders': 10, 'profiles': 0}}
    """
    shards: dict[int, dict[str, int]] = {}
    for tp, end in sorted(ends.items()):
        shards.setdefault(tp.partition, {})[tp.topic] = end
    wanted = set(topics)
    if any(set(shard) != wanted for shard in shards.values()):
        counts = {topic: sum(topic in shard for shard in shards.values()) for topic in wanted}
        raise TopicsUnfit(counts, len(shards))
    return shards


def beyond_end(positions: Mapping[TP, int], ends: Mapping[TP, int]) -> list[TP]:
    """Topic-partitions whose stored position is past the end of the log.

    Parameters
    ----------
    positions
        Stored positions.
    ends
        Last stable offsets.

    Returns
    -------
    list[TP]
        Empty if all is well.

    Examples
    --------
    >>> beyond_end({TP("orders", 0): 11, TP("orders", 1): 3}, {TP("orders", 0): 10, TP("orders", 1): 3})
    [TP(topic='orders', partition=0)]
    """
    return sorted(tp for tp, position in positions.items() if position > ends[tp])


def starting_points(positions: Mapping[TP, int], beginnings: Mapping[TP, int], ends: Mapping[TP, int]) -> dict[TP, int]:
    """Offset to seek every assigned topic-partition to.

    Parameters
    ----------
    positions
        What the host stored; ``LOG_BEGINNING`` or absent for one never read.
    beginnings, ends
        First offset and last stable offset of each log, of every assigned topic-partition.

    Returns
    -------
    dict[TP, int]
        One offset for each.

    Raises
    ------
    PositionOutOfLog
        If a stored position is not inside its log.

    Examples
    --------
    >>> tp = TP("orders", 0)
    >>> starting_points({tp: LOG_BEGINNING}, {tp: 5}, {tp: 9})
    {TP(topic='orders', partition=0): 5}
    """
    points: dict[TP, int] = {}
    for tp, beginning in beginnings.items():
        position = positions.get(tp, LOG_BEGINNING)
        if position == LOG_BEGINNING:
            position = beginning
        if not beginning <= position <= ends[tp]:
            raise PositionOutOfLog(tp.topic, tp.partition, position=position, beginning=beginning, end=ends[tp])
        points[tp] = position
    return points
