"""Several topics of one shard, read as one sequence in order of time.

Orders and interactions of a customer come by different topics. Which of them is fetched first is luck; the order in
which they are applied must not be. So a shard takes, of all events it holds, those up to the last moment that every
topic which has more to read has reached, in order of `occurred_at` (ties by topic, then offset). Kafka Streams does
the same with the head records of its input partitions (KIP-353, `max.task.idle.ms`).

Within a topic the offset order stands: an event that is older than one before it counts as that one's moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from operator import attrgetter
from typing import NamedTuple

from stream.contracts.events import DeadLetter, Event
from stream.contracts.topics import Input

_BEGINNING = -(2**62)
_END = 2**62
_AT = attrgetter("at")


class Taken(NamedTuple):
    """Events to apply now, and the next offset of each topic they came from."""

    events: list[Event | DeadLetter]
    positions: dict[Input, int]


class _Queue:
    """What is buffered of one topic: events, their moments (never falling), and the offset after each batch."""

    def __init__(self) -> None:
        self.events: list[Event | DeadLetter] = []
        self.moments: list[int] = []
        self.reached = _BEGINNING
        self.next_offset = -1

    def extend(self, events: list[Event | DeadLetter], next_offset: int) -> None:
        try:
            moments: list[int] = list(map(_AT, events))
        except AttributeError:
            moments = list(_with_letters(events, self.reached))
        if moments and (moments[0] < self.reached or moments != sorted(moments)):
            moments = list(accumulate(moments, max, initial=self.reached))[1:]
        self.moments += moments
        if moments:
            self.reached = moments[-1]
        self.events.extend(events)
        self.next_offset = next_offset

    def take(self, n: int) -> tuple[list[Event | DeadLetter], list[int], int]:
        """The first `n` events, their moments, and the offset to go on from."""
        if n == len(self.events):
            taken = self.events, self.moments, self.next_offset
            self.events, self.moments = [], []
            return taken
        events, moments = self.events[:n], self.moments[:n]
        del self.events[:n], self.moments[:n]
        return events, moments, events[-1].offset + 1


def _with_letters(events: Iterable[Event | DeadLetter], reached: int) -> Iterator[int]:
    """Moments of events; a record that cannot be decoded has that of the event before it."""
    for event in events:
        reached = getattr(event, "at", reached)
        yield reached


class TopicMerge:
    """Merges the topics of one shard.

    Parameters
    ----------
    topics
        In the order in which ties are broken.

    Examples
    --------
    >>> from types import SimpleNamespace as Event
    >>> merge = TopicMerge(["orders", "interactions"])
    >>> merge.offer("orders", [Event(at=1, offset=0), Event(at=5, offset=1)], 2)
    >>> merge.take(10, has_more={"interactions"}.__contains__) is None
    True
    >>> merge.offer("interactions", [Event(at=3, offset=0)], 1)
    >>> taken = merge.take(10, has_more={"interactions"}.__contains__)
    >>> [event.at for event in taken.events], taken.positions
    ([1, 3], {'orders': 1, 'interactions': 1})
    """

    def __init__(self, topics: Iterable[Input]) -> None:
        self._queues = {topic: _Queue() for topic in topics}

    def buffered(self, topic: Input) -> int:
        """Events held of a topic."""
        return len(self._queues[topic].events)

    def __len__(self) -> int:
        return sum(len(queue.events) for queue in self._queues.values())

    def offer(self, topic: Input, events: list[Event | DeadLetter], next_offset: int) -> None:
        """Add a batch of decoded events (in offset order) and the offset after it."""
        self._queues[topic].extend(events, next_offset)

    def clear(self) -> None:
        """Forget everything that is held."""
        for topic in self._queues:
            self._queues[topic] = _Queue()

    def take(self, n_max: int, has_more: Callable[[Input], bool]) -> Taken | None:
        """The next events that may be applied, at most `n_max`; None when there are none or one must wait.

        Parameters
        ----------
        has_more
            Whether a topic is known (or must be presumed) to have records beyond those held.
        """
        waiting = [(rank, topic, queue) for rank, (topic, queue) in enumerate(self._queues.items())]
        held = [one for one in waiting if one[2].events]
        if not held or any(not queue.events and has_more(topic) for _, topic, queue in waiting):
            return None
        if len(held) == 1:
            _, topic, queue = held[0]
            events, _, position = queue.take(min(n_max, len(queue.events)))
            return Taken(events, {topic: position})
        bound = min((queue.reached, rank) if has_more(topic) else (_END, rank) for rank, topic, queue in held)
        return self._merged(held, bound, n_max)

    def _merged(self, held: list[tuple[int, Input, _Queue]], bound: tuple[int, int], n_max: int) -> Taken | None:
        moment, bound_rank = bound
        keyed: list[tuple[int, int, int]] = []
        for rank, _, queue in held:
            # Ties at the bound: topics of a later rank wait, since the bounding topic may hold more of that moment.
            n = bisect_right(queue.moments, moment if rank <= bound_rank else moment - 1)
            keyed.extend((at, rank, index) for index, at in enumerate(islice(queue.moments, n)))
        keyed.sort()
        del keyed[n_max:]
        if not keyed:
            return None
        by_rank = {rank: (topic, queue) for rank, topic, queue in held}
        merged = [by_rank[rank][1].events[index] for _, rank, index in keyed]
        counts: dict[int, int] = {}
        for _, rank, index in keyed:
            counts[rank] = index + 1
        positions: dict[Input, int] = {}
        for rank, n in counts.items():
            topic, queue = by_rank[rank]
            positions[topic] = queue.take(n)[2]
        return Taken(merged, positions)
