"""A record is found on its shard, and described at the moment that the clock says."""

import pytest

from stream.contracts.times import format_time
from stream.scoring.units import DAY
from stream.state.packed import unpack_records
from stream.store.keys import Keys, shard_of
from stream.web.backend import StoreBackend
from tests.unit.state_kit import NOW, SHIPPED, order
from tests.unit.state_kit import shard_of as a_shard_of


class Memory:
    """As much of a Redis client as the backend uses."""

    def __init__(self, hashes):
        self.hashes = hashes

    async def execute_command(self, command, key, field):
        assert command == "HGET"
        return self.hashes.get((key, field))


def backend(clock, shard_clock=None):
    _, outcome = a_shard_of([order("c-1", 1, NOW)])
    ((customer, blob),) = unpack_records(outcome.records)
    keys = Keys("p", shard_of(customer, 4))
    return StoreBackend(
        Memory({(keys.records, customer): blob, (keys.meta, "clock"): shard_clock}),
        "p",
        4,
        clock=clock,
        base_currency="EUR",
        model=lambda: SHIPPED,
        now=lambda: NOW + 3 * DAY,
    )


@pytest.mark.parametrize(
    ("clock", "shard_clock", "as_of"),
    [
        ("wall", None, NOW + 3 * DAY),
        ("event", str(NOW + DAY).encode(), NOW + DAY),
        ("event", str(NOW - DAY).encode(), NOW),
        ("event", None, NOW),
    ],
)
async def test_the_moment_is_the_clocks(clock, shard_clock, as_of):
    record = await backend(clock, shard_clock).record("c-1")
    assert record["as_of"] == format_time(as_of)
    assert record["rfm"]["recency_days"] == (as_of - NOW) / DAY


async def test_nobody_is_nobody():
    assert await backend("wall").record("c-2") is None


def test_without_a_worker_it_is_always_ready():
    assert backend("wall").ready() == (True, "ready")
