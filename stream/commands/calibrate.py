"""The next calibration: made, tried on every customer, and put in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from stream.calibration.announce import announce
from stream.calibration.dry_run import Moves, dry_run
from stream.calibration.fit import Fitted, fit
from stream.calibration.population import read_population
from stream.calibration.rules import policy_of
from stream.calibration.store import publish, read_current
from stream.commands.failures import CommandFailed
from stream.commands.parts import redis_of, wall_clock
from stream.contracts.topics import Topics
from stream.scoring.calibration import Calibration
from stream.settings import Settings
from stream.state.model import compile_model


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
                "levels": self.moves.levels,
                "tiers": self.moves.tiers,
            },
        }


async def calibrate(settings: Settings, *, dry: bool) -> Calibrated:
    """Make the next calibration from the histograms, and publish it unless it is a dry run.

    Raises
    ------
    CommandFailed
        No worker has written anything yet; or it is in force and could not be announced on Kafka.
    FitRefused
        Too few customers.
    CalibrationTaken
        Another one was published meanwhile.
    StoreUnavailable
        Redis cannot be reached.
    """
    async with redis_of(settings) as redis:
        previous = await read_current(redis, settings.key_prefix)
        population = await read_population(redis, settings.key_prefix, settings.partitions)
        now = wall_clock() if settings.clock == "wall" else None
        as_of = population.clock if now is None else now
        if as_of is None or population.clock is None:
            raise CommandFailed("There is nothing to learn from: no worker has applied an event yet.")
        fitted = fit(population.histograms, as_of, previous)
        model = compile_model(policy_of(settings), fitted.calibration)
        moves = await dry_run(redis, settings.key_prefix, settings.partitions, model, now)
        if not dry:
            await publish(redis, settings.key_prefix, fitted.calibration)
            topic = Topics(settings.topic_prefix).calibrations
            try:
                await announce(redis, settings.key_prefix, settings.kafka, topic)
            except KafkaError as error:
                raise CommandFailed(
                    f"Calibration {fitted.calibration.number} is in force, but could not be written to topic {topic} "
                    f"({error}). The next calibrate writes all numbers again; no worker reads them there."
                ) from error
        return Calibrated(previous, fitted, moves, published=not dry)
