"""Customers who do not exist: their events to Kafka or into a file, their truth into another."""

from __future__ import annotations

import asyncio
import gzip
import lzma
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import orjson

from stream.commands.failures import CommandFailed
from stream.commands.parts import wall_clock
from stream.commands.producing import Producer
from stream.commands.replay import require_topics
from stream.contracts.money import exponent_of, from_minor
from stream.contracts.times import from_datetime, time_text
from stream.contracts.topics import Topics
from stream.settings import Settings
from stream.simulate import Simulation, Spec, Told, Truth
from stream.simulate import simulate as simulation_of

START: Final = datetime(2025, 1, 1)  # noqa: DTZ001 - a day as typer reads one, without a zone
"""First day unless another is said. A fixed one: the same command gives the same events next year."""

PAUSES_A_SECOND: Final = 10
"""How often a rate is kept to."""


def population(settings: Settings, *, start: datetime, seed: int, **options: Any) -> Simulation:  # noqa: ANN401 - of `Spec`
    """The customers that were asked for, in the currency of the settings; `start` is a day in UTC.

    Raises
    ------
    CommandFailed
        An option is out of bounds.
    """
    try:
        spec = Spec(start=from_datetime(start.replace(tzinfo=UTC)), currency=settings.base_currency, **options)
    except ValueError as error:
        raise CommandFailed(f"{error}.") from error
    return simulation_of(spec, seed)


async def to_kafka(settings: Settings, simulation: Simulation, rate: int | None) -> dict[str, int]:
    """Write all events to their topics, at most `rate` a second; how many by topic.

    Raises
    ------
    CommandFailed
        The topics are not there, or the time that is simulated is not over yet.
    aiokafka.errors.KafkaError
        Kafka cannot be reached, or refuses.
    """
    end = simulation.spec.end
    if end > wall_clock():
        raise CommandFailed(
            f"The last day that is simulated ends at {time_text(end)}, and events from the future are refused. "
            "Give an earlier --start, or fewer --days."
        )
    names: dict[str, str] = dict(Topics(settings.topic_prefix).inputs.items())
    await require_topics(settings, names)
    sent: dict[str, int] = {}
    async with Producer(settings.kafka, names, settings.partitions) as producer:
        clock = asyncio.get_running_loop().time
        began, step = clock(), max(1, rate // PAUSES_A_SECOND) if rate else 0
        for number, told in enumerate(simulation.events()):
            if rate and number % step == 0:
                await producer.flush()
                await asyncio.sleep(began + number / rate - clock())
            await producer.add(told.topic, told.event["customer_id"].encode(), orjson.dumps(told.event))
            sent[told.topic] = sent.get(told.topic, 0) + 1
    return sent


def to_file(simulation: Simulation, path: Path) -> dict[str, int]:
    """Write all events as lines that ``scorer replay`` reads; how many by topic.

    Raises
    ------
    CommandFailed
        The file cannot be written.
    """
    sent: dict[str, int] = {}
    with _writing(path) as file:
        for told in simulation.events():
            file.write(line_of(told))
            sent[told.topic] = sent.get(told.topic, 0) + 1
    return sent


def write_truths(simulation: Simulation, path: Path) -> None:
    """Write what is true of each customer, one JSON object a line.

    Raises
    ------
    CommandFailed
        The file cannot be written.
    """
    exponent = exponent_of(simulation.spec.currency)
    with _writing(path) as file:
        for truth in simulation.truths():
            file.write(orjson.dumps(described(truth, exponent), option=orjson.OPT_APPEND_NEWLINE))


def line_of(told: Told) -> bytes:
    """An event as a line of a file for ``scorer replay``, with its end."""
    return orjson.dumps({"topic": told.topic} | told.event, option=orjson.OPT_APPEND_NEWLINE)


def described(truth: Truth, exponent: int) -> dict[str, Any]:
    """A truth as others read it: moments in RFC 3339, money as decimal text; what does not hold is absent."""
    found: dict[str, Any] = msgspec.to_builtins(truth)
    found["spend"] = from_minor(round(found.pop("spend_minor")), exponent)
    for name in ("joined_at", "dropout_at"):
        if name in found:
            found[name] = time_text(found[name])
    return found


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    if str(path) == "-":
        yield sys.stdout.buffer
        return
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, "wb") as file:
            yield file
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error}.") from error
