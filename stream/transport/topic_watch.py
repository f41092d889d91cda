"""Notices that an input topic is not the one it was, at a claim and while it is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from mode import Service

from stream.transport.errors import TopicRecreated, check_ids
from stream.transport.patience import patiently
from stream.transport.topic_ids import NoTopicIds

LOOK_SECONDS: Final = 10.0
"""Between two looks while topics are read. A topic that is made anew and filled at once could be read on from an offset
of the old one for so long; what is passed over then is read when the operator accepts the new topic."""


class TopicWatch(Service):
    """Asks for the ids of the input topics, and ends the worker when one changes.

    Parameters
    ----------
    ask
        Asks a broker once: topic to id.
    crash
        What ends the worker.
    retry_seconds_max
        Longest pause between two tries at a claim.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Mapping[str, str]]],
        crash: Callable[[BaseException], Any],
        *,
        retry_seconds_max: float,
        **kwargs: Any,  # noqa: ANN401 - handed on to mode
    ) -> None:
        self._ask = ask
        self._crash_app = crash
        self._retry_seconds_max = retry_seconds_max
        self._known: Mapping[str, str] = {}
        self._said = False
        super().__init__(**kwargs)

    async def ids(self) -> Mapping[str, str]:
        """Ask for a claim.

        Returns
        -------
        Mapping[str, str]
            Topic to id; empty, and said once, where brokers are too old to have ids. Waits as long as the broker takes
            to answer.
        """
        try:
            self._known = await patiently("the ids of topics", self._ask, seconds_max=self._retry_seconds_max)
        except NoTopicIds as error:
            self._known = {}
            if not self._said:
                self._said = True
                self.log.warning("A topic that is created anew is only noticed where its log is shorter: %s", error)
        return self._known

    async def look(self) -> None:
        """Look once whether the topics are those that were claimed, and end the worker if not."""
        known = self._known
        if not known:
            return
        try:
            found = await self._ask()
        except (KafkaError, ConsumerNotStarted, NoTopicIds) as error:
            self.log.debug("the ids of topics are not known now: %r", error)
            return
        # A claim that came meanwhile has asked for itself.
        if self._known is known:
            try:
                check_ids(known, found)
            except TopicRecreated as recreated:
                await self._crash_app(recreated)

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            if not self.should_stop:
                await self.look()
