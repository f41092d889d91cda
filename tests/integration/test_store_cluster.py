"""The same store on a Redis Cluster of two nodes, also while a slot moves between them."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from redis import Redis

from stream.embedded import EmbeddedRedis
from stream.embedded.ports import free_ports
from stream.state.packed import Records, pack_records, pack_timers
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.errors import StoreUnavailable
from stream.store.keys import Keys
from stream.store.shard_reads import BEGINNING
from stream.store.shard_store import ShardStore, new_owner

SLOTS = 16_384
BUS_OFFSET = 10_000  # the nodes talk to each other on their port plus this
WAIT_SECONDS = 120.0
BUNDLE = b"SCB1\1\0\0\0message"
_numbers = itertools.count()

pytestmark = pytest.mark.integration


def _port():
    return next(port for port in iter(lambda: free_ports(1)[0], None) if port + BUS_OFFSET < 65_536)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    settings = {"cluster-enabled": "yes", "cluster-node-timeout": "2000"}
    with (
        EmbeddedRedis(tmp_path_factory.mktemp("one"), port=_port(), settings=settings) as one,
        EmbeddedRedis(tmp_path_factory.mktemp("two"), port=_port(), settings=settings) as two,
        Redis.from_url(one.url) as first,
        Redis.from_url(two.url) as second,
    ):
        first.execute_command("CLUSTER", "ADDSLOTS", *range(SLOTS // 2))
        second.execute_command("CLUSTER", "ADDSLOTS", *range(SLOTS // 2, SLOTS))
        first.execute_command("CLUSTER", "MEET", "127.0.0.1", two.port)
        yield one, two


@pytest.fixture
async def cluster(nodes):
    async with asyncio.timeout(WAIT_SECONDS):
        while not all(map(_formed, nodes)):  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.05)
    client = connect(nodes[0].url.replace("redis://", "redis+cluster://"), retries=1, retry_base_seconds=0.01)
    yield client
    await client.aclose()


def _formed(node):
    with Redis.from_url(node.url) as redis:
        state = redis.execute_command("CLUSTER", "INFO").decode()
    return "cluster_state:ok" in state and "cluster_known_nodes:2" in state


def commit_of(customer, expected=-1):
    return Commit(
        positions=[("orders", expected, expected + 1)],
        records=pack_records([(customer, b"record")]),
        timers=pack_timers([(customer, 5)]),
        histograms={"f:1": 1},
        cells={"r:h:1": {"orders": 1}},
        counters={"applied": 1},
        outbox=[BUNDLE],
    )


async def test_shards_on_both_nodes_commit_load_and_trim(cluster):
    prefix = f"cluster-{next(_numbers)}"
    used = set()
    for shard in range(6):
        store = ShardStore(cluster, Keys(prefix, shard), new_owner())
        await store.claim(1)
        await store.commit(commit_of("c-1"))
        assert await store.load(["c-1", "c-2"]) == [b"record", None]
        assert await store.due(6, 10) == ["c-1"]
        assert await store.scan(BEGINNING, 10) == (BEGINNING, ["c-1"])
        assert await store.histograms() == {"f:1": 1}
        head = await store.head(10)
        assert head.entries == [BUNDLE]
        assert await store.trim(head.marks) == 1
        assert (await store.refresh()).positions == {"orders": 0}
        used.add(cluster.get_node_from_key(store.keys.meta).port)
    assert len(used) == 2


async def test_more_commands_than_connections_wait_for_one(nodes, cluster):
    del cluster  # it has waited until the nodes serve
    waits = []
    url = nodes[0].url.replace("redis://", "redis+cluster://")
    client = connect(url, connections_max=2, connections_busy=lambda: waits.append(1))
    try:
        prefix = f"cluster-{next(_numbers)}"
        shards = [ShardStore(client, Keys(prefix, shard), new_owner()) for shard in range(10)]
        await asyncio.gather(*(shard.claim(1) for shard in shards))
        assert await asyncio.gather(*(shard.commit(commit_of("c-1")) for shard in shards)) == [1] * len(shards)
    finally:
        await client.aclose()
    assert waits


async def test_nothing_is_half_written_while_a_slot_moves(nodes, cluster):
    keys = Keys(f"cluster-{next(_numbers)}", 1)
    store = ShardStore(cluster, keys, new_owner())
    await store.claim(1)
    await store.commit(commit_of("c-1"))
    slot = cluster.keyslot(keys.meta)
    here, there = nodes if slot < SLOTS // 2 else nodes[::-1]
    with Redis.from_url(here.url) as source, Redis.from_url(there.url) as target:
        source_id, target_id = source.execute_command("CLUSTER", "MYID"), target.execute_command("CLUSTER", "MYID")
        target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        _migrate(source, there, [keys.records])
        before = _dump(source, slot), _dump(target, slot)

        # Everything else is still there; only the records have moved.
        for commit in (commit_of("c-1", 0), commit_of("new", 0), Commit(forget=["c-1"])):
            with pytest.raises(StoreUnavailable):
                await store.commit(commit)
        assert (_dump(source, slot), _dump(target, slot)) == before
        for customers in (["c-1", "c-2"], ["c-2", "c-1"]):
            with pytest.raises(StoreUnavailable):
                await store.load(customers)

        _migrate(source, there, source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000))
        for node in (target, source):
            node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        await store.refresh()
        await store.commit(commit_of("c-3", 0))
        assert await store.load(["c-1", "c-3"]) == [b"record", b"record"]
        assert await store.load(["c-1"]) == [b"record"]


async def test_a_shard_is_read_and_written_in_a_moving_slot_as_long_as_all_of_it_is_there(nodes, cluster):
    prefix = f"cluster-{next(_numbers)}"
    store, empty = (ShardStore(cluster, Keys(f"{prefix}{name}", 2), new_owner()) for name in ("whole", "empty"))
    for one in (store, empty):
        await one.claim(1)
    await store.commit(commit_of("c-1"))
    await store.commit(commit_of("c-2", 0))
    await empty.commit(replace(commit_of("c-1"), records=Records()))
    slot = cluster.keyslot(store.keys.meta)
    assert slot == cluster.keyslot(empty.keys.meta)
    here, there = nodes if slot < SLOTS // 2 else nodes[::-1]
    with Redis.from_url(here.url) as source, Redis.from_url(there.url) as target:
        source_id, target_id = source.execute_command("CLUSTER", "MYID"), target.execute_command("CLUSTER", "MYID")
        target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        try:
            assert await store.load(["c-1", "never was"]) == [b"record", None]
            await store.commit(commit_of("c-3", 1))
            assert await store.load(["c-3"]) == [b"record"]
            # Records that are not here may have moved already, so nobody is taken for unknown or for the first.
            before = _dump(source, slot)
            with pytest.raises(StoreUnavailable):
                await empty.load(["c-1"])
            with pytest.raises(StoreUnavailable):
                await empty.commit(Commit(records=pack_records([("c-1", b"record")])))
            assert _dump(source, slot) == before
        finally:
            for node in (source, target):
                node.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")


def _migrate(source, there, keys):
    source.execute_command("MIGRATE", "127.0.0.1", there.port, "", 0, 5000, "KEYS", *keys)


def _dump(node, slot):
    found = {}
    with node.client() as one:  # ASKING holds for the next command of the same connection
        for name in sorted(one.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000)):
            one.execute_command("ASKING")
            found[name] = one.execute_command("DUMP", name)
    return found
