"""Servers and workers of one run, kept going the way Kubernetes would, and watched."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.chaos.load import Writer
from tests.chaos.network import Network
from tests.kit.live import ACCOUNTED, Look
from tests.kit.place import PARTITIONS, Place
from tests.kit.workers import Worker

CREW_MAX = 3
#: After any fault every shard moves on within this time.
PROGRESS_SECONDS = 60.0
#: How long a worker that is told to stop may take. Kubernetes gives 30 s.
GRACE_SECONDS = 30.0
#: Ends of workers in one run after which there is no point in starting another.
ENDS_MAX = 30
LOOK_SECONDS = 0.1
CLAIMED = "Claimed shards"
#: Nothing is written any more, or for now: what is silent has nothing more.
ALL_WRITTEN = {"topic_idle_seconds": 1.0}


class Stage:
    """What a fault may lay hands on.

    Parameters
    ----------
    place
        The run.
    kafka, redis
        Its servers.
    network
        What lies between them and the workers.
    look
        Looks at it; must not wait long for an answer.
    directory
        For the logs of the workers.
    rng
        Whatever a fault leaves to chance.

    Attributes
    ----------
    crew
        The workers.
    fault
        The fault that is going on.
    longest
        The longest stall since it began, seconds.
    ends
        Workers that ended and were started anew, each with the fault, its exit code and the end of its log.
    wrong
        What is not as it should be, and hinders nobody.
    writer
        Writes the load.
    missing
        Offsets that were deleted before anybody read them.
    """

    writer: Writer

    def __init__(
        self,
        place: Place,
        kafka: EmbeddedKafka,
        redis: EmbeddedRedis,
        network: Network,
        look: Look,
        directory: Path,
        rng: random.Random,
    ) -> None:
        self.place = place
        self.kafka = kafka
        self.redis = redis
        self.network = network
        self.look = look
        self.directory = directory
        self.rng = rng
        self.crew: list[Worker] = []
        self._hired: list[Worker] = []
        self.fault = "the beginning"
        self.longest = 0.0
        self.ends: list[str] = []
        self.wrong: list[str] = []
        self.missing = 0
        self._halts: tuple[str, ...] = ()

    # -- workers ----------------------------------------------------------------------------------------------------

    def join(self, **settings: object) -> Worker:
        """One worker more."""
        worker = self._hire(**settings)
        self.crew.append(worker)
        return worker

    def _hire(self, **settings: object) -> Worker:
        self._hired.append(Worker(self.place, self.directory, **settings))
        return self._hired[-1]

    async def stop(self, worker: Worker) -> None:
        """Tell a worker to stop: it does in good time, with exit code 0. Else that is noted, and the run goes on."""
        try:
            code = await asyncio.to_thread(worker.stop, GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"after {self.fault}: not ended {GRACE_SECONDS:g} s after SIGTERM: {worker.log.name}")
            worker.kill()
        else:
            if code:
                self.wrong.append(f"after {self.fault}: exit code {code} after SIGTERM: {worker.log.name}")

    async def leave(self, worker: Worker) -> None:
        """One worker less."""
        self.crew.remove(worker)
        await self.stop(worker)

    async def claimed(self, worker: Worker) -> None:
        """Wait until a worker has shards."""

        async def so() -> bool:
            return worker.said(CLAIMED) > 0

        await self.look.until(so, "a worker has shards", [worker], PROGRESS_SECONDS)

    async def any_worker(self) -> Worker:
        """One that has shards, by chance."""
        while True:
            some = [worker for worker in self.crew if worker.running and worker.said(CLAIMED)]
            if some:
                return self.rng.choice(some)
            await asyncio.sleep(LOOK_SECONDS)

    async def at_least(self, n: int) -> None:
        """Have so many workers with shards."""
        while len(self.crew) < n:
            await self.claimed(self.join())

    async def supervise(self) -> None:
        """Start a new worker in the place of each that has ended."""
        while True:
            for seat, worker in enumerate(self.crew):
                if not worker.running:
                    if not any(worker.said(text) for text in self._halts):
                        self.ends.append(f"{self.fault}: exit code {worker.process.returncode}\n{worker.end_of_log(8)}")
                        assert len(self.ends) < ENDS_MAX, "\n".join(["workers end again and again", *self.ends[-3:]])
                    self.crew[seat] = self._hire()
            await asyncio.sleep(LOOK_SECONDS)

    @contextmanager
    def halting(self, *texts: str) -> Iterator[None]:
        """Workers that end and say so are meant to, and are started anew as ever."""
        self._halts = texts
        try:
            yield
        finally:
            self._halts = ()

    async def halted(self, text: str) -> None:
        """Wait until a worker has ended and said so."""

        async def so() -> bool:
            return any(worker.said(text) for worker in self._hired if not worker.running)

        await self.look.until(so, f"a worker halts: {text}", seconds=PROGRESS_SECONDS)

    async def scorer(self, *words: str) -> str:
        """What a command says that an operator types, and that does its work."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "stream.cli", *words],
            env=self.place.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRESS_SECONDS,
        )
        assert done.returncode == 0, f"scorer {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def kill_all(self) -> None:
        """Leave nobody behind."""
        for worker in self._hired:
            worker.kill()

    # -- progress ---------------------------------------------------------------------------------------------------

    async def moves(self) -> None:
        """Wait until every shard has accounted for more events than now, and note how long it took."""
        began = time.monotonic()
        first: Counter[int] | None = None

        async def grown() -> bool:
            nonlocal first
            now = await self._accounted()
            first = first or now
            return all(now[shard] > first[shard] for shard in range(PARTITIONS))

        try:
            await self.look.until(grown, f"every shard moves on after: {self.fault}", seconds=PROGRESS_SECONDS)
        except AssertionError as error:
            ends = "\n\n".join(worker.end_of_log() for worker in self.crew)
            error.add_note(f"at first {first}\n{ends}")
            raise
        finally:
            self.longest = max(self.longest, time.monotonic() - began)

    async def _accounted(self) -> Counter[int]:
        found: Counter[int] = Counter()
        for shard in range(PARTITIONS):
            counts = await self.look.counters(shard)
            found[shard] = sum(counts[name] for name in ACCOUNTED)
        return found

    # -- Redis ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Redis]:
        """A client of Redis of an operator's own."""
        client = Redis.from_url(self.redis.url, socket_timeout=10.0)
        try:
            yield client
        finally:
            with suppress(RedisError, OSError):
                await client.aclose()
