"""The cells of all shards, summed up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stream.state.customer import UNSET
from stream.state.known_names import read_names
from stream.store.calls import Client, call
from stream.store.keys import Keys
from stream.store.meta import read_meta
from stream.tables.questions import Names

#: Cells asked for at once, each a command of its own: so many answers wait in memory at most.
CELLS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Shards:
    """What is to be known of the shards before their cells are read.

    Attributes
    ----------
    clock
        The latest of their clocks, ms; None where no event was applied yet.
    names
        Names that any of them knows, by scope.
    """

    clock: int | None
    names: Names


async def look(redis: Client, prefix: str, partitions: int) -> Shards:
    """Clocks and names of shards 0 to ``partitions - 1``.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    clocks: list[int] = []
    names: dict[str, dict[str, None]] = {}
    for shard in range(partitions):
        other = read_meta(await call(redis, "HGETALL", Keys(prefix, shard).meta)).other
        clocks.append(int(other.get("clock", UNSET)))
        for scope, known in read_names(other).items():
            names.setdefault(scope, {}).update(dict.fromkeys(known))
    clock = max(clocks, default=UNSET)
    return Shards(None if clock == UNSET else clock, names)


async def sums(
    redis: Client, prefix: str, partitions: int, suffixes: Sequence[str], fields: Sequence[str]
) -> Counter[str]:
    """Sum of each field over these cells of all shards; fields that are nowhere are left out.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    found: Counter[str] = Counter()
    if not fields:
        return found
    cells = [Keys(prefix, shard).cell(suffix) for shard in range(partitions) for suffix in suffixes]
    for first in range(0, len(cells), CELLS_AT_ONCE):
        some = cells[first : first + CELLS_AT_ONCE]
        for values in await asyncio.gather(*(call(redis, "HMGET", cell, *fields) for cell in some)):
            for field, value in zip(fields, values, strict=True):
                if value is not None:
                    found[field] += int(value)
    return found
