"""Awaiting what may hang, for a bounded time: so a worker ends whatever state its servers are in.

Nothing is lost by giving up: state, positions and decisions of a batch are in Redis together or not at all, and the
next owner reads on from there. So everything on the way out has a bound, mostly the setting ``stop_seconds_max``, and
all of them together stay below the 30 s that Kubernetes gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final

from mode import get_logger

logger = get_logger(__name__)

FORCE_SECONDS_MAX: Final = 6.0
"""How much longer than `stop_seconds_max` shards may take: time to close producers by force."""

CANCEL_SECONDS_MAX: Final = 1.0
"""How long something that was given up may take to notice."""


async def at_most(seconds: float, what: str, work: Awaitable[object]) -> bool:
    """Wait for something, but not for ever.

    Parameters
    ----------
    seconds
        How long.
    what
        What it is, for the log.
    work
        What is waited for; cancelled when the time is over.

    Returns
    -------
    bool
        Whether it was done in time; an error of it is raised.

    Examples
    --------
    >>> async def hang():
    ...     await asyncio.Event().wait()
    >>> asyncio.run(at_most(0.01, "an event", hang()))
    False
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if task.done() and not task.cancelled():
        task.result()
        return True
    logger.warning("%s is given up: it did not end within %g s", what, seconds)
    # Who ignores this as well is left behind: awaiting it, as asyncio.timeout does, would hang with it.
    await asyncio.wait([task], timeout=CANCEL_SECONDS_MAX)
    return False


async def all_of(works: Iterable[Awaitable[object]]) -> None:
    """Wait until all are done, and only then raise the first error there was.

    Parameters
    ----------
    works
        What is waited for.
    """
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def unless(stopped: Awaitable[object], work: Awaitable[object]) -> bool:
    """Wait for something, unless the order to stop comes first.

    Parameters
    ----------
    stopped
        Is done when the order comes.
    work
        What is waited for; cancelled when the order came first.

    Returns
    -------
    bool
        Whether it was done; an error of it is raised.

    Examples
    --------
    >>> async def at_once(): ...
    >>> async def hang():
    ...     await asyncio.Event().wait()
    >>> async def both():
    ...     return await unless(at_once(), hang()), await unless(hang(), at_once())
    >>> asyncio.run(both())
    (False, True)
    """
    task, told = asyncio.ensure_future(work), asyncio.ensure_future(stopped)
    try:
        await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
        told.cancel()
