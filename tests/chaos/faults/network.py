"""Faults of the network between the workers and their servers: slow, cut, half open, away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.chaos.link import Link, Pace
from tests.chaos.proxy import Proxy
from tests.chaos.resp import Called
from tests.chaos.stage import PROGRESS_SECONDS, Stage

SLOW_SECONDS = 8.0
#: Each way, least and most.
DELAY_SECONDS = (0.05, 0.2)
#: What the narrower of two lines lets through in a second.
NARROW_BYTES = 500_000.0
TIMES = 3
BETWEEN_SECONDS = 1.0
#: A few of the first bytes of an answer; one of Kafka's may be as long as a megabyte.
CUT_REDIS_BYTES = 8
CUT_KAFKA_BYTES = 2_000
#: Longer than a client of Redis waits for an answer (10 s).
REDIS_HOLE_SECONDS = 12.0
#: Longer than the group waits for a worker, and than a client waits for an answer.
KAFKA_HOLE_SECONDS = 15.0
UNREACHABLE_SECONDS = 5.0
NOT_READY = "is not ready"


async def kafka_slow(stage: Stage) -> None:
    """Every byte is late, both ways."""
    await _slow(stage, stage.network.kafka)


async def redis_slow(stage: Stage) -> None:
    """Every byte is late, both ways."""
    await _slow(stage, stage.network.redis)


async def kafka_reset(stage: Stage) -> None:
    """RST to all connections: three times at once, three times in the midst of an answer."""
    proxy = stage.network.kafka
    before = proxy.resets
    async with _healed(stage, proxy):
        for _ in range(TIMES):
            await stage.network.call(proxy.reset)
            await asyncio.sleep(stage.rng.uniform(0, BETWEEN_SECONDS))
            await stage.network.call(proxy.cut, stage.rng.randrange(1, CUT_KAFKA_BYTES))
            await asyncio.sleep(stage.rng.uniform(0, BETWEEN_SECONDS))
    assert proxy.resets > before, "no worker had a connection to Kafka"


async def redis_reset_in_answer(stage: Stage) -> None:
    """RST in the midst of the answer to a commit, three times: it was made, and the worker does not know."""
    talk = stage.network.talk
    for _ in range(TIMES):
        again = talk.again
        after = stage.rng.randrange(CUT_REDIS_BYTES)

        def cut(link: Link, call: Called, answer: bytes | None, after: int = after) -> None:
            if call.name == "commit" and answer is not None:
                talk.watcher = None
                link.cut(after)

        talk.watcher = cut

        async def made_already(again: int = again) -> bool:
            return talk.again > again

        try:
            await stage.look.until(made_already, "a commit that was cut is sent again", seconds=PROGRESS_SECONDS)
        finally:
            talk.watcher = None


async def kafka_half_open(stage: Stage) -> None:
    """All connections become black holes, and so do new ones for a while."""
    await _half_open(stage, stage.network.kafka, KAFKA_HOLE_SECONDS)


async def redis_half_open(stage: Stage) -> None:
    """All connections become black holes, and so do new ones for a while; or only the answers are lost."""
    await _half_open(stage, stage.network.redis, REDIS_HOLE_SECONDS)


async def kafka_unreachable_at_start(stage: Stage) -> None:
    """All workers stop; new ones start while Kafka refuses connections, or answers none. They wait, and then go on."""
    proxy = stage.network.kafka
    crew = list(stage.crew)
    for worker in crew:
        # One that is told to stop before it has begun ends as it likes.
        await stage.claimed(worker)
    await asyncio.gather(*map(stage.leave, crew))
    async with _healed(stage, proxy):
        refused = stage.rng.random() < 0.5
        await stage.network.call(proxy.refuse if refused else proxy.hole)
        came = proxy.accepted
        started = [stage.join() for _ in crew]

        async def met() -> bool:
            if refused:
                return all(worker.said(NOT_READY) for worker in started)
            return proxy.accepted >= came + len(started)

        await stage.look.until(met, "the workers look for Kafka", started, PROGRESS_SECONDS)
        await asyncio.sleep(stage.rng.uniform(0, UNREACHABLE_SECONDS))
    await stage.moves()
    ended = [worker.log.name for worker in started if not worker.running]
    assert not ended, f"workers ended where they should have waited for Kafka: {ended}"


async def _slow(stage: Stage, proxy: Proxy) -> None:
    pace = Pace(stage.rng.uniform(*DELAY_SECONDS), DELAY_SECONDS[0])
    if stage.rng.random() < 0.5:
        pace = replace(pace, bytes_per_second=NARROW_BYTES)
    before = proxy.passed
    async with _healed(stage, proxy):
        await stage.network.call(proxy.slow, pace)
        await asyncio.sleep(SLOW_SECONDS)
    assert proxy.passed > before, "nothing travelled"


async def _half_open(stage: Stage, proxy: Proxy, seconds: float) -> None:
    before = proxy.swallowed
    async with _healed(stage, proxy):
        if stage.rng.random() < 0.5:
            await stage.network.call(proxy.deafen)
            # Some requests arrive, of those whose answers are lost.
            await asyncio.sleep(stage.rng.uniform(0, BETWEEN_SECONDS))
        await stage.network.call(proxy.hole)
        await asyncio.sleep(seconds)
    assert proxy.swallowed > before, "nothing fell into the hole"


@asynccontextmanager
async def _healed(stage: Stage, proxy: Proxy) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await stage.network.call(proxy.heal)
