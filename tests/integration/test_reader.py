"""Another Python program reads what the scorer wrote."""

import itertools

import pytest

from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.state.packed import pack_records, unpack_records
from stream.state.view import describe_bytes
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.errors import StoreError, StoreUnavailable
from stream.store.keys import Keys, calibration, calibration_current, shard_of
from stream.store.reader import Reader
from stream.store.shard_store import ShardStore, new_owner
from tests.unit import state_kit
from tests.unit.state_kit import NOW, SHIPPED, customers_with_orders

PARTITIONS = 3
_numbers = itertools.count()


@pytest.fixture
async def written(redis_server):
    """A prefix under which six customers stand, and their records."""
    prefix = f"reader-{next(_numbers)}"
    _, outcome = state_kit.shard_of(customers_with_orders(6))
    client = connect(redis_server.url)
    for shard in range(PARTITIONS):
        store = ShardStore(client, Keys(prefix, shard), new_owner())
        await store.claim(1)
        records = [record for record in unpack_records(outcome.records) if shard_of(record[0], PARTITIONS) == shard]
        await store.commit(Commit(records=pack_records(records)))
    yield client, prefix, dict(unpack_records(outcome.records))
    await client.aclose()


async def test_every_customer_is_found_and_described_as_the_api_does(redis_server, written):
    _, prefix, records = written
    with Reader(redis_server.url, prefix, partitions=PARTITIONS) as reader:
        for customer, blob in records.items():
            assert reader.customer(customer, NOW) == describe_bytes(blob, customer, NOW, SHIPPED)
            assert reader.customer(customer) == describe_bytes(blob, customer, None, SHIPPED)
        assert reader.customer("nobody") is None


async def test_the_calibration_in_use_is_the_one_in_redis(redis_server, written):
    client, prefix, _ = written
    newer = DEFAULT_CALIBRATION.to_json().replace(b'"number":1', b'"number":2')
    with Reader(redis_server.url, prefix, partitions=PARTITIONS) as reader:
        reader.customer("c-1")
        await client.set(calibration_current(prefix), "2")
        with pytest.raises(StoreError, match=f"calibration 2 is in use, and Redis key {prefix}:calibration:2"):
            reader.customer("c-1")
        await client.set(calibration(prefix, 2), newer)
        assert reader.customer("c-1")["calibration"] == 2


def test_no_redis_is_said_so():
    with (
        Reader("redis://127.0.0.1:1/0", partitions=1) as reader,
        pytest.raises(StoreUnavailable, match="cannot be reached"),
    ):
        reader.customer("c-1")
