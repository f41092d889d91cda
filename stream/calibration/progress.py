"""How far the customers of all shards are brought to the model in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.calibration.population import reading
from stream.store.calls import Client, call
from stream.store.meta import read_meta

MODEL: Final = "model"
"""Field of a shard's meta hash: fingerprint of the model that its customers are being brought to."""
CURSOR: Final = "cursor"
"""Field: where the scan over its customers goes on, or `DONE`."""
RESCORED: Final = "rescored"
"""Field: customers that were looked at so far."""
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """Customers there are, and those looked at under the model in force."""

    customers: int
    done: int

    @property
    def share(self) -> float:
        """Part that is done; 1 where there is nobody.

        Examples
        --------
        >>> Progress(8, 6).share, Progress(0, 0).share
        (0.75, 1.0)
        """
        return self.done / self.customers if self.customers else 1.0


async def read_progress(redis: Client, prefix: str, partitions: int, fingerprint: int) -> Progress:
    """Sum over shards 0 to ``partitions - 1``.

    Parameters
    ----------
    fingerprint
        Of the model in force; a shard that has not taken it up yet has nobody done.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    customers = done = 0
    for shard in range(partitions):
        store = reading(redis, prefix, shard)
        there = await store.customers()
        meta = read_meta(await call(redis, "HGETALL", store.keys.meta)).other
        customers += there
        if meta.get(MODEL) == str(fingerprint):
            # Some are given twice by the scan, and some are new since it began.
            done += there if meta.get(CURSOR) == DONE else min(there, int(meta.get(RESCORED, 0)))
    return Progress(customers, done)
