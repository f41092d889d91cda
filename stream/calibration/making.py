"""The next calibration: made from what Redis holds, and tried on every customer. Nothing is written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stream.calibration.dry_run import Moves, dry_run
from stream.calibration.fit import FitRefused, Fitted, fit
from stream.calibration.models import learn
from stream.calibration.population import read_population
from stream.calibration.sample import read_sample
from stream.calibration.store import read_current
from stream.scoring.calibration import Calibration
from stream.scoring.policy import Policy
from stream.state.model import compile_model
from stream.store.calls import Client


@dataclass(frozen=True, slots=True)
class Made:
    """A calibration, beside the one in force, and who moves under it."""

    previous: Calibration
    fitted: Fitted
    moves: Moves

    @property
    def calibration(self) -> Calibration:
        """The new one."""
        return self.fitted.calibration


async def make(redis: Client, prefix: str, partitions: int, policy: Policy, now: int | None, sample_max: int) -> Made:
    """Make the next calibration and try it.

    Parameters
    ----------
    prefix
        Put before every Redis key.
    partitions
        Number of shards.
    policy
        What the business decides.
    now
        Moment of the calibration, ms; None takes the shards' own clocks.
    sample_max
        Customers that models are learned from at most.

    Raises
    ------
    FitRefused
        Nobody has ordered yet, or too few customers have.
    CalibrationUnreadable
        The one in force cannot be read.
    StoreUnavailable
        Redis cannot be reached.
    """
    previous = await read_current(redis, prefix)
    population = await read_population(redis, prefix, partitions)
    if population.clock is None:
        raise FitRefused("There is nothing to learn from: no worker has applied an event yet.")
    as_of = population.clock if now is None else now
    sample = await read_sample(redis, prefix, partitions, policy, as_of, sample_max)
    # Seconds of arithmetic: a worker goes on with its other work meanwhile.
    models = await asyncio.to_thread(learn, sample, previous, policy.clv)
    fitted = fit(population.histograms, as_of, previous, policy, models)
    moves = await dry_run(redis, prefix, partitions, compile_model(policy, fitted.calibration), now)
    return Made(previous, fitted, moves)
