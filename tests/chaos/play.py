"""One run: a seed, its load, its faults, and what came of it beside what the oracle says."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream.contracts.decisions import Message
from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.transport.warm_up import warm_up
from tests.chaos.faults import FAULTS
from tests.chaos.load import CURRENCY, Load, Writer
from tests.chaos.network import Network
from tests.chaos.reader import Reader, Seen
from tests.chaos.schedule import Schedule
from tests.chaos.stage import ALL_WRITTEN, Stage
from tests.kit.folders import REPOSITORY
from tests.kit.live import ACCOUNTED, Kept, Look, sent
from tests.kit.place import Place, topics_of
from tests.kit.verdict import differences
from tests.oracle import Result

#: So much is accounted for before the first fault.
BEFORE_SHARE = 0.2
#: Two thirds of the load are written in this time for each fault.
SECONDS_OF_A_FAULT = 10.0
#: Between two faults at most.
PAUSE_SECONDS = 3.0
SETTLE_SECONDS = 180.0
SETTINGS: dict[str, object] = {
    # The group gives a dead worker up this soon; the shipped 6 s would only be waited for.
    "session_timeout_seconds": 4.0,
    # No topic is passed over for being silent while a server is away: see `load`.
    "topic_idle_seconds": 60.0,
}


@dataclass
class Report:
    """What came of a run.

    Attributes
    ----------
    stalls
        Every fault that was run, in order, with its longest stall in seconds.
    lost, doubled
        Events and messages that are accounted for, or were read, less often and more often than they should be.
    out_of_order
        Messages read after one of a higher version.
    wrong
        Everything that is not as it should be; empty if all is well.
    ends
        Workers that ended and were started anew: during which fault, with which exit code, the end of the log.
    """

    schedule: Schedule
    events: int = 0
    messages: int = 0
    seconds: float = 0.0
    stalls: list[tuple[str, float]] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    wrong: dict[str, Any] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)


async def play(
    schedule: Schedule,
    events: int,
    directory: Path,
    code: Path = REPOSITORY,
    settle_seconds: float = SETTLE_SECONDS,
) -> Report:
    """Run what a seed brings, in an empty directory; `code` is where that of the workers is."""
    report = Report(schedule)
    load = Load.of(schedule.seed, events)
    expected = load.expected()
    report.events = len(load)
    # As an image does when it is built: three workers that compile at the same time take minutes.
    warm_up()
    began = time.monotonic()
    with (
        Network(schedule.seed) as network,
        EmbeddedKafka(directory / "kafka", port=network.kafka_port, properties=network.kafka_properties) as kafka,
        EmbeddedRedis(directory / "redis", port=network.redis_port) as redis,
    ):
        place = Place(kafka.bootstrap, redis.url, CURRENCY, code=code, settings=SETTINGS | network.settings)
        look = Look(place, load.logs, timeout_seconds=2.0, connect_timeout_seconds=1.0, retries=1)
        stage = Stage(place, kafka, redis, network, look, directory, random.Random(f"stage {schedule.seed}"))
        reader = Reader(place, lambda: stage.fault)
        try:
            async with topics_of(place):
                await _perform(schedule, load, stage, reader, report, settle_seconds)
                kept, messages = await look.read(), await sent(place)
            _judge(report, kept, messages, reader.seen, expected)
            if kept.counters["missing"] != stage.missing:
                report.wrong["missing"] = (kept.counters["missing"], stage.missing)
        except* Exception as failed:  # noqa: BLE001 - whatever it is, the other seeds go on
            report.wrong["failed"] = [_said(error) for error in _leaves(failed)]
        finally:
            stage.kill_all()
            await look.close()
    if stage.wrong:
        report.wrong["workers"] = stage.wrong
    report.ends = stage.ends
    report.seconds = time.monotonic() - began
    return report


async def _perform(
    schedule: Schedule, load: Load, stage: Stage, reader: Reader, report: Report, settle_seconds: float
) -> None:
    """Everything that goes on at the same time."""
    writer = stage.writer = Writer(load, stage.place, SECONDS_OF_A_FAULT * len(schedule.faults))
    for _ in range(schedule.workers):
        stage.join()
    async with asyncio.TaskGroup() as group:
        supervising = group.create_task(stage.supervise())
        group.create_task(reader.run())
        writing = group.create_task(writer.run())
        await stage.look.progress(BEFORE_SHARE)
        for name in schedule.faults:
            stage.fault, stage.longest = name, 0.0
            try:
                await FAULTS[name](stage)
                await stage.moves()
            finally:
                report.stalls.append((name, stage.longest))
            await asyncio.sleep(stage.rng.uniform(0, PAUSE_SECONDS))
        stage.fault = "the end"
        writer.hurry()
        await writing
        supervising.cancel()
        await _finish(stage, settle_seconds)
        reader.finish()


async def _finish(stage: Stage, settle_seconds: float) -> None:
    """Let a last worker account for everything."""
    for worker in list(stage.crew):
        if worker.running:
            await stage.claimed(worker)
            await stage.leave(worker)
    last = stage.join(**ALL_WRITTEN)
    try:
        await stage.look.settle([last], settle_seconds)
    except AssertionError as error:
        # What is lost never comes; what is there is compared all the same, so that it is known what.
        stage.wrong.append(str(error))
    await stage.leave(last)


def _judge(report: Report, kept: Kept, messages: list[Message], seen: Seen, expected: Result) -> None:
    """Compare with the oracle, and count what is lost, doubled and out of order."""
    report.messages = len(messages)
    report.wrong |= differences(kept, messages, expected)
    # Of the scores of a customer only the last one counts, which `differences` looks at.
    should = Counter((one["topic"], one["id"]) for one in expected.decisions if one["kind"] != "customer.scores")
    are = Counter({key: n for key, n in seen.ids.items() if key[0] not in {"customer-scores", "dead-letters"}})
    refused = sum(n for (topic, _), n in seen.ids.items() if topic == "dead-letters")
    short = {name: expected.accounting[name] - kept.counters[name] for name in ACCOUNTED}
    missing_refusals = expected.accounting["dead_letters"] - refused
    report.lost = (should - are).total() + max(0, sum(short.values())) + max(0, missing_refusals)
    report.doubled = (are - should).total() + max(0, -sum(short.values())) + max(0, -missing_refusals)
    report.doubled += sum(n - 1 for (topic, _), n in seen.ids.items() if topic == "customer-scores")
    report.out_of_order = len(seen.out_of_order)
    for name in ("doubled", "out_of_order", "skipped"):
        if found := getattr(seen, name):
            report.wrong[f"{name}, as it was read"] = (len(found), found[:3])
    if Counter((message.topic, message.id) for message in messages) != seen.ids:
        report.wrong["readers"] = "one that read all along and one that read at the end do not agree"
    if missing_refusals:
        report.wrong["dead letters"] = (refused, expected.accounting["dead_letters"])


def _leaves(group: BaseExceptionGroup) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _said(error: BaseException) -> str:
    return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
