"""The demo: a year of real purchases through a real Kafka, a real worker and a real Redis, on this machine."""

from __future__ import annotations

import asyncio
import io
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final, NoReturn

import uvloop
from aiokafka import AIOKafkaConsumer
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType

from stream.calibration.dry_run import dry_run
from stream.commands import topics as making_topics
from stream.commands.calibrate import calibrate
from stream.commands.customers import explained
from stream.commands.failures import CommandFailed, told_plainly
from stream.commands.parts import model_of, redis_of
from stream.commands.producing import Producer
from stream.contracts.topics import Topics
from stream.demo.completejourney import CURRENCY, MissingExtraError, Year, load
from stream.demo.counts import Counts, all_adopted, read_counts
from stream.demo.decisions import Decisions, catch_up, follow, open_consumer
from stream.demo.progress import Progress
from stream.demo.summary import Replay, calibration_summary, replay_summary
from stream.demo.worker import WorkerFailed, WorkerProcess
from stream.embedded import EmbeddedFailed, EmbeddedKafka, EmbeddedRedis
from stream.embedded.ports import LOOPBACK, free_ports
from stream.settings import Settings
from stream.store.calls import Client

PARTITIONS: Final = 4
LOOK_SECONDS: Final = 0.25
STALL_SECONDS_MAX: Final = 60.0
"""Without any progress for so long, the demo gives up."""
START_SECONDS_MAX: Final = 400.0
"""Until the first event is read: the first start compiles for a minute, on a slow or busy machine for several."""
FLUSH_RECORDS: Final = 4_000
"""So often all topics are brought to the same moment: the worker waits a second for a topic that falls behind."""
WIDTH: Final = 110
"""Columns of what is printed where the output is no terminal, and of the picture."""
_SVG: Final = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without the fonts that would be loaded from elsewhere whenever somebody looks at the picture."""
_ENDED_BY_SIGTERM: Final = 128 + signal.SIGTERM


def run(households: int | None, picture: Path | None = None) -> None:
    """Run the demo. Everything that was started is stopped, however it ends.

    Parameters
    ----------
    households
        Replay only so many; None for all.
    picture
        Where to write what was printed at the end, as SVG.

    Raises
    ------
    CommandFailed
        Something could not be started, or came to a standstill; the message quotes the worker's log.
    """
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    previous = signal.signal(signal.SIGTERM, _terminated)
    try:
        year = load() if households is None else load().first(households)
        console.print("Starting Kafka and Redis (the first time, Kafka is downloaded: about 45 MB) …")
        with (
            tempfile.TemporaryDirectory(prefix="scorer-demo-") as directory,
            EmbeddedRedis() as redis,
            EmbeddedKafka() as kafka,
        ):
            (port,) = free_ports(1)
            environment = _environment(kafka.bootstrap, redis.url, port)
            settings = _settings(environment)
            with told_plainly(settings):
                uvloop.run(_Demo(console, settings, year).run(WorkerProcess(environment, Path(directory)), picture))
    except (EmbeddedFailed, MissingExtraError, WorkerFailed) as error:
        raise CommandFailed(str(error)) from error
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(_ENDED_BY_SIGTERM)


def patience(counts: Counts) -> float:
    """Seconds without any progress after which the demo gives up.

    >>> patience(Counts(read=0, applied=0, duplicates=0, dead_letters=0, undelivered=0, due=0))
    400.0
    >>> patience(Counts(read=1, applied=1, duplicates=0, dead_letters=0, undelivered=0, due=0))
    60.0
    """
    return STALL_SECONDS_MAX if counts.read else START_SECONDS_MAX


def _environment(kafka: str, redis: str, port: int) -> dict[str, str]:
    return {
        "STREAM_KAFKA": kafka,
        "STREAM_REDIS_URL": redis,
        "STREAM_PARTITIONS": str(PARTITIONS),
        "STREAM_CLOCK": "event",
        "STREAM_BASE_CURRENCY": CURRENCY,
        "STREAM_WEB_HOST": LOOPBACK,
        "STREAM_WEB_PORT": str(port),
    }


def _settings(environment: dict[str, str]) -> Settings:
    """The worker's settings, seen from here: its environment and nothing of ours."""
    prefix = "STREAM_"
    given: dict[str, Any] = {name.removeprefix(prefix).lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, _env_prefix="SCORER_DEMO_", **given)


@dataclass
class _Demo:
    console: Console
    settings: Settings
    year: Year
    decisions: Decisions = field(default_factory=Decisions)
    sent: int = 0
    printed: list[RenderableType] = field(default_factory=list)

    async def run(self, process: WorkerProcess, picture: Path | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            await self._run(process, picture)
        except asyncio.CancelledError:
            raise SystemExit(_ENDED_BY_SIGTERM) from None

    async def _run(self, process: WorkerProcess, picture: Path | None) -> None:
        await making_topics.create(self.settings)
        with process:
            async with redis_of(self.settings) as redis, self._consumer() as consumer:
                replay = await self._replay(redis, consumer, process)
                self._show(replay_summary(replay))
                await self._calibrate(redis, consumer, process)
            if picture is not None:
                self._draw(picture)
            if not replay.accounted:
                raise CommandFailed("Not every event is accounted for: this is a fault of the scorer.")
            await self._stay(process, replay.story)

    async def _replay(self, redis: Client, consumer: AIOKafkaConsumer, process: WorkerProcess) -> Replay:
        expected = sum(self.year.counts().values())
        self.console.print(f"Replaying {expected:,} events of 2017 (the first time, native code is compiled before) …")
        began = monotonic()
        sender = asyncio.create_task(self._send(), name="sender")
        follower = asyncio.create_task(follow(consumer, self.decisions), name="follower")
        try:
            with Progress(self.console, expected) as progress:
                counts = await self._finished(redis, process, progress, sender, follower)
            seconds = monotonic() - began
        finally:
            for task in (sender, follower):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await follower
        await catch_up(consumer, self.decisions)
        model = await model_of(self.settings, redis)
        # Under the rules in force nobody moves, so the rows of the matrix are the tiers as they are said.
        moves = await dry_run(redis, self.settings.key_prefix, PARTITIONS, model)
        story = self.decisions.story()
        return Replay(
            sent=self.sent,
            seconds=seconds,
            counts=counts,
            decisions=self.decisions,
            tiers={tier: sum(row.values()) for tier, row in moves.tiers.items()},
            story=story,
            explained=await explained(self.settings, story) if story is not None else None,
        )

    async def _finished(
        self,
        redis: Client,
        process: WorkerProcess,
        progress: Progress,
        sender: asyncio.Task[None],
        follower: asyncio.Task[None],
    ) -> Counts:
        """Wait until every event sent is accounted for, every decision delivered, every timer looked at."""
        last: tuple[int, ...] = ()
        moved_at = monotonic()
        while True:
            counts = await read_counts(redis, self.settings.key_prefix, PARTITIONS)
            progress.show(counts, self.sent, self.decisions.total)
            if sender.done() and counts.read >= self.sent and not counts.undelivered and not counts.due:
                sender.result()
                return counts
            for task in (sender, follower):
                if task.done():
                    task.result()
            self._look_after(process)
            now = (*counts, self.sent)
            if now != last:
                last, moved_at = now, monotonic()
            elif monotonic() - moved_at > patience(counts):
                raise WorkerFailed(f"Nothing has moved for {patience(counts):g} s ({counts}). {process.quoted()}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _send(self) -> None:
        topics = {str(name): full for name, full in Topics(self.settings.topic_prefix).inputs.items()}
        async with Producer(self.settings.kafka, topics, PARTITIONS) as producer:
            for record in self.year.records():
                await producer.add(record.topic, record.key, record.value)
                self.sent += 1
                if self.sent % FLUSH_RECORDS == 0:
                    await producer.flush()

    async def _calibrate(self, redis: Client, consumer: AIOKafkaConsumer, process: WorkerProcess) -> None:
        done = await calibrate(self.settings, dry=False)
        model = await model_of(self.settings, redis)
        deadline = monotonic() + STALL_SECONDS_MAX
        while not await self._adopted(redis, model.fingerprint):
            self._look_after(process)
            if monotonic() > deadline:
                raise WorkerFailed(f"Calibration {model.number} was not adopted. {process.quoted()}")
            await asyncio.sleep(LOOK_SECONDS)
        await catch_up(consumer, self.decisions)
        self._show(calibration_summary(done, self.decisions.recalibrated))

    async def _adopted(self, redis: Client, fingerprint: int) -> bool:
        prefix = self.settings.key_prefix
        return (
            await all_adopted(redis, prefix, PARTITIONS, fingerprint)
            and not (await read_counts(redis, prefix, PARTITIONS)).undelivered
        )

    async def _stay(self, process: WorkerProcess, story: str | None) -> None:
        """Leave the API open for somebody at a terminal."""
        if not sys.stdin.isatty():
            return
        address = f"http://{self.settings.web_host}:{self.settings.web_port}"
        self.console.print(
            f"\nThe API answers at {address}/v1/customers/{story or 1} (and /metrics). Ctrl-C ends it all."
        )
        while True:
            self._look_after(process)
            await asyncio.sleep(LOOK_SECONDS)

    def _look_after(self, process: WorkerProcess) -> None:
        ended = process.revive()
        if ended is not None:
            self.console.print(
                f"The worker {ended}: started again, it goes on where Redis says it was.", style="yellow"
            )

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = await open_consumer(self.settings.kafka, Topics(self.settings.topic_prefix), PARTITIONS)
        try:
            yield consumer
        finally:
            await consumer.stop()

    def _show(self, what: RenderableType) -> None:
        self.printed.append(what)
        self.console.print()
        self.console.print(what)

    def _draw(self, picture: Path) -> None:
        canvas = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
        canvas.print("$ make demo", style="bold")
        for what in self.printed:
            canvas.print()
            canvas.print(what)
        canvas.save_svg(str(picture), title="scorer demo", code_format=_SVG)
