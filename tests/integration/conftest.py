"""One Kafka and one Redis for all integration tests of a run; each test takes topics and keys of its own."""

from uuid import uuid4

import pytest

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.store.connection import connect
from stream.store.keys import Keys
from stream.store.shard_store import ShardStore, new_owner
from stream.transport.warm_up import warm_up
from tests.integration.transport_kit import PARTITIONS
from tests.kit.topics import make_counted


@pytest.fixture(scope="session", autouse=True)
def native_code():
    """Compiled before a worker is started: how long that takes is not what tests wait for."""
    warm_up()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def redis(redis_server):
    """A client of the state that soon gives up."""
    client = connect(redis_server.url, retries=1, retry_base_seconds=0.01)
    yield client
    await client.aclose()


@pytest.fixture
def keys():
    """Keys of a shard that no other test has."""
    return Keys(f"t{uuid4().hex[:8]}", 3)


@pytest.fixture
async def shard(redis, keys):
    """A shard with nothing in it, claimed."""
    store = ShardStore(redis, keys, new_owner())
    await store.claim(1)
    return store


@pytest.fixture
def names():
    """Four topics that no other test has, and that are not there."""
    prefix = uuid4().hex[:8]
    return tuple(f"{prefix}-{name}" for name in ("orders", "interactions", "profiles", "privacy"))


@pytest.fixture
async def topics(kafka, names):
    """Four topics that no other test has, and that are empty."""
    await make_counted(kafka.bootstrap, dict.fromkeys(names, PARTITIONS))
    return names


@pytest.fixture
def group():
    """A consumer group that no other test has."""
    return f"g-{uuid4().hex[:8]}"


def pytest_collection_modifyitems(items):
    """Whatever asks for one of the servers is an integration test, without saying so."""
    for item in items:
        if {"kafka", "redis_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
