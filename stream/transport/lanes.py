"""Where reading stands, topic-partition by topic-partition. No I/O: the thread of the event loop owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count

from faust.types import TP

from stream.transport.batch import Batch, Taken
from stream.transport.lane import Lane

NO_GENERATION = -1


class Lanes:
    """All topic-partitions that are claimed, and what the engine may ask about them.

    Parameters
    ----------
    seek
        Carries a seek out at the Kafka client: topic-partition, offset, epoch.
    wake
        Called when a paused topic-partition was resumed.

    Attributes
    ----------
    generation
        Generation of the group that is claimed; ``NO_GENERATION`` while none is.
    dropped_batches
        Batches that came too late (older generation or epoch).
    gaps
        Times that something got lost between the client and the agent, and was read again.

    Examples
    --------
    >>> lanes = Lanes(seek=lambda tp, offset, epoch: None, wake=lambda: None)
    >>> from types import SimpleNamespace as Record
    >>> tp = TP("orders", 0)
    >>> epochs = lanes.open(1, {tp: 0}, {tp: 2})
    >>> batch = lanes.arrive(Taken(tp, epochs[tp], 0, [Record(offset=0), Record(offset=1)], position=2, end=2))
    >>> lanes.position(tp), lanes.caught_up(tp)
    (0, False)
    >>> lanes.admit(batch), lanes.position(tp), lanes.caught_up(tp)
    (True, 2, True)
    """

    def __init__(self, *, seek: Callable[[TP, int, int], None], wake: Callable[[], None]) -> None:
        self._seek = seek
        self._wake = wake
        self._lanes: dict[TP, Lane] = {}
        self._epochs = count(1)
        self._paused: set[TP] = set()
        self.generation = NO_GENERATION
        self.dropped_batches = 0
        self.gaps = 0

    def __contains__(self, tp: object) -> bool:
        return tp in self._lanes

    def __iter__(self) -> Iterator[TP]:
        return iter(tuple(self._lanes))

    def __len__(self) -> int:
        return len(self._lanes)

    def pause(self, tp: TP, *, trouble: bool = False) -> None:
        """Take nothing more of a topic-partition.

        Batches under way still come: at most ``stream_buffer_maxsize`` + 4. What was prefetched stays in the client.

        Parameters
        ----------
        tp
            The topic-partition; one that is not claimed is ignored.
        trouble
            True when the reason is outside (Redis is away): the watchdog then does not count the time.
        """
        lane = self._lanes.get(tp)
        if lane is not None:
            lane.paused, lane.trouble = True, trouble
            self._paused.add(tp)

    def resume(self, tp: TP) -> None:
        """Take records of a topic-partition again, at once.

        Parameters
        ----------
        tp
            The topic-partition; one that is not claimed or not paused is ignored.
        """
        lane = self._lanes.get(tp)
        if lane is not None and lane.paused:
            lane.paused = lane.trouble = False
            self._paused.discard(tp)
            self._wake()

    def position(self, tp: TP) -> int:
        """Next offset that the host has not been given.

        Control records and aborted transactions are passed even when nothing was delivered.

        Parameters
        ----------
        tp
            A claimed topic-partition.

        Returns
        -------
        int
            The offset; everything below it was offered to the host, or is nothing to read.

        Raises
        ------
        KeyError
            If the topic-partition is not claimed.
        """
        return self._lanes[tp].position

    def highwater(self, tp: TP) -> int:
        """Last stable offset known: what a ``read_committed`` reader could read up to.

        Parameters
        ----------
        tp
            A claimed topic-partition.

        Returns
        -------
        int
            The log's end at the time of the assignment, then what each fetch tells.

        Raises
        ------
        KeyError
            If the topic-partition is not claimed.
        """
        return self._lanes[tp].end

    def caught_up(self, tp: TP) -> bool:
        """Whether all that is known to be in the log was offered to the host.

        Parameters
        ----------
        tp
            A topic-partition.

        Returns
        -------
        bool
            ``position >= highwater``; False for one that is not claimed, of which nothing is known.
        """
        lane = self._lanes.get(tp)
        return lane is not None and lane.position >= lane.end

    def seen_ms(self, tp: TP) -> int:
        """When the broker last said where a log ends, and no transaction was open there.

        One that is cut off from its broker takes the end it knew for the end, however much was written since.

        Parameters
        ----------
        tp
            A topic-partition.

        Returns
        -------
        int
            By the clock of this machine, ms; 0 before the first time, and for one that is not claimed.
        """
        lane = self._lanes.get(tp)
        return 0 if lane is None else lane.seen_ms

    def current_epoch(self, tp: TP) -> int:
        """Epoch that a batch must have to be processed.

        Parameters
        ----------
        tp
            A topic-partition.

        Returns
        -------
        int
            0 when it is not claimed; no batch has epoch 0.
        """
        lane = self._lanes.get(tp)
        return 0 if lane is None else lane.epoch

    def seek(self, tp: TP, offset: int) -> int:
        """Read on from another offset. Batches from before are never admitted.

        Parameters
        ----------
        tp
            The topic-partition.
        offset
            Next offset to read, inside the log.

        Returns
        -------
        int
            The new epoch; 0 if the topic-partition is not claimed (any more), and then nothing was done.
        """
        lane = self._lanes.get(tp)
        if lane is None:
            return 0
        epoch = next(self._epochs)
        self._lanes[tp] = Lane(
            epoch, offset, offset, offset, lane.end, lane.seen_ms, paused=lane.paused, trouble=lane.trouble
        )
        self._seek(tp, offset, epoch)
        return epoch

    def admit(self, batch: Batch) -> bool:
        """Say whether a batch may go to the host, and count it as handed over.

        To be called right before ``host.offer(batch)``, with no await between.

        Parameters
        ----------
        batch
            What the agent got.

        Returns
        -------
        bool
            False for one of an older generation or epoch, and for one whose forerunner got lost (read again then).
        """
        tp = batch.tp
        lane = self._lanes.get(tp)
        if lane is None or batch.epoch != lane.epoch:
            self.dropped_batches += 1
            return False
        if batch.start != lane.handed:
            self.gaps += 1
            self.seek(tp, lane.handed)
            return False
        lane.handed = batch.next_offset
        lane.offered = batch.records[-1].offset + 1
        lane.waiting -= 1
        return True

    @property
    def paused(self) -> set[TP]:
        """The live set of paused topic-partitions; the thread of the Kafka client looks into it."""
        return self._paused

    def lane(self, tp: TP) -> Lane:
        """Look into the state of one topic-partition."""
        return self._lanes[tp]

    def open(self, generation: int, positions: Mapping[TP, int], ends: Mapping[TP, int]) -> dict[TP, int]:
        """Begin reading under a new generation.

        Parameters
        ----------
        generation
            Generation of the group.
        positions
            Where each topic-partition is read from.
        ends
            Last stable offset of each.

        Returns
        -------
        dict[TP, int]
            The epoch of each.
        """
        self.close()
        self.generation = generation
        for tp, at in positions.items():
            self._lanes[tp] = Lane(next(self._epochs), at, at, at, ends[tp])
        return {tp: lane.epoch for tp, lane in self._lanes.items()}

    def close(self) -> None:
        """Forget all: whatever is still under way will not be admitted."""
        self._lanes.clear()
        self._paused.clear()
        self.generation = NO_GENERATION

    def arrive(self, taken: Taken) -> Batch | None:
        """Note what the client saw, and make a batch of the records.

        Parameters
        ----------
        taken
            What the thread reported.

        Returns
        -------
        Batch | None
            None without records, for an older epoch, and for a report that does not follow the last (read again then).
        """
        lane = self._lanes.get(taken.tp)
        if lane is None or taken.epoch != lane.epoch:
            self.dropped_batches += bool(taken.records)
            return None
        if taken.start != lane.taken:
            self.gaps += 1
            self.seek(taken.tp, lane.handed)
            return None
        lane.taken = taken.position
        lane.end = max(lane.end, taken.end)
        lane.seen_ms = max(lane.seen_ms, taken.seen_ms)
        if not taken.records:
            return None
        batch = Batch(
            taken.tp.topic,
            taken.tp.partition,
            taken.records,
            self.generation,
            lane.epoch,
            lane.made,
            taken.position,
        )
        lane.made = taken.position
        lane.waiting += 1
        return batch
