"""Which faults a seed brings, and on how many workers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.stage import CREW_MAX

FAULTS_OF_A_RUN = 5


@dataclass(frozen=True)
class Schedule:
    """What one seed brings: faults, one after the other, and workers at the beginning."""

    seed: int
    faults: tuple[str, ...]
    workers: int


def schedule_of(seed: int, names: Sequence[str]) -> Schedule:
    """What a seed, from 1 on, brings.

    Faults are dealt like cards: whoever runs as many seeds in a row as it takes to deal all has had each of them.
    """
    first = (seed - 1) * FAULTS_OF_A_RUN
    faults = tuple(_dealt(number, names) for number in range(first, first + FAULTS_OF_A_RUN))
    return Schedule(seed, faults, 1 + random.Random(f"workers {seed}").randrange(CREW_MAX))


def _dealt(number: int, names: Sequence[str]) -> str:
    """Card so and so of a pack that is shuffled anew whenever it has been dealt."""
    pack, card = divmod(number, len(names))
    return random.Random(f"pack {pack}").sample(list(names), len(names))[card]
