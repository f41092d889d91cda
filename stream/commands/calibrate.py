"""The next calibration: made, tried on every customer, and put in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from stream.calibration.announce import announce
from stream.calibration.dry_run import Moves, leaving
from stream.calibration.fit import Fitted
from stream.calibration.making import make
from stream.calibration.progress import read_progress
from stream.calibration.rules import policy_of
from stream.calibration.store import adopt_again, current_number, publish, read
from stream.calibration.thresholds import moved
from stream.commands.failures import CommandFailed
from stream.commands.parts import redis_of, wall_clock
from stream.contracts.times import format_time
from stream.contracts.topics import Topics
from stream.scoring.calibration import Calibration
from stream.settings import Settings
from stream.state.model import compile_model
from stream.store.calls import Client


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration made, beside the one before, and who moves under it."""

    previous: Calibration
    fitted: Fitted
    moves: Moves
    published: bool

    def as_dict(self) -> dict[str, Any]:
        """What `scorer calibrate --json` prints."""
        made = self.fitted.calibration
        return {
            "published": self.published,
            "previous": self.previous.number,
            "calibration": msgspec.json.decode(made.to_json()),
            "collapsed": [{"figure": figure, "score": score} for figure, score in self.fitted.collapsed],
            "moves": {
                "customers": self.moves.customers,
                "moved": self.moves.moved,
                "held_back": self.moves.held_back,
                "segments": self.moves.segments,
                "tiers": self.moves.tiers,
                "levels": self.moves.levels,
                "levels_moved": leaving(self.moves.levels),
                "abc": self.moves.abc,
                "abc_moved": leaving(self.moves.abc),
                "lifecycle": self.moves.lifecycle,
                "lifecycle_moved": leaving(self.moves.lifecycle),
            },
            "thresholds": [one._asdict() for one in moved(self.previous, made)],
        }


async def calibrate(settings: Settings, *, dry: bool) -> Calibrated:
    """Make the next calibration from the histograms, and publish it unless it is a dry run.

    Raises
    ------
    CommandFailed
        It is in force and could not be announced on Kafka.
    FitRefused
        No worker has written anything yet, or there are too few customers.
    CalibrationTaken
        Another one was published meanwhile.
    StoreUnavailable
        Redis cannot be reached.
    """
    async with redis_of(settings) as redis:
        now = wall_clock() if settings.clock == "wall" else None
        made = await make(
            redis, settings.key_prefix, settings.partitions, policy_of(settings), now, settings.calibrate_sample_max
        )
        if not dry:
            await publish(redis, settings.key_prefix, made.calibration)
            await _announced(settings, redis, made.calibration.number)
        return Calibrated(made.previous, made.fitted, made.moves, published=not dry)


async def adopt(settings: Settings, number: int) -> Calibration:
    """Put what calibration `number` says in force once more, under the next number.

    Raises
    ------
    CommandFailed
        There is no such calibration, or it is in force already; or Kafka could not be told.
    CalibrationTaken
        Another one was published meanwhile.
    StoreUnavailable
        Redis cannot be reached.
    """
    async with redis_of(settings) as redis:
        in_force = await current_number(redis, settings.key_prefix)
        if not 1 <= number <= in_force:
            raise CommandFailed(f"There is no calibration {number}; the newest is {in_force}. See: scorer calibrations")
        if number == in_force:
            raise CommandFailed(f"Calibration {number} is in force.")
        compile_model(policy_of(settings), await read(redis, settings.key_prefix, number))
        adopted = await adopt_again(redis, settings.key_prefix, number, wall_clock())
        await _announced(settings, redis, adopted.number)
        return adopted


async def history(settings: Settings) -> dict[str, Any]:
    """All calibrations, the newest first, and how far customers are rescored under the one in force.

    Raises
    ------
    CalibrationUnreadable
        One of them cannot be read.
    StoreUnavailable
        Redis cannot be reached.
    """
    async with redis_of(settings) as redis:
        in_force = await current_number(redis, settings.key_prefix)
        found = [await read(redis, settings.key_prefix, number) for number in range(in_force, 0, -1)]
        model = compile_model(policy_of(settings), found[0])
        progress = await read_progress(redis, settings.key_prefix, settings.partitions, model.fingerprint)
        return {
            "in_force": in_force,
            "rescored": {"customers": progress.customers, "done": progress.done, "share": progress.share},
            "calibrations": [
                {
                    "number": one.number,
                    "created_at": format_time(one.created_at) if one.created_at else None,
                    "customers": one.customers,
                    "source": one.source,
                }
                for one in found
            ],
        }


async def _announced(settings: Settings, redis: Client, number: int) -> None:
    topic = Topics(settings.topic_prefix).calibrations
    try:
        await announce(redis, settings.key_prefix, settings.kafka, topic)
    except KafkaError as error:
        raise CommandFailed(
            f"Calibration {number} is in force, but could not be written to topic {topic} "
            f"({error}). The next calibrate writes all numbers again; no worker reads them there."
        ) from error
