"""Faults of workers: they die, freeze, come and go."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.stage import CREW_MAX, PROGRESS_SECONDS, Stage

KILLS = 3


async def worker_killed(stage: Stage) -> None:
    """SIGKILL, three times, each time after progress."""
    for kill in range(KILLS):
        if kill:
            await stage.moves()
        worker = await stage.any_worker()
        # At any moment of a commit.
        await asyncio.sleep(stage.rng.random())
        await asyncio.to_thread(worker.kill)


async def worker_restarted(stage: Stage) -> None:
    """SIGTERM; the next one starts when it has ended."""
    await stage.stop(await stage.any_worker())


async def worker_frozen(stage: Stage) -> None:
    """SIGSTOP until the group has given its shards to others, then SIGCONT: the zombie."""
    await stage.at_least(2)
    worker = await stage.any_worker()
    before = await stage.look.generation()
    worker.send(signal.SIGSTOP)
    try:

        async def given_up() -> bool:
            return await stage.look.generation() > before

        await stage.look.until(given_up, "the group gives a frozen worker up", seconds=PROGRESS_SECONDS)
    finally:
        worker.send(signal.SIGCONT)


async def worker_joins(stage: Stage) -> None:
    """One more; where there are as many as there may be, one leaves first."""
    if len(stage.crew) >= CREW_MAX:
        await stage.leave(await stage.any_worker())
    await stage.claimed(stage.join())


async def worker_leaves(stage: Stage) -> None:
    """One less; where there is only one, another joins first."""
    await stage.at_least(2)
    await stage.leave(await stage.any_worker())
