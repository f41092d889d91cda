"""The loaders of public purchases: their counts, and what becomes of the hard lines."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from tests.datasets import cdnow, online_retail
from tests.oracle.reading import read

HEADING = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def test_cdnow_is_whole():
    data = cdnow.load()
    assert data.counts == cdnow.Counts(
        lines=69_659,
        orders=69_659,
        customers=23_570,
        free_orders=80,
        same_day_orders=3_842,
        orders_per_customer_max=217,
    )
    check(data.events["orders"])
    assert sum(Decimal(event["amount"]) for event in data.events["orders"]) == Decimal("2500315.63")


def test_cdnow_sample_is_that_of_the_papers():
    counts = cdnow.load("sample").counts
    assert (counts.lines, counts.customers) == (6_919, 2_357)


def test_cdnow_keeps_orders_of_one_day_apart():
    rows = [["7", "19970102", "1", "5.00"], ["7", "19970101", "1", "0.00"], ["7", "19970102", "2", "5.00"]]
    data = cdnow.build(rows)
    assert [(event["order_id"], event["occurred_at"]) for event in data.events["orders"]] == [
        ("7-19970101-0", "1997-01-01T12:00:00Z"),
        ("7-19970102-0", "1997-01-02T12:00:00Z"),
        ("7-19970102-1", "1997-01-02T12:00:01Z"),
    ]
    assert (data.counts.free_orders, data.counts.same_day_orders) == (1, 2)


def test_online_retail_is_whole(shared_data):
    data = online_retail.load(shared_data)
    assert data.counts == online_retail.Counts(
        lines=541_909,
        lines_without_customer=135_080,
        lines_without_price=40,
        lines_without_quantity=0,
        refund_lines=8_905,
        refund_lines_of_an_invoice_with_the_goods=7_485,
        refund_lines_of_an_earlier_invoice=1_013,
        refund_lines_of_nothing_known=407,
        orders=18_536,
        free_orders=4,
        refunds=4_391,
        refunds_of_nothing_known=200,
        refund_invoices=3_654,
        customers=4_372,
        customers_without_order=33,
        orders_per_customer_max=210,
    )
    check(data.events["orders"])
    types = Counter(event["type"] for event in data.events["orders"])
    assert types == {"order.completed": 18_536, "order.refunded": 4_391}


def test_online_retail_links_what_is_given_back():
    lines = [
        HEADING,
        "1,A,lamp,3,2011-01-01 08:00:00,2.50,c,UK",
        "1,P,pads,5,2011-01-01 08:01:00,0.001,c,UK",
        "2,A,lamp,1,2011-01-02 08:00:00,2.50,c,UK",
        "2,F,free,1,2011-01-02 08:00:00,0,c,UK",
        "3,B,bowl,1,2011-01-03 08:00:00,9.00,c,UK",
        "4,A,lamp,9,2011-01-04 08:00:00,2.50,,UK",
        # One lamp from the latest invoice that has one left, one more from the one before; a bowl beside it.
        "C5,A,lamp,-1,2011-01-05 08:00:00,2.50,c,UK",
        "C5,A,lamp,-1,2011-01-05 08:00:00,2.50,c,UK",
        "C5,B,bowl,-1,2011-01-05 08:00:00,9.00,c,UK",
        # Never bought: the latest invoice. Before the first invoice: nothing known.
        "C6,X,vase,-1,2011-01-06 08:00:00,4.00,c,UK",
        "C0,A,lamp,-1,2010-12-31 08:00:00,2.50,c,UK",
    ]
    data = online_retail.build(lines)
    told = [(event["event_id"], event["order_id"], event["amount"]) for event in data.events["orders"]]
    assert told == [
        ("refund-C0-C0", "C0", "2.50"),
        ("order-1", "1", "7.50"),
        ("order-2", "2", "2.50"),
        ("order-3", "3", "9.00"),
        ("refund-C5-1", "1", "2.50"),
        ("refund-C5-2", "2", "2.50"),
        ("refund-C5-3", "3", "9.00"),
        ("refund-C6-3", "3", "4.00"),
    ]
    counts = data.counts
    assert (counts.lines, counts.lines_without_customer, counts.lines_without_price) == (11, 1, 1)
    assert counts.refund_lines_of_an_invoice_with_the_goods == 3
    assert (counts.refund_lines_of_an_earlier_invoice, counts.refund_lines_of_nothing_known) == (1, 1)


def test_absent_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="online_retail"):
        online_retail.load(tmp_path)


def check(events):
    """Every event can be read, no id comes twice, and time never goes back."""
    moments = [read("orders", event).at for event in events]
    assert moments == sorted(moments)
    assert len({event["event_id"] for event in events}) == len(events)
    bought = [event["order_id"] for event in events if event["type"] == "order.completed"]
    assert len(set(bought)) == len(bought)
