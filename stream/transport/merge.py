"""Several topics of one shard, read as one sequence in order of time.

Orders and interactions of a customer come by different topics. Which of them is fetched first is luck; the order in
which they are applied must not be. So a shard takes, of all events it holds, those up to the last moment that every
topic which has more to read has reached, in order of `occurred_at` (ties by topic, then offset). Kafka Streams does
the same with the head records of its input partitions (KIP-353, `max.task.idle.ms`).

Within a topic the offset order stands: an event that is older than one before it counts as that one's moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.contracts.block import AT, NEVER, OFFSET, EventBlock
from stream.contracts.topics import Input

_END: Final = 2**62


class Taken(NamedTuple):
    """Events to apply now, and the next offset of each topic they came from."""

    events: EventBlock
    positions: dict[Input, int]


class _Queue:
    """What is buffered of one topic: blocks, the moments of their events (never falling), the offset behind them."""

    def __init__(self) -> None:
        self.blocks: list[EventBlock] = []
        self.moments: NDArray[np.int64] = np.zeros(0, np.int64)
        self.reached = NEVER
        self.next_offset = -1

    def __len__(self) -> int:
        return len(self.moments)

    def extend(self, block: EventBlock, next_offset: int) -> None:
        if len(block):
            # A dead letter has the moment of the event before it, here as in its row.
            moments = np.maximum(np.maximum.accumulate(block.rows[:, AT]), self.reached)
            self.moments = np.concatenate((self.moments, moments))
            self.reached = int(moments[-1])
            self.blocks.append(block)
        self.next_offset = next_offset

    def take(self, n: int) -> tuple[EventBlock, int]:
        """The first `n` events, at least one, and the offset to go on from."""
        if n == len(self):
            taken, self.blocks, self.moments = self.blocks, [], self.moments[:0]
            return EventBlock.join(taken), self.next_offset
        self.moments = self.moments[n:]
        whole = 0
        while n > len(self.blocks[whole]):
            n -= len(self.blocks[whole])
            whole += 1
        cut = self.blocks[whole]
        block = EventBlock.join([*self.blocks[:whole], cut.slice(0, n)])
        rest = [cut.slice(n, len(cut))] if n < len(cut) else []
        self.blocks = rest + self.blocks[whole + 1 :]
        return block, int(block.rows[-1, OFFSET]) + 1


class TopicMerge:
    """Merges the topics of one shard.

    Parameters
    ----------
    topics
        In the order in which ties are broken.

    Examples
    --------
    >>> from stream.contracts.events import PrivacyEvent
    >>> def happened(*moments):
    ...     return EventBlock.of([PrivacyEvent("", at, "c-1", 0, "", offset) for offset, at in enumerate(moments)])
    >>> merge = TopicMerge(["orders", "interactions"])
    >>> merge.offer("orders", happened(1, 5), 2)
    >>> merge.take(10, has_more={"interactions"}.__contains__) is None
    True
    >>> merge.offer("interactions", happened(3), 1)
    >>> taken = merge.take(10, has_more={"interactions"}.__contains__)
    >>> [event.at for event in taken.events], taken.positions
    ([1, 3], {'orders': 1, 'interactions': 1})
    """

    def __init__(self, topics: Iterable[Input]) -> None:
        self._queues = {topic: _Queue() for topic in topics}

    def buffered(self, topic: Input) -> int:
        """Events held of a topic."""
        return len(self._queues[topic])

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def offer(self, topic: Input, events: EventBlock, next_offset: int) -> None:
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
        held = [one for one in waiting if len(one[2])]
        if not held or any(not len(queue) and has_more(topic) for _, topic, queue in waiting):
            return None
        if len(held) == 1:
            _, topic, queue = held[0]
            events, position = queue.take(min(n_max, len(queue)))
            return Taken(events, {topic: position})
        bound = min((queue.reached, rank) if has_more(topic) else (_END, rank) for rank, topic, queue in held)
        return self._merged(held, bound, n_max)

    def _merged(self, held: list[tuple[int, Input, _Queue]], bound: tuple[int, int], n_max: int) -> Taken | None:
        moment, bound_rank = bound
        # Ties at the bound: topics of a later rank wait, since the bounding topic may hold more of that moment.
        ready = [
            queue.moments[: np.searchsorted(queue.moments, moment, "right" if rank <= bound_rank else "left")][:n_max]
            for rank, _, queue in held
        ]
        # One behind the other they stand in order of topic and offset, which the sort leaves to those of one moment.
        chosen = np.argsort(np.concatenate(ready), kind="stable")[:n_max]
        if not len(chosen):
            return None
        sizes = [len(moments) for moments in ready]
        which = np.repeat(np.arange(len(held)), sizes)[chosen]
        index = np.concatenate([np.arange(size) for size in sizes])[chosen]
        blocks: list[EventBlock] = []
        positions: dict[Input, int] = {}
        for (_, topic, queue), n in zip(held, np.bincount(which, minlength=len(held)).tolist(), strict=True):
            block = EventBlock.of([])
            if n:
                block, positions[topic] = queue.take(n)
            blocks.append(block)
        return Taken(EventBlock.merge(blocks, which, index), positions)
