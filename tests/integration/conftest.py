"""One Kafka and one Redis for all integration tests of a run; each test takes topics and keys of its own."""

import pytest

from stream.embedded import EmbeddedKafka, EmbeddedRedis


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


def pytest_collection_modifyitems(items):
    """Whatever asks for one of the servers is an integration test, without saying so."""
    for item in items:
        if {"kafka", "redis_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
