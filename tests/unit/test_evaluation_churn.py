"""The walk knows nothing of the future, counts areas as they are defined, and its page has the tables it makes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from stream.contracts.times import parse_time
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY
from stream.simulate.spec import Spec
from tests.evaluation.churn import __main__ as command
from tests.evaluation.churn import figures, histories
from tests.evaluation.churn.figures import area, measure
from tests.evaluation.churn.histories import read
from tests.evaluation.churn.page import as_block
from tests.evaluation.churn.rivals import OURS, scores
from tests.evaluation.churn.truth import against_truth, simulated
from tests.evaluation.churn.walk import walk
from tests.kit import datasets

POLICY = default_policy()
HORIZON, WINDOW = POLICY.churn.horizon_days * DAY, POLICY.window_ms
SMALL = Spec(customers=250, days=360, start=parse_time("2023-01-01T00:00:00Z"))


@pytest.fixture(scope="module")
def small():
    events, left = simulated(SMALL)
    found = read("simulate", events, HORIZON, WINDOW)
    return events, left, found, walk(found, POLICY, 120, 60)


def test_the_future_plays_no_part(small):
    """Where nearly nobody does anything after a moment, everything said before it is said all the same."""
    events, _, found, whole = small
    cut = SMALL.start + 270 * DAY
    one = events["orders"][-1]["customer_id"]
    before = {
        topic: [event for event in of_topic if event["customer_id"] == one or parse_time(event["occurred_at"]) <= cut]
        for topic, of_topic in events.items()
    }
    turned = read("turned", before, HORIZON, WINDOW)
    ends = min(found.end, turned.end) - HORIZON
    assert cut < ends
    said = [(scored.moment.facts, scored.logit) for scored in whole.scored if scored.moment.facts.at <= cut]
    again = walk(turned, POLICY, 120, 60).scored
    assert len(said) > 300
    assert said == [(scored.moment.facts, scored.logit) for scored in again if scored.moment.facts.at <= cut]
    assert [scored.moment.gone for scored in whole.scored] != [scored.moment.gone for scored in again]


def test_moments_are_labelled_by_the_orders_of_the_next_horizon(small):
    events, _, found, _ = small
    orders: dict[str, list[int]] = {}
    for event in events["orders"]:
        if event["type"] == "order.completed":
            orders.setdefault(event["customer_id"], []).append(parse_time(event["occurred_at"]))
    customers = sorted({event["customer_id"] for topic in ("orders", "interactions") for event in events[topic]})
    agree = [
        moment.gone
        == (not any(moment.facts.at < at <= moment.facts.at + HORIZON for at in orders[customers[moment.customer]]))
        for moment in found.moments
    ]
    # Orders that were taken back do not count; they are few.
    assert len(agree) > 500
    assert sum(agree) > 0.97 * len(agree)


def test_the_area_counts_pairs_and_resamples_count_again():
    rng = np.random.default_rng(1)
    lost, score = rng.random(300) < 0.3, np.round(rng.normal(size=300), 1)
    statistic = mannwhitneyu(score[lost], score[~lost], method="asymptotic").statistic
    assert area(lost, score) == pytest.approx(statistic / lost.sum() / (~lost).sum())
    weights = rng.integers(0, 3, 300)
    repeated = np.repeat(np.arange(300), weights)
    assert area(lost, score, weights.astype(float)) == pytest.approx(area(lost[repeated], score[repeated]))


def test_the_page_has_the_tables_that_the_command_makes(small, monkeypatch):
    monkeypatch.setattr(figures, "RESAMPLES", 5)
    _, left, found, walked = small
    block = as_block(
        [measure(found, walked, POLICY)],
        {"simulate": walked.reliability},
        {"simulate": walked.validation},
        {"simulate": walked.calibrations[-1].churn},
        against_truth(walked, left),
    )
    page = command.PAGE.read_text(encoding="utf-8")
    heads = [line for line in block.splitlines() if line.startswith(("**", "| data"))]
    assert len(heads) > 10
    assert [line for line in heads if line not in page] == []


def test_online_retail_is_warned_of_better_than_by_the_rivals(shared_data):
    found = read("online-retail", datasets.retail(shared_data).events, HORIZON, WINDOW)
    walked = walk(found, POLICY, 120, 60)
    lost = np.array([scored.moment.gone for scored in walked.scored])
    areas = {name: area(lost, score) for name, score in scores(found, walked).items()}
    assert areas[OURS] > 0.71
    assert areas[OURS] > 0.04 + max(value for name, value in areas.items() if name != OURS)
    assert walked.median_lead_days > 30


def test_a_customer_is_read_with_the_ledger_of_the_product():
    at = 1_500_000_000
    order = {"type": "order.completed", "customer_id": "c", "currency": "EUR", "event_id": "e"}
    events = {
        "orders": [
            {**order, "order_id": "a", "occurred_at": at, "amount": "5.00"},
            {**order, "order_id": "b", "occurred_at": at + 86_400, "amount": "7.00"},
            {**order, "type": "order.cancelled", "order_id": "b", "occurred_at": at + 2 * 86_400},
            {**order, "order_id": "c", "occurred_at": at + 200 * 86_400, "amount": "7.00"},
        ]
    }
    found = histories.read("one", events, HORIZON, WINDOW)
    assert [(facts.n, facts.last_at) for facts in found.orders[0]] == [
        (1, at * 1_000),
        (2, (at + 86_400) * 1_000),
        (2, (at + 200 * 86_400) * 1_000),
    ]
    assert [moment.facts.n for moment in found.moments] == [1] * len(found.moments)
    assert [moment.gone for moment in found.moments][:-1] == [True] * (len(found.moments) - 1)
