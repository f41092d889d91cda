"""The commands on a real Kafka, Redis and worker: what a person types from an empty cluster to a second calibration."""

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import redis
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.demo.counts import read_counts
from stream.embedded.ports import free_ports
from stream.scoring.calibration import Calibration
from stream.scoring.units import DAY
from stream.store.connection import connect

CUSTOMERS = 40
BEGAN = 1_700_000_000
WAIT_SECONDS_MAX = 180.0

pytestmark = pytest.mark.integration


class Shop:
    """Settings of one scorer, and the commands with them."""

    def __init__(self, kafka, redis_server, name, **changes):
        (self.port,) = free_ports(1)
        # All else is inherited: where machine code is kept, for one, or every worker would compile anew.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")} | {
            "STREAM_KAFKA": kafka.bootstrap,
            "STREAM_REDIS_URL": redis_server.url,
            "STREAM_TOPIC_PREFIX": f"{name}.",
            "STREAM_KEY_PREFIX": name,
            "STREAM_GROUP_ID": name,
            "STREAM_CLOCK": "event",
            "STREAM_PARTITIONS": "3",
            "STREAM_WEB_PORT": str(self.port),
            **changes,
        }

    def run(self, *words, code=0, **changes):
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli", *words],
            env=self.environment | changes,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *words):
        return json.loads(self.run(*words, "--json").stdout)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, {}


def eventually(holds):
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not (found := holds()):
        assert time.monotonic() < deadline, f"did not come to hold within {WAIT_SECONDS_MAX} s"
        time.sleep(0.1)
    return found


def orders():
    """Customer number k orders k times, every five days, for k euros; and what is no good order."""
    events = [
        {
            "topic": "orders",
            "event_id": f"e-{k}-{place}",
            "type": "order.completed",
            "customer_id": f"c-{k}",
            "order_id": f"o-{k}-{place}",
            "occurred_at": BEGAN + place * 5 * DAY // 1000,
            "amount": f"{k}.00",
            "currency": "EUR",
        }
        for k in range(1, CUSTOMERS + 1)
        for place in range(k)
    ]
    return sorted(events, key=lambda event: event["occurred_at"])


def test_from_an_empty_cluster_to_a_second_calibration(kafka, redis_server, tmp_path):
    shop = Shop(kafka, redis_server, "cli-shop")
    nothing_is_there(shop)
    topics_are_made(shop)
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "stream.cli", "worker"], env=shop.environment, stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        eventually(lambda: worker.poll() is not None or shop.get("/readyz")[0] == 200)
        a_file_is_replayed(shop, tmp_path)
        eventually(lambda: worker.poll() is not None or asyncio.run(is_done(shop)))
        customers_are_shown(shop)
        refused_records_are_shown(shop)
        a_calibration_is_made(shop, kafka)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0, (tmp_path / "worker.log").read_text()[-2000:]


async def is_done(shop):
    """Whether every order was applied, every timer looked at and every decision delivered."""
    client = connect(shop.environment["STREAM_REDIS_URL"])
    counts = await read_counts(client, "cli-shop", 3)
    await client.aclose()
    return counts.read == len(orders()) + 1 and counts.accounted and not counts.due and not counts.undelivered


def nothing_is_there(shop):
    done = shop.run("check", code=1)
    assert "missing: cli-shop.orders, " in done.stdout
    assert "scorer topics create" in shop.run("replay", os.devnull, code=1).stderr
    assert "scorer topics create" in shop.run("dead-letters", "list", code=1).stderr
    assert "shard" in shop.run("customer", "c-1", code=1).stderr
    assert "nothing to learn from" in shop.run("calibrate", code=1).stderr


def topics_are_made(shop):
    assert shop.run("topics", "create").stdout.count("created") == 11
    assert shop.run("topics", "create").stdout.count("exists") == 11
    other = shop.run("topics", "create", code=1, STREAM_PARTITIONS="5").stdout
    assert "differs  cli-shop.orders: has 3 partitions and must have 5" in other
    assert "has 3 partitions" in shop.run("replay", os.devnull, code=1, STREAM_PARTITIONS="5").stderr
    checked = shop.run("check").stdout
    assert checked.count("ok ") == 5
    assert "11 topics, 3 partitions each" in checked
    assert "append-only file on" in checked
    assert shop.run("dead-letters", "list").stdout == "There are no dead letters.\n"


def a_file_is_replayed(shop, tmp_path):
    lines = [json.dumps(event) for event in orders()]
    bad = json.dumps(orders()[0] | {"event_id": "bad", "order_id": "bad", "amount": "-5", "note": "\u001b[31m"})
    path = tmp_path / "orders.ndjson.gz"
    path.write_bytes(gzip.compress("\n".join(["no json", *lines[:10], "", bad, *lines[10:]]).encode()))
    done = shop.run("replay", str(path))
    assert done.stdout == f"{len(lines) + 1} events sent ({len(lines) + 1} orders), 1 lines skipped\n"
    assert done.stderr.startswith("line 1 is not JSON")


def customers_are_shown(shop):
    record = shop.json("customer", "c-7")
    assert (record["customer_id"], record["orders"], record["rfm"]["monetary"]) == ("c-7", 7, "49.00")
    assert shop.get("/v1/customers/c-7") == (200, record)
    assert "monetary: 49.00" in shop.run("customer", "c-7").stdout
    explained = shop.json("explain", "c-7")
    assert explained["said"]["tier"] == record["tier"]
    assert explained["churn"]["risk"] == record["churn"]["risk"]
    assert "value score = 100 · (" in shop.run("explain", "c-7").stdout
    assert "is not known" in shop.run("customer", "nobody", code=1).stderr
    assert shop.get("/v1/customers/nobody")[0] == 404


def refused_records_are_shown(shop):
    (refused,) = shop.json("dead-letters", "list")
    assert (refused["topic"], refused["field"], refused["customer_id"]) == ("cli-shop.orders", "amount", "c-1")
    shown = shop.run("dead-letters", "list", "--limit", "5").stdout
    assert shown.startswith(f"cli-shop.orders {refused['partition']}@{refused['offset']}  amount: ")
    assert "\u001b" not in shown


def a_calibration_is_made(shop, kafka):
    tried = shop.json("calibrate", "--dry-run")
    assert (tried["published"], tried["calibration"]["number"], tried["calibration"]["customers"]) == (False, 2, 40)
    assert tried["moves"]["customers"] == CUSTOMERS
    assert "number 1, shipped" in shop.run("check").stdout
    made = shop.json("calibrate")
    assert made["published"]
    assert made["calibration"]["rfm"] == tried["calibration"]["rfm"]
    eventually(lambda: shop.get("/v1/customers/c-7")[1].get("calibration") == 2)
    assert "number 2, from 40 customers" in shop.run("check").stdout
    # Those who were to move have moved, so a second dry run finds fewer to move by the same edges.
    eventually(lambda: shop.json("calibrate", "--dry-run")["moves"]["moved"] == 0)
    documents = asyncio.run(read_all(kafka.bootstrap, "cli-shop.calibrations"))
    assert {number: Calibration.from_json(document).number for number, document in documents} == {b"1": 1, b"2": 2}


async def read_all(bootstrap, topic):
    tp = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        found = []
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [(record.key, record.value) for record in records]
        return found


def test_an_unsafe_redis_is_told(kafka, redis_server):
    shop = Shop(kafka, redis_server, "cli-redis")
    client = redis.Redis.from_url(redis_server.url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "maxmemory-policy allkeys-lru may delete customers" in shop.run("check", code=1).stdout
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()


def test_a_worker_whose_port_is_taken_says_so(kafka, redis_server, tmp_path):
    shop = Shop(kafka, redis_server, "cli-port")
    shop.run("topics", "create")
    with socket.create_server(("127.0.0.1", shop.port)):
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli", "worker"],
            env=shop.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
    assert done.returncode != 0
    assert "STREAM_WEB_PORT" in done.stdout + done.stderr
