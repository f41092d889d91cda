"""The embedded Kafka and Redis are real, keep what they were given, and leave nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.embedded import EmbeddedKafka, EmbeddedRedis, KafkaFailed, RedisFailed
from stream.embedded.ports import free_ports
from tests.kit.topics import make_counted

pytestmark = pytest.mark.integration

WAIT_SECONDS_MAX = 120.0


def eventually(holds, seconds_max=WAIT_SECONDS_MAX):
    """Look until it holds; the deadline is for the day it never does."""
    deadline = time.monotonic() + seconds_max
    while not holds():
        assert time.monotonic() < deadline, f"did not come to hold within {seconds_max} s"
        time.sleep(0.02)


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that ended but was not waited for by its parent still has a number.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


async def write(bootstrap, topic, values, timestamp_ms=None):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value, timestamp_ms=timestamp_ms)


async def read(bootstrap, topic, count):
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        values = []
        while len(values) < count:
            polled = await asyncio.wait_for(consumer.getmany(partition, timeout_ms=1000), WAIT_SECONDS_MAX)
            values += [record.value for records in polled.values() for record in records]
        return values


async def test_kafka_serves_what_it_was_given_at_once(kafka):
    await make_counted(kafka.bootstrap, {"embedded-first": 1})
    await write(kafka.bootstrap, "embedded-first", [b"one", b"two"])
    assert await read(kafka.bootstrap, "embedded-first", 2) == [b"one", b"two"]


async def test_kafka_keeps_records_of_long_ago(kafka):
    await make_counted(kafka.bootstrap, {"embedded-old": 1})
    await write(kafka.bootstrap, "embedded-old", [b"1999"], timestamp_ms=915_148_800_000)
    assert await read(kafka.bootstrap, "embedded-old", 1) == [b"1999"]


async def test_kafka_runs_transactions(kafka):
    await make_counted(kafka.bootstrap, {"embedded-transactions": 1})
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id="embedded") as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait("embedded-transactions", b"whole")
    assert await read(kafka.bootstrap, "embedded-transactions", 1) == [b"whole"]


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "kill -9"])
async def test_kafka_keeps_its_data_and_its_port(tmp_path, crash):
    with EmbeddedKafka(tmp_path) as server:
        bootstrap = server.bootstrap
        await make_counted(bootstrap, {"kept": 1})
        await write(bootstrap, "kept", [b"before"])
        if crash:
            server.kill()
            assert not server.running
            server.start()
        else:
            server.restart()
        assert server.bootstrap == bootstrap
        await write(bootstrap, "kept", [b"after"])
        assert await read(bootstrap, "kept", 2) == [b"before", b"after"]


async def test_kafka_keeps_its_data_for_the_next_program_on_another_port(tmp_path):
    with EmbeddedKafka(tmp_path) as first:
        await make_counted(first.bootstrap, {"kept": 1})
        await write(first.bootstrap, "kept", [b"before"])
    (port,) = free_ports(1)
    with EmbeddedKafka(tmp_path, port=port) as second:
        assert second.bootstrap == f"127.0.0.1:{port}"
        assert await read(second.bootstrap, "kept", 1) == [b"before"]


def test_kafka_quotes_its_log_when_a_setting_is_wrong(tmp_path):
    server = EmbeddedKafka(tmp_path, properties={"num.io.threads": "none"})
    with pytest.raises(KafkaFailed, match=r"num\.io\.threads"):
        server.start()
    assert not server.running


def test_redis_answers(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()
        assert client.config_get("appendonly")["appendonly"] == "yes"
        assert client.config_get("bind")["bind"] == "127.0.0.1"


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "kill -9"])
def test_redis_keeps_its_data_and_its_port(crash):
    with EmbeddedRedis(appendfsync="always") as server:
        url = server.url
        with redis.Redis.from_url(url) as client:
            client.set("kept", "yes")
        if crash:
            server.kill()
            server.start()
        else:
            server.restart()
        assert server.url == url
        with redis.Redis.from_url(url) as client:
            assert client.get("kept") == b"yes"


def test_redis_takes_further_settings():
    with EmbeddedRedis(settings={"maxmemory": "100mb"}) as server, redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory")["maxmemory"] == str(100 * 1024 * 1024)


def test_a_temporary_directory_is_removed_and_a_named_one_is_kept(tmp_path):
    with EmbeddedRedis() as temporary, EmbeddedRedis(tmp_path / "named") as named:
        gone = temporary.directory
        assert gone.exists()
    assert not gone.exists()
    assert (tmp_path / "named" / "data").exists()
    assert "ready" in named.log_file.read_text().lower()


def test_two_servers_do_not_share_a_directory(tmp_path):
    with EmbeddedRedis(tmp_path), pytest.raises(RedisFailed, match="Another Redis is running on"):
        EmbeddedRedis(tmp_path).start()


def test_a_taken_port_is_said(tmp_path):
    with EmbeddedRedis() as first:
        with pytest.raises(RedisFailed, match=f"cannot listen on port {first.port}: Address already in use"):
            EmbeddedRedis(tmp_path, port=first.port).start()
        assert first.running


def test_a_server_that_ended_by_itself_is_noticed():
    with EmbeddedRedis() as server:
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.running)
        with pytest.raises(RedisFailed, match="ended by itself with exit code -9"):
            server.check()


def test_servers_die_with_the_program_that_started_them():
    program = textwrap.dedent("""
        from stream.embedded import EmbeddedRedis
        server = EmbeddedRedis().start()
        print(server.pid, server.directory, flush=True)
        input()
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as parent:
        pid, directory = parent.stdout.readline().split()
        assert exists(int(pid))
        parent.kill()
    eventually(lambda: not exists(int(pid)))
    eventually(lambda: not Path(directory).exists())


def test_up_prints_the_two_settings_and_stops_both_when_asked(tmp_path):
    program = "from pathlib import Path; from stream.embedded import up; up(None, None, Path('.'))"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=-1, text=True, cwd=tmp_path
    ) as parent:
        settings = dict(parent.stdout.readline().strip().split("=", 1) for _ in range(2))
        assert set(settings) == {"STREAM_KAFKA", "STREAM_REDIS_URL"}
        with redis.Redis.from_url(settings["STREAM_REDIS_URL"]) as client:
            assert client.ping()
        parent.terminate()
        assert parent.wait(WAIT_SECONDS_MAX) == 0
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(settings["STREAM_REDIS_URL"], retry=None).ping()
    assert (tmp_path / "kafka" / "data" / "meta.properties").exists()


def test_kafka_takes_a_cluster_id_that_looks_like_an_option(tmp_path, monkeypatch):
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xf8" * 16))
    with EmbeddedKafka(tmp_path) as server:
        assert server.running
