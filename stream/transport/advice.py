"""Positions told to the consumer group. They are advice, for tools that show its lag: nothing is ever read by them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP
from mode import get_logger

from stream.transport.lanes import Lanes

logger = get_logger(__name__)


class Advice:
    """Tells the group what has changed.

    Parameters
    ----------
    commit
        Sends positions to the group; False when it did not.
    lanes
        Only claimed topic-partitions are told.
    seconds_max
        How long one commit may take.

    Attributes
    ----------
    commits
        Commits that were made.
    failures
        Commits that failed; they are logged, and the watchdog sees when no other follows.
    failing
        Whether the last one failed.
    """

    def __init__(
        self, commit: Callable[[Mapping[TP, int]], Awaitable[bool]], lanes: Lanes, *, seconds_max: float
    ) -> None:
        self._commit = commit
        self._lanes = lanes
        self._seconds_max = seconds_max
        self._told: dict[TP, int] = {}
        self.commits = 0
        self.failures = 0
        self.failing = False

    def forget(self) -> None:
        """Tell everything anew: another member may have told something since."""
        self._told.clear()
        self.failing = False

    async def give(self, stored: Mapping[TP, int]) -> bool:
        """Tell the positions that changed.

        Parameters
        ----------
        stored
            Next offset to process of each topic-partition; negative ones are left out.

        Returns
        -------
        bool
            Whether something was committed.
        """
        news = {tp: at for tp, at in stored.items() if at >= 0 and tp in self._lanes and self._told.get(tp) != at}
        if not news:
            return False
        try:
            done = await asyncio.wait_for(self._commit(news), self._seconds_max)
        except (KafkaError, TimeoutError, ConsumerNotStarted) as exc:
            self.failures += 1
            self.failing = True
            logger.warning("Advisory commit to the group failed, the lag it shows is old: %r", exc)
            return False
        if done:
            self.commits += 1
            self.failing = False
            self._told.update(news)
        return done
