"""Ten thousand records that nobody can read, among ten thousand that are good: each costs itself and nothing else."""

from __future__ import annotations

import base64
import random
import string
from collections import Counter

import orjson
import pytest

from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.times import parse_time
from tests.kit.live import Look, sent
from tests.kit.memory import Record
from tests.kit.place import PARTITIONS, Place, fill, topics_of
from tests.kit.verdict import differences, expected_of
from tests.kit.workers import workers
from tests.oracle import shard_of

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

BAD = 10_000
GOOD = 10_000
#: Few of these: they are a gigabyte for each thousand.
LARGE = 24
MEGABYTE = 1 << 20
START = parse_time("2024-01-01T00:00:00Z")


def good(number, customer):
    return {
        "event_id": f"e-{number}",
        "type": "order.completed",
        "customer_id": customer,
        "order_id": f"o-{number}",
        "occurred_at": START // 1000 + 600 * number,
        "amount": f"{number % 7_000 / 100:.2f}",
        "currency": "EUR",
        "channel": "web",
    }


def view(number, customer):
    return {
        "event_id": f"v-{number}",
        "type": "feedback.nps",
        "customer_id": customer,
        "occurred_at": START // 1000 + 600 * number + 1,
        "score": number % 11,
    }


def changed(**fields):
    return lambda event, _: orjson.dumps(event | fields)


def without(field):
    return lambda event, _: orjson.dumps({name: value for name, value in event.items() if name != field})


#: What is wrong, and the fields that may be named for it.
KINDS = {
    "random bytes": (lambda _, rng: rng.randbytes(rng.randint(1, 300)), {"value"}),
    "truncated": (lambda event, rng: orjson.dumps(event)[: rng.randint(1, 100)], {"value"}),
    "amount is a list": (changed(amount=[1]), {"amount"}),
    "customer is a number": (changed(customer_id=7), {"customer_id"}),
    "type unknown": (changed(type="order.eaten"), {"type"}),
    "no order": (without("order_id"), {"order_id"}),
    "negative": (changed(amount="-0.01"), {"amount"}),
    "not a number": (changed(amount="NaN"), {"amount"}),
    "empty id": (changed(event_id=""), {"event_id"}),
    "empty customer": (changed(customer_id=""), {"customer_id"}),
    "currency": (changed(currency="DOGE"), {"currency"}),
    "1900": (changed(occurred_at="1900-01-01T00:00:00Z"), {"occurred_at"}),
    "2999": (changed(occurred_at="2999-01-01T00:00:00Z"), {"occurred_at"}),
    "no zone": (changed(occurred_at="2024-01-01T00:00:00"), {"occurred_at"}),
    "a list": (lambda event, _: orjson.dumps([event]), {"value"}),
    "null": (lambda _, __: None, {"value"}),
    "empty": (lambda _, __: b"", {"value"}),
    "wrong key": (lambda event, _: orjson.dumps(event), {"key"}),
    "no key": (lambda event, _: orjson.dumps(event), {"key"}),
}


def large(event, rng):
    """A megabyte of text, every other one in the right form around it."""
    text = "".join(rng.choices(string.ascii_letters, k=1_000)) * (MEGABYTE // 1_000)
    return orjson.dumps(event | {"note": text}) if rng.random() < 0.5 else text.encode()


def burst(seed=11):
    """Logs of good and bad records, what the good ones are, and the bad ones by place."""
    rng = random.Random(seed)
    customers = [f"c-{k}" for k in range(400)]
    logs = {shard: {"orders": [], "interactions": []} for shard in range(PARTITIONS)}
    events = {"orders": [], "interactions": []}
    bad = {}
    names = ["large"] * LARGE + [name for name, _ in zip(list(KINDS) * BAD, range(BAD - LARGE), strict=False)]
    plan = names + [None] * GOOD
    rng.shuffle(plan)
    for number, name in enumerate(plan):
        customer = rng.choice(customers)
        shard = shard_of(customer, PARTITIONS)
        topic = "interactions" if name is None and number % 5 == 0 else "orders"
        log = logs[shard][topic]
        event = view(number, customer) if topic == "interactions" else good(number, customer)
        key, value = customer.encode(), orjson.dumps(event)
        if name is None:
            events[topic].append(event)
        else:
            make, fields = (large, {"value"}) if name == "large" else KINDS[name]
            value = make(event, rng)
            key = {"wrong key": b"somebody else", "no key": None}.get(name, key)
            bad[topic, shard, len(log)] = (name, fields, key, value)
        log.append(Record(len(log), 0, key, value))
    return logs, events, bad


async def test_ten_thousand_bad_records_cost_only_themselves(kafka, redis_server, tmp_path):
    logs, events, bad = burst()
    assert len(bad) == BAD
    place = Place(kafka.bootstrap, redis_server.url)
    look = Look(place, logs)
    try:
        async with topics_of(place, **{"max.message.bytes": str(2 * MEGABYTE)}):
            await fill(place, logs)
            with workers(place, tmp_path) as crew:
                await look.settle(crew)
                assert crew[0].stop() == 0
            kept, messages = await look.read(), await sent(place)
    finally:
        await look.close()

    # The oracle is given the good ones only.
    assert differences(kept, messages, expected_of(events, "EUR"), dead_letters=BAD) == {}
    assert kept.counters["applied"] == GOOD

    letters = [read_dead_letter(message.value) for message in messages if message.type == "record.refused"]
    prefix = place.topics.prefix
    by_place = {(letter.topic.removeprefix(prefix), letter.partition, letter.offset): letter for letter in letters}
    assert len(letters) == len(by_place) == BAD
    assert by_place.keys() == bad.keys()
    for where, (name, fields, key, value) in bad.items():
        letter = by_place[where]
        assert letter.field in fields, (name, letter.field, letter.reason)
        assert letter.reason
        assert letter.topic == f"{place.topics.prefix}orders"
        whole = name != "large"
        assert letter.truncated is not whole
        assert bytes_of(letter.key) == key
        assert letter.value_bytes == (len(value) if value is not None else letter.value_bytes)
        found = bytes_of(letter.value)
        assert found == value if whole else value.startswith(found), name
    reasons = Counter((name, by_place[where].reason) for where, (name, *_) in bad.items())
    assert len(reasons) > len(KINDS)


def bytes_of(text):
    return base64.b64decode(text) if isinstance(text, str) else None
