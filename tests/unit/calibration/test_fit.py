"""The next calibration: its edges are the population's quantiles, and it refuses where they would mean nothing."""

import random

import msgspec
import numpy as np
import pytest

from stream.calibration.fit import CollapsedBin, FitRefused, fit
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.policy import default_policy
from stream.scoring.quantiles import RECENCY_BUCKET, RELATIVE_ERROR_MAX, bucket, recency_bucket
from stream.scoring.rfm import compile_edges, scores
from stream.scoring.units import DAY

NOW = 20_000 * DAY
POLICY = default_policy()


def histograms(customers, shards=3):
    """What shards would hold of (orders, revenue, time of the last order)."""
    found = {shard: {} for shard in range(shards)}
    for place, (orders, revenue, last_at) in enumerate(customers):
        fields = found[place % shards]
        for field in (f"f:{bucket(orders)}", f"m:{bucket(revenue)}", f"l:{recency_bucket(last_at)}"):
            fields[field] = fields.get(field, 0) + 1
    return found


def population(size, seed=1):
    rng = random.Random(seed)
    return [
        (int(rng.paretovariate(1.1)), int(rng.lognormvariate(10, 2)), NOW - int(rng.expovariate(1 / 90) * DAY))
        for _ in range(size)
    ]


def test_edges_are_the_quantiles_plus_one():
    customers = population(5_000)
    made = fit(histograms(customers), NOW, DEFAULT_CALIBRATION, POLICY).calibration
    orders, revenue, last = (np.array(column) for column in zip(*customers, strict=True))
    fifths = (0.2, 0.4, 0.6, 0.8)
    np.testing.assert_allclose(made.rfm.frequency, np.quantile(orders, fifths) + 1, rtol=RELATIVE_ERROR_MAX)
    np.testing.assert_allclose(made.rfm.monetary_minor, np.quantile(revenue, fifths) + 1, rtol=RELATIVE_ERROR_MAX)
    np.testing.assert_allclose(
        made.rfm.recency_days, np.quantile((NOW - last) / DAY, fifths) + 1, atol=RECENCY_BUCKET / DAY / 2
    )


def test_shares_are_those_of_the_scores():
    customers = population(5_000)
    made = fit(histograms(customers), NOW, DEFAULT_CALIBRATION, POLICY).calibration
    table = compile_edges(made.rfm)
    rows = [scores(NOW - last_at, orders, revenue, table) for orders, revenue, last_at in customers]
    for place, name in enumerate(("recency", "frequency", "monetary")):
        counted = [sum(row[place] == score for row in rows) / len(rows) for score in range(1, 6)]
        # Only customers in the very bucket of an edge may be told apart wrongly.
        np.testing.assert_allclose(getattr(made.bin_shares, name), counted, atol=0.01)


def test_it_is_one_number_on_keeps_the_model_and_can_be_written():
    previous = msgspec.structs.replace(DEFAULT_CALIBRATION, number=7)
    made = fit(histograms(population(100)), NOW, previous, POLICY).calibration
    assert (made.number, made.created_at, made.customers) == (8, NOW, 100)
    assert (made.alive, made.churn) == (previous.alive, previous.churn)
    assert Calibration.from_json(made.to_json()) == made


def test_how_customers_lie_on_shards_does_not_matter():
    customers = population(500)
    assert fit(histograms(customers, 1), NOW, DEFAULT_CALIBRATION, POLICY) == fit(
        histograms(customers, 7), NOW, DEFAULT_CALIBRATION, POLICY
    )


def test_ties_collapse_bins_and_are_said():
    customers = [(1, 1_000 + place, NOW - place * DAY) for place in range(100)]
    made = fit(histograms(customers), NOW, DEFAULT_CALIBRATION, POLICY)
    assert made.calibration.rfm.frequency == (2, 2, 2, 2)
    assert made.collapsed == tuple(CollapsedBin("frequency", score) for score in (2, 3, 4, 5))
    assert made.calibration.bin_shares.frequency == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("size", [0, 19])
def test_too_few_customers_are_refused(size):
    with pytest.raises(FitRefused, match=f"^{size} customers .* fewer than 20"):
        fit(histograms(population(size)), NOW, DEFAULT_CALIBRATION, POLICY)


def test_twenty_customers_are_enough():
    assert fit(histograms(population(20)), NOW, DEFAULT_CALIBRATION, POLICY).calibration.customers == 20


def test_histograms_that_disagree_are_refused():
    with pytest.raises(FitRefused, match="30 customers by orders, 29 by revenue, 30 by last order"):
        fit({0: {"f:1": 30, "m:5": 29, "l:9": 30}}, NOW, DEFAULT_CALIBRATION, POLICY)


def test_a_negative_count_is_refused():
    with pytest.raises(FitRefused, match="shard 3 holds -1 customers in bucket m:5"):
        fit({3: {"f:1": 30, "m:5": -1, "m:6": 31, "l:9": 30}}, NOW, DEFAULT_CALIBRATION, POLICY)
