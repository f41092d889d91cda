"""R's rfm 0.3 on its own sample data, customer by customer, and what happens at an edge."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import date

import numpy as np
import pytest

from stream.scoring.quantiles import FIFTHS, recency_bucket, recency_edges
from stream.scoring.rfm import (
    CELLS,
    Edges,
    bin_shares,
    cell,
    compile_edges,
    edges_from_quantiles,
    next_recency_fall,
    scores,
)
from stream.scoring.segments import compile_segments
from stream.scoring.units import DAY, NEVER, SECOND

from .models import EDGES, TABLES

ANALYSIS_DATE = date(2006, 12, 31)

# The published table of R's rfm: customers, orders, revenue.
GROUPS = {
    "Champions": (35, 316, 31646),
    "Potential Loyalist": (342, 2211, 204856),
    "Loyal Customers": (170, 799, 76562),
    "Promising": (9, 28, 4249),
    "New Customers": (104, 329, 28837),
    "Can't Lose Them": (47, 274, 32446),
    "At Risk": (28, 216, 22227),
    "Need Attention": (10, 57, 4562),
    "About To Sleep": (102, 283, 23449),
    "Lost": (148, 393, 35324),
}


@pytest.fixture(scope="module")
def figures(shared_data):
    """Recency in days, orders and revenue of each customer, from the orders."""
    dates, amounts = defaultdict(list), defaultdict(list)
    with (shared_data / "rfm_r" / "rfm_data_orders.csv").open(encoding="utf-8") as orders:
        for order in csv.DictReader(orders):
            dates[order["customer_id"]].append(date.fromisoformat(order["order_date"]))
            amounts[order["customer_id"]].append(int(order["revenue"]))
    return {
        customer: ((ANALYSIS_DATE - max(dates[customer])).days, len(dates[customer]), sum(amounts[customer]))
        for customer in dates
    }


@pytest.fixture(scope="module")
def expected(shared_data):
    with (shared_data / "rfm_r" / "rfm_orders_expected_scores.csv").open(encoding="utf-8") as rows:
        return {row["customer_id"]: row for row in csv.DictReader(rows)}


@pytest.fixture(scope="module")
def scored(figures):
    """Scores with edges that are made from the figures themselves."""
    columns = np.array(list(figures.values()), dtype=float).T
    edges = Edges(*(edges_from_quantiles(np.quantile(column, FIFTHS).tolist()) for column in columns))
    table = compile_edges(edges)
    return edges, {
        customer: scores(days * DAY, orders, revenue, table) for customer, (days, orders, revenue) in figures.items()
    }


@pytest.mark.golden
def test_edges_are_those_of_r(scored):
    edges, _ = scored
    assert edges.recency_days == pytest.approx((115, 181, 297.4, 482))
    assert edges.frequency == pytest.approx((4, 5, 6, 8))
    assert edges.monetary_minor == pytest.approx((255.8, 382, 506.4, 666))


@pytest.mark.golden
def test_every_customer_scores_as_in_r(scored, expected):
    _, ours = scored
    theirs = {
        customer: tuple(int(row[f"{axis}_score"]) for axis in ("recency", "frequency", "monetary"))
        for customer, row in expected.items()
    }
    assert len(theirs) == 995
    assert ours == theirs


@pytest.mark.golden
def test_every_customer_is_in_the_segment_of_r(scored, expected):
    names = compile_segments(TABLES["rfm_r"])
    ours = {customer: names[cell(*three)] for customer, three in scored[1].items()}
    assert ours == {customer: row["segment"] for customer, row in expected.items()}


@pytest.mark.golden
def test_segment_totals_are_those_of_r(scored, figures):
    names = compile_segments(TABLES["rfm_r"])
    customers, orders, revenue = Counter(), Counter(), Counter()
    for customer, three in scored[1].items():
        segment = names[cell(*three)]
        customers[segment] += 1
        orders[segment] += figures[customer][1]
        revenue[segment] += figures[customer][2]
    assert {segment: (customers[segment], orders[segment], revenue[segment]) for segment in customers} == GROUPS


def test_a_cell_is_its_place_in_the_list_of_cells():
    assert [cell(*three) for three in CELLS] == list(range(125))


@pytest.mark.parametrize("days", [14, 30, 60, 120])
def test_recency_falls_at_the_edge_and_not_a_millisecond_before(days):
    before, _, _ = scores(days * DAY - 1, 1, 0, EDGES)
    at, _, _ = scores(days * DAY, 1, 0, EDGES)
    assert at == before - 1


def test_monetary_and_frequency_rise_at_the_edge():
    assert scores(0, 3, 4_999, EDGES) == (5, 2, 1)
    assert scores(0, 4, 5_000, EDGES) == (5, 3, 2)


def test_an_empty_window_scores_lowest_however_recent_the_last_order():
    assert scores(0, 0, 10**9, EDGES) == (1, 1, 1)


def test_an_edge_one_rounding_error_above_whole_days_is_whole_days():
    noisy = float(np.nextafter(297.4, 300))
    assert compile_edges(Edges((1, 2, noisy, 400), (1, 2, 3, 4), (1, 2, 3, 4))).age_ms[2] == 25_695_360_000


def test_no_fall_at_a_calibrated_edge_is_lost():
    """Edges come from interpolation. As days in doubles, a fall was often not there yet when its timer fired."""
    counts = {recency_bucket(day * DAY + day * day * SECOND): 1 + day % 3 for day in range(1, 300)}
    edges = recency_edges(counts, 300 * DAY)
    table = compile_edges(Edges(edges, (1, 2, 3, 4), (1, 2, 3, 4)))
    for last_at in range(0, DAY, 3_601 * SECOND):
        as_of = last_at
        for left in (4, 3, 2, 1):
            as_of = next_recency_fall(last_at, as_of, table)
            assert scores(as_of - last_at, 1, 0, table)[0] == left


def test_recency_never_falls_from_the_lowest_score():
    assert next_recency_fall(0, 120 * DAY, EDGES) == NEVER
    assert next_recency_fall(0, 120 * DAY - SECOND, EDGES) == 120 * DAY


@pytest.mark.parametrize("edges", [(1, 2, 4, 3), (1, 2, 3, float("nan")), (1, 2, 3, float("inf"))])
def test_edges_that_fall_or_are_no_numbers_are_refused(edges):
    with pytest.raises(ValueError, match="frequency"):
        Edges((1, 2, 3, 4), edges, (1, 2, 3, 4))


def test_bin_shares_show_a_score_that_ties_left_empty():
    table = compile_edges(Edges((1, 2, 3, 4), (2, 2, 3, 9), (1, 2, 3, 4)))
    shares = bin_shares(scores(0, orders, 0, table)[1] for orders in (1, 1, 2, 5))
    assert shares == (0.5, 0, 0.25, 0.25, 0)
    assert bin_shares([]) == (0, 0, 0, 0, 0)
