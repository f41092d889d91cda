"""The run: servers, a producer, a worker that lives on and one that is killed again and again."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.transport.warm_up import warm_up
from tests.chaos.long.check import differences
from tests.chaos.long.figures import MB, Figures, Sample, resident
from tests.chaos.long.load import Numbered, produce
from tests.kit.live import Look
from tests.kit.place import PARTITIONS, Place, topics_of
from tests.kit.workers import Worker

SAMPLE_SECONDS = 2.0
#: Nothing may be left this long after the producer's end.
DRAIN_SECONDS = 120.0
CLAIMED = "Claimed shards"
SETTINGS = {"clock": "wall", "session_timeout_seconds": 4.0}


class Life:
    """A worker, and when it was started."""

    def __init__(self, place: Place, directory: Path) -> None:
        self.worker = Worker(place, directory)
        self.began = time.monotonic()

    def sample(self, run: float) -> list[Sample]:
        found = resident(self.worker.process.pid, run, time.monotonic() - self.began)
        return [found] if found is not None and self.worker.running else []


async def play(figures: Figures, directory: Path) -> None:
    """Run for `figures.minutes`, in an empty directory, and fill the figures in."""
    load = Numbered(int(figures.minutes * 60 * figures.rate), PARTITIONS)
    figures.orders = load.orders
    warm_up()
    with EmbeddedKafka(directory / "kafka") as kafka, EmbeddedRedis(directory / "redis") as redis:
        place = Place(kafka.bootstrap, redis.url, settings=SETTINGS)
        look = Look(place, {})
        crew: list[Life] = []
        try:
            async with topics_of(place):
                steady = Life(place, directory)
                crew.append(steady)
                await look.until_said(steady.worker, CLAIMED)
                await _load(figures, load, place, look, crew, directory)
                for life in crew:
                    if code := life.worker.stop():
                        figures.wrong.setdefault("exit codes", []).append((code, life.worker.end_of_log()))
                found, figures.messages = await differences(place, load)
                figures.wrong |= found
        finally:
            for life in crew:
                life.worker.kill()
            await look.close()


async def _load(figures: Figures, load: Numbered, place: Place, look: Look, crew: list[Life], directory: Path) -> None:
    """Everything that happens while the producer writes, and until nothing is left."""
    context = multiprocessing.get_context("spawn")
    written = context.Value("q", 0)
    producer = context.Process(
        target=produce, args=(load, figures.rate, place.kafka, place.topics.orders, written), daemon=True
    )
    producer.start()
    crew.append(Life(place, directory))
    figures.lives.append([])
    began = time.monotonic()
    killing = asyncio.create_task(_kill(figures, place, crew, directory))
    sampling = asyncio.create_task(_sample(figures, look, crew, written, began))
    try:
        await _ended(producer, figures, killing, sampling)
        figures.seconds = time.monotonic() - began
        figures.produced = written.value
        killing.cancel()
        await _drain(figures, look, crew)
    finally:
        sampling.cancel()
        killing.cancel()
        await asyncio.gather(sampling, killing, return_exceptions=True)
        if producer.is_alive():
            producer.terminate()


async def _ended(producer: BaseProcess, figures: Figures, *beside: asyncio.Task[None]) -> None:
    """Wait for the producer's end; what fails beside it fails the run."""
    limit = time.monotonic() + 60 * figures.minutes * 2 + DRAIN_SECONDS
    while producer.is_alive():
        for task in beside:
            if task.done():
                task.result()
        assert time.monotonic() < limit, "the producer does not keep its rate up: too much else runs on this machine"
        await asyncio.sleep(0.05)
    assert producer.exitcode == 0, f"the producer ended with exit code {producer.exitcode}"


async def _kill(figures: Figures, place: Place, crew: list[Life], directory: Path) -> None:
    """Kill the second worker at every turn, and start another in its place."""
    steady, mortal = crew
    turn = time.monotonic()
    while True:
        turn += figures.kill_every_seconds
        await asyncio.sleep(max(0.0, turn - time.monotonic()))
        assert steady.worker.running, f"the worker that lives on has ended:\n{steady.worker.end_of_log()}"
        assert mortal.worker.running, f"a worker ended by itself:\n{mortal.worker.end_of_log()}"
        figures.kills += 1
        figures.takeovers += bool(mortal.worker.said(CLAIMED))
        mortal.worker.kill()
        mortal.worker.log.unlink()
        mortal = crew[1] = Life(place, directory)
        figures.lives.append([])


async def _sample(figures: Figures, look: Look, crew: list[Life], written: object, began: float) -> None:
    while True:
        run = time.monotonic() - began
        steady, mortal = crew
        figures.steady += steady.sample(run)
        figures.lives[-1] += mortal.sample(run)
        figures.redis.append(Sample(run, run, await look.redis_memory() / MB))
        # Read before what is written: a lag is never less than nothing.
        accounted = await look.accounted()
        figures.lag.append((run, written.value - accounted))
        await asyncio.sleep(SAMPLE_SECONDS)


async def _drain(figures: Figures, look: Look, crew: list[Life]) -> None:
    """Wait until everything written is accounted for and sent."""
    began = time.monotonic()

    async def nothing_left() -> bool:
        figures.lag_at_the_end = figures.produced - await look.accounted()
        return figures.lag_at_the_end == 0 and await look.waiting() == 0

    await look.until(nothing_left, "nothing is left", [life.worker for life in crew], DRAIN_SECONDS)
    figures.drained_seconds = time.monotonic() - began
