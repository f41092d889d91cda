"""The crowd of the growth bench: who it is, what each has ordered, and how they come back."""

from __future__ import annotations

from collections import Counter

from stream.contracts.decode import Decoder
from stream.contracts.topics import Topics
from stream.store.keys import shard_of
from tests.bench.fill import Crowd

CROWD = Crowd(300, orders=3, days=2.0)
NEVER_AHEAD = 2**52


def test_the_shards_in_columns_are_those_of_the_ids() -> None:
    found = {bytes(row).decode(): int(shard) for row, shard in zip(CROWD.ids, CROWD.shards, strict=True)}
    assert len(found) == CROWD.customers
    assert found == {customer: shard_of(customer, CROWD.partitions) for customer in found}


def test_each_has_its_orders_one_after_the_other_in_its_own_shard() -> None:
    count: Counter[str] = Counter()
    for shard in range(CROWD.partitions):
        for block in CROWD.blocks(shard):
            events = list(block)
            assert not block.others
            assert [event.at for event in events] == sorted(event.at for event in events)
            count.update(event.customer for event in events)
            assert {shard_of(event.customer, CROWD.partitions) for event in events} == {shard}
            assert len({(event.customer, event.at) for event in events}) == len(events)
    assert count == {bytes(row).decode(): CROWD.orders for row in CROWD.ids}


def test_all_come_back_once_before_anybody_does_twice_and_after_what_they_ordered_before() -> None:
    decoder = Decoder(Topics(), "EUR")
    seen: dict[int, str] = {}
    for shard in range(CROWD.partitions):
        last = max(event.at for block in CROWD.blocks(shard) for event in block)
        for first in (0, 350):
            records = [one._replace(timestamp=NEVER_AHEAD) for one in CROWD.returns(shard, first, first + 350)]
            block = decoder.decode("orders", shard, records, NEVER_AHEAD)
            assert not block.others
            for record, event in zip(records, block, strict=True):
                assert event.at > last
                assert shard_of(event.customer, CROWD.partitions) == shard
                seen[record.offset] = event.customer
                last = event.at
    assert sorted(seen) == list(range(700))
    assert len({seen[number] for number in range(300)}) == CROWD.customers
    assert all(seen[number] == seen[number + 300] for number in range(400))
