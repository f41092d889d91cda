"""Asking again, visibly, with growing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError
from mode import get_logger

T = TypeVar("T")

FIRST_RETRY_SECONDS = 0.5

logger = get_logger(__name__)


async def patiently(what: str, ask: Callable[[], Awaitable[T]], *, seconds_max: float) -> T:
    """Ask Kafka until it answers.

    Parameters
    ----------
    what
        What is asked, for the log.
    ask
        Asks once.
    seconds_max
        Longest pause between two tries.

    Returns
    -------
    T
        The answer; this waits as long as it takes, and can be cancelled.

    Examples
    --------
    >>> async def ask():
    ...     return 7
    >>> asyncio.run(patiently("the number", ask, seconds_max=5.0))
    7
    """
    pause = min(FIRST_RETRY_SECONDS, seconds_max)
    while True:
        try:
            return await ask()
        except KafkaError as exc:
            if not exc.retriable:
                raise
            logger.warning("Kafka does not tell %s (%s); next try in %.1f s", what, exc, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, seconds_max)
