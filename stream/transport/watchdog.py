"""Ends a worker that stands still while there is something to do.

Hangs of Faust and aiokafka after a rebalance or a broker's restart are known (faust-streaming #175, #523, #532,
#629; aiokafka #1154). A worker that stops in silence is worse than one that stops loudly and is started again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, NamedTuple, Protocol

from faust.types import TP
from mode import Service

from stream.transport.advice import Advice
from stream.transport.host import ShardHost
from stream.transport.lanes import NO_GENERATION, Lanes

LOOKS = 8
"""Looks in the time after which standing still is called a stall."""
LOST_SECONDS_MAX = 10.0
"""How long a shard may be another worker's before the group tells this one: it says so at the next heartbeat."""


class Stalled(RuntimeError):
    """Nothing moves although there is something to read."""


class _Standing(NamedTuple):
    """Something that should not stay as it is, what to say of it if it does, and for how long it may at most."""

    value: Hashable
    said: str
    seconds: float = math.inf


class StallDetector:
    """Says what stands still, from looks at the positions. Pure: time is an argument.

    Parameters
    ----------
    seconds
        How long something may stand still.

    Examples
    --------
    >>> lanes = Lanes(seek=lambda tp, offset, epoch: None, wake=lambda: None)
    >>> _ = lanes.open(1, {TP("orders", 0): 0}, {TP("orders", 0): 9})
    >>> detector = StallDetector(2.0)
    >>> [detector.look(now, lanes, {}, claiming=False) is None for now in (0.0, 1.0, 2.0)]
    [True, True, False]
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._clock = 0.0
        self._last: float | None = None
        self._marks: dict[Hashable, tuple[Hashable, float]] = {}

    def look(
        self,
        now: float,
        lanes: Lanes,
        stored: Mapping[TP, int],
        *,
        claiming: bool,
        lost: Collection[int] = (),
        commits_failed_since: int | None = None,
    ) -> str | None:
        """Look at everything once.

        Parameters
        ----------
        now
            Seconds of a clock that only goes forward.
        lanes
            Where reading stands.
        stored
            Positions of the host.
        claiming
            Whether shards are being claimed: that may take as long as Redis is away.
        lost
            Shards that belong to another worker. If that one got them in a newer generation of the group, this worker
            should hear of it at once; if it does not, its client hangs, or the other is of another group.
        commits_failed_since
            Commits to the group that were made before the last one failed; None if it did not. A group that can be
            reached takes one every few seconds.

        Returns
        -------
        str | None
            What stands still and since when, or None.
        """
        # A process that was held (SIGSTOP, swapping) has not looked meanwhile: such time counts half at most.
        elapsed = 0.0 if self._last is None else min(now - self._last, self._seconds / 2)
        self._last = now
        self._clock += elapsed
        watched: dict[Hashable, _Standing] = {}
        if lanes.generation == NO_GENERATION:
            if not claiming:
                watched["group"] = _Standing("none", "the consumer group gave this worker no assignment")
        else:
            self._watch_reading(lanes, watched)
            self._watch_shards(lanes, stored, watched)
            self._watch_group(lanes, lost, commits_failed_since, watched)
        return self._judge(watched)

    @staticmethod
    def _watch_reading(lanes: Lanes, watched: dict[Hashable, _Standing]) -> None:
        for tp in lanes:
            lane = lanes.lane(tp)
            position = lanes.position(tp)
            if not lane.paused and position < lane.end:
                said = f"{tp.topic}/{tp.partition} is not read on from {position}, the log goes to {lane.end}"
                watched["reading", tp] = _Standing((lane.epoch, position), said)

    @staticmethod
    def _watch_shards(lanes: Lanes, stored: Mapping[TP, int], watched: dict[Hashable, _Standing]) -> None:
        shards: dict[int, list[TP]] = {}
        for tp in lanes:
            shards.setdefault(tp.partition, []).append(tp)
        for partition, tps in shards.items():
            if any(lanes.lane(tp).trouble for tp in tps):
                continue
            behind = [tp for tp in tps if stored.get(tp, -1) < lanes.lane(tp).offered]
            if behind:
                said = f"shard {partition} has events of {', '.join(tp.topic for tp in behind)} and commits none"
                watched["shard", partition] = _Standing(tuple(stored.get(tp, -1) for tp in tps), said)

    @staticmethod
    def _watch_group(
        lanes: Lanes,
        lost: Collection[int],
        commits_failed_since: int | None,
        watched: dict[Hashable, _Standing],
    ) -> None:
        for shard in lost:
            said = (
                f"shard {shard} belongs to another worker, and the consumer group gave this one no newer assignment: "
                "the group cannot be reached, or another deployment uses the same STREAM_KEY_PREFIX under another "
                "STREAM_GROUP_ID, or a position was set by hand"
            )
            watched["lost", shard] = _Standing(lanes.generation, said, LOST_SECONDS_MAX)
        if commits_failed_since is not None:
            watched["commits"] = _Standing(commits_failed_since, "commits of positions to the consumer group fail")

    def _judge(self, watched: Mapping[Hashable, _Standing]) -> str | None:
        marks: dict[Hashable, tuple[Hashable, float]] = {}
        verdict = None
        for key, standing in watched.items():
            before = self._marks.get(key)
            since = before[1] if before is not None and before[0] == standing.value else self._clock
            marks[key] = (standing.value, since)
            if self._clock - since >= min(self._seconds, standing.seconds):
                verdict = f"for {self._clock - since:.0f} s, {standing.said}"
        self._marks = marks
        return verdict


class Watched(Protocol):
    """What the watchdog looks at: the consumer."""

    lanes: Lanes

    @property
    def host(self) -> ShardHost: ...  # noqa: D102
    @property
    def claiming(self) -> bool: ...  # noqa: D102
    @property
    def advice(self) -> Advice: ...  # noqa: D102


class Watchdog(Service):
    """Crash the application when the detector says so.

    Parameters
    ----------
    consumer
        The consumer.
    crash
        What ends the worker.
    seconds
        How long something may stand still.
    clock
        Seconds, only going forward.
    """

    def __init__(
        self,
        consumer: Watched,
        crash: Callable[[BaseException], Any],
        *,
        seconds: float,
        clock: Callable[[], float],
        **kwargs: Any,  # noqa: ANN401 - handed on to mode
    ) -> None:
        self._consumer = consumer
        self._crash_app = crash
        self._seconds = seconds
        self._time = clock
        self._detector = StallDetector(seconds)
        super().__init__(**kwargs)

    async def look(self) -> None:
        """Look once, and crash the application if something stands still."""
        consumer = self._consumer
        stored = consumer.host.positions()
        verdict = self._detector.look(
            self._time(),
            consumer.lanes,
            stored,
            claiming=consumer.claiming,
            lost=consumer.host.lost(),
            commits_failed_since=consumer.advice.commits if consumer.advice.failing else None,
        )
        if verdict is not None:
            await self._crash_app(
                Stalled(f"{verdict} (STREAM_WATCHDOG_SECONDS). This worker ends itself, so that it is started anew.")
            )

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(min(self._seconds, LOST_SECONDS_MAX) / LOOKS)
            if not self.should_stop:
                await self.look()
