"""Taking what the Kafka client has fetched: a batch of each topic-partition in turn, with the positions of that moment.

aiokafka's own ``fetched_records`` empties one topic-partition before it looks at the next, and says nothing of
positions that move without a record. This runs in the thread of the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, cast

from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.errors import ConsumerStoppedError, OffsetOutOfRangeError, UnsupportedCodecError
from aiokafka.structs import TopicPartition
from faust.types import TP

from stream.transport.batch import Taken
from stream.transport.errors import CodecMissing, PositionOutOfLog

#: That the broker said once more where a log ends is told when it is news by so much.
SEEN_STEP_MS = 250


class Taker:
    """Which topic-partitions are given away, under which epoch, and whose turn it is."""

    def __init__(self) -> None:
        self._open: dict[TP, int] = {}
        self._told: dict[TP, tuple[int, int, int]] = {}
        self._order: list[TP] = []
        self._waiter: asyncio.Future[None] | None = None

    def __contains__(self, tp: object) -> bool:
        return tp in self._open

    def close(self) -> None:
        """Give nothing away."""
        self._open.clear()
        self._told.clear()
        self._order = []

    def open(self, epochs: Mapping[TP, int]) -> None:
        """Give away what is fetched of these topic-partitions.

        Parameters
        ----------
        epochs
            Epoch of each.
        """
        self.close()
        self._open.update(epochs)
        self._order = sorted(epochs)

    def sought(self, tp: TP, epoch: int) -> None:
        """Note that a seek was carried out: what is taken from now on is of a new epoch.

        Parameters
        ----------
        tp
            The topic-partition.
        epoch
            The new epoch.
        """
        self._open[tp] = epoch
        self._told.pop(tp, None)
        self.wake()

    def wake(self) -> None:
        """Let a waiting `take` look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(
        self,
        fetcher: Fetcher,
        paused: Collection[TP],
        limit: int,
        total: int,
        timeout: float,  # noqa: ASYNC109 - nothing is cancelled when it is over
    ) -> list[Taken]:
        """What can be had now: at most one batch of each topic-partition, and every position or known end that moved.

        Parameters
        ----------
        fetcher
            The client's.
        paused
            Topic-partitions to leave alone; looked into at the last moment.
        limit
            Records of one batch.
        total
            Records of one call; who was left out comes first at the next.
        timeout
            Seconds to wait for something to happen.

        Returns
        -------
        list[Taken]
            May be empty.

        Raises
        ------
        PositionOutOfLog
            If the broker does not have the offset that was asked for.
        CodecMissing
            If records are compressed in a way that cannot be undone here.
        KafkaError
            Whatever else the client cannot get over by itself.
        """
        taken = self._drain(fetcher, paused, limit, total)
        if not taken:
            await self._wait(fetcher, timeout)
            taken = self._drain(fetcher, paused, limit, total)
        return taken

    async def _wait(self, fetcher: Fetcher, timeout: float) -> None:  # noqa: ASYNC109 - the same
        waiter = self._waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiter = None
            waiter.cancel()
        if not waiter.cancelled():
            waiter.result()  # a critical error of the group, such as an authorization that was taken away
        if fetcher._closed:  # noqa: SLF001
            raise ConsumerStoppedError

    def _drain(self, fetcher: Fetcher, paused: Collection[TP], limit: int, total: int) -> list[Taken]:
        # Nothing here awaits, so records, position and epoch of a topic-partition are of one moment.
        taken: list[Taken] = []
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001 - tells the client that we are alive
            subscription = fetcher._subscriptions.subscription  # noqa: SLF001
        assignment = None if subscription is None else subscription.assignment
        if not self._open or assignment is None or not assignment.active:
            return taken
        order = self._order
        for turn, tp in enumerate(order):
            state = assignment.state_value(tp)
            if state is None or not state.has_valid_position:
                continue
            start = state.position
            records: list[Any] = []
            if total > 0 and tp not in paused:
                records = _records(fetcher, tp, min(limit, total))
                total -= len(records)
                if records and total <= 0:
                    self._order = order[turn + 1 :] + order[: turn + 1]
            # Behind an open transaction there may be records that are not to be seen yet: no end is known then.
            seen_ms = (state.timestamp or 0) if state.lso == state.highwater else 0
            told = (state.position, -1 if state.lso is None else state.lso, seen_ms // SEEN_STEP_MS)
            if records or self._told.get(tp) != told:
                self._told[tp] = told
                taken.append(Taken(tp, self._open[tp], start, records, *told[:2], seen_ms))
        return taken


def _records(fetcher: Fetcher, tp: TP, limit: int) -> list[Any]:
    """Up to ``limit`` fetched records of one topic-partition; the client's position moves past them."""
    fetched = fetcher._records.get(tp)  # noqa: SLF001
    if fetched is None:
        return []
    records: list[Any] = []
    if isinstance(fetched, FetchResult):
        records = _unpacked(fetched, tp, limit)
        if fetched.has_more():
            return records
    del fetcher._records[tp]  # noqa: SLF001
    fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001 - lets it fetch on
    if not isinstance(fetched, FetchResult):
        try:
            fetched.check_raise()
        except OffsetOutOfRangeError as exc:
            (asked,) = cast("dict[TopicPartition, int]", exc.args[0]).values()
            raise PositionOutOfLog(tp.topic, tp.partition, position=asked) from exc
    return records


def _unpacked(fetched: FetchResult, tp: TP, limit: int) -> list[Any]:
    """What aiokafka's own ``getall`` gives, but for the records as its parser made them.

    A ``ConsumerRecord`` says topic and partition once more for each, and costs as much as all the rest of reading.
    """
    if not fetched.check_assignment(tp) or not fetched.has_more():
        return []
    content = fetched._partition_records  # noqa: SLF001
    content._consumer_record = _as_it_is  # noqa: SLF001
    try:
        records = list(islice(content._records_iterator, limit))  # noqa: SLF001
    except UnsupportedCodecError as exc:
        raise CodecMissing(f"{tp.topic}/{tp.partition}", exc.args[0]) from exc
    fetched._update_position()  # noqa: SLF001
    if len(records) < limit:
        content._records_iterator = fetched._partition_records = None  # noqa: SLF001 - nothing is left
    return records


def _as_it_is(_tp: TP, record: Any) -> Any:  # noqa: ANN401 - aiokafka's
    return record
