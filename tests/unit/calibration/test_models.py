"""Which parameters are taken, and that it is said; and that the sample is the same whoever reads it."""

import random
from datetime import date

import msgspec
import numpy as np
import pytest

from stream.calibration import sample as sampling
from stream.calibration.churn import churn_weights
from stream.calibration.fit import fit
from stream.calibration.models import ORDERS_MIN, REPEATERS_MIN, learn
from stream.calibration.sample import Sample, read_sample, rows_of, sample_of
from stream.scoring.alive import Params
from stream.scoring.bg_nbd_fit import Fit
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY, WEEK
from stream.state.packed import unpack_records
from tests.datasets import cdnow, online_retail
from tests.datasets.buyers import buyers
from tests.unit.state_kit import NOW, customers_with_orders, shard_of

POLICY = default_policy()
CLV = POLICY.clv
FORTIETH = msgspec.structs.replace(DEFAULT_CALIBRATION, number=40, alive=Params(1.0, 2.0, 3.0, 4.0))


def as_sample(known):
    """Orders in the window are all there are; of spend the papers know that of the repeat orders only."""
    frequency = (known.repeats + 1).astype(int)
    monetary = (known.mean * 100 * frequency).astype(int)
    repeats, returned = known.repeats.astype(int), (known.repeats > 3).astype(int)
    return Sample(repeats, known.last, known.age, frequency, monetary, monetary * 3 // 10, frequency, returned)


def part(sample, places):
    return Sample(*(getattr(sample, name)[places] for name in Sample.__slots__))


@pytest.fixture(scope="module")
def shop():
    return as_sample(buyers(cdnow.load("sample").events["orders"], date(1997, 9, 30), date(1998, 6, 30)))


@pytest.fixture(scope="module")
def learned(shop):
    return learn(shop, FORTIETH, CLV)


def test_models_are_learned_and_said(learned):
    assert learned.alive == pytest.approx((0.525, 6.183, 0.891, 1.614), rel=0.01)
    assert learned.models.alive == ("MBG/NBD fitted to 2357 customers; log-likelihood -9582.1, that of BG/NBD -9582.4")
    assert learned.models.spend.startswith("Gamma-Gamma fitted to 946 customers")
    assert [note.model for note in learned.models.fits] == ["MBG/NBD", "BG/NBD", "Gamma-Gamma"]
    assert all(note.misplaced < 0.1 and not note.flags for note in learned.models.fits)


def test_fifths_of_lifetime_value_hold_a_fifth_each(shop, learned):
    columns = [shop.repeats, shop.last, shop.age, shop.frequency, shop.monetary]
    assert sorted(learned.clv_edges_minor) == list(learned.clv_edges_minor)
    assert learned.clv_edges_minor[3] > learned.clv_edges_minor[0] > 1
    assert {len(column) for column in columns} == {2_357}
    shares = np.searchsorted(learned.profit_edges_minor, shop.profit, side="right")
    assert np.bincount(shares)[4] / 2_357 == pytest.approx(0.2, abs=0.01)


def test_the_order_of_customers_does_not_matter(shop, learned):
    places = np.random.default_rng(3).permutation(len(shop))
    again = learn(part(shop, places), FORTIETH, CLV)
    # Sums in another order differ in the last bits; six digits of parameters do not.
    assert again == learned


def test_a_calibration_with_models_can_be_written(learned):
    shard = {f"f:{n}": 1 for n in range(1, 41)} | {"m:100": 40} | {f"l:{4 * day}": 1 for day in range(40)}
    made = fit({0: shard}, 40 * DAY, FORTIETH, POLICY, learned).calibration
    assert Calibration.from_json(made.to_json()) == made
    assert made.source == "edges from 40 customers, models from a sample of 2357"
    assert (made.alive, made.spend, made.models) == (learned.alive, learned.spend, learned.models)
    assert fit({0: shard}, 40 * DAY, FORTIETH, POLICY).calibration.alive == FORTIETH.alive


def test_churn_is_learned_for_the_parameters_that_it_will_be_used_with(learned, monkeypatch):
    asked = []

    def watched(shards, as_of, previous, alive, policy):
        asked.append(alive)
        return churn_weights(shards, as_of, previous, alive, policy)

    monkeypatch.setattr("stream.calibration.fit.churn_weights", watched)
    shard = {f"f:{n}": 1 for n in range(1, 41)} | {"m:100": 40} | {f"l:{4 * day}": 1 for day in range(40)}
    fit({0: shard}, 40 * DAY, FORTIETH, POLICY, learned)
    assert asked == [learned.alive]


@pytest.mark.parametrize("previous", [DEFAULT_CALIBRATION, FORTIETH])
def test_too_few_customers_leave_everything_as_it_was(shop, previous):
    again = np.flatnonzero(shop.repeats)[: REPEATERS_MIN - 1]
    found = learn(part(shop, again), previous, CLV)
    assert (found.alive, found.spend) == (previous.alive, previous.spend)
    name = "as shipped" if previous.number == 1 else "as in calibration 40"
    assert found.models.alive == f"{name}: 49 customers ordered again, 50 are needed"
    assert found.models.spend == f"{name}: 49 customers brought something in the window, 50 are needed"
    assert found.models.fits == ()


def test_without_anybody_nothing_is_learned(shop):
    found = learn(part(shop, []), FORTIETH, CLV)
    assert (found.alive, found.spend) == (FORTIETH.alive, FORTIETH.spend)
    assert (found.clv_edges_minor, found.profit_edges_minor) == (
        FORTIETH.clv_edges_minor,
        FORTIETH.profit_edges_minor,
    )


def test_where_nobody_leaves_the_rates_are_learned_and_leaving_is_kept(shared_data):
    events = online_retail.load(shared_data).events["orders"]
    found = learn(as_sample(buyers(events, date(2011, 8, 31), date(2011, 12, 9))), FORTIETH, CLV)
    assert found.alive[:2] == pytest.approx((0.7227, 9.42), rel=0.01)
    assert found.alive[2:] == FORTIETH.alive[2:]
    assert found.models.alive.startswith(
        "rates of orders fitted to 3317 customers; leaving (a, b): as in calibration 40"
    )
    assert all(note.flags for note in found.models.fits[:2])


@pytest.mark.parametrize(
    ("flags", "alive", "words"),
    [
        (
            {"MBG/NBD": ("r is at its bound, 1000",)},
            "BG/NBD",
            "BG/NBD fitted to 2357 customers, because of MBG/NBD: r is",
        ),
        (
            {"MBG/NBD": ("r is at its bound, 1000",), "BG/NBD": ("b is at its bound, 1",)},
            None,
            "as in calibration 40, because of MBG/NBD: r is at its bound, 1000",
        ),
    ],
)
def test_the_chain_of_what_is_taken_instead(shop, monkeypatch, flags, alive, words):
    given = {"MBG/NBD": Params(1.0, 2.0, 3.0, 4.5), "BG/NBD": Params(1.0, 2.0, 3.0, 5.5)}

    def fake(family, _):
        return Fit(given[family.name], -1.0, flags.get(family.name, ()))

    monkeypatch.setattr("stream.calibration.models.fit", fake)
    found = learn(shop, FORTIETH, CLV)
    assert found.alive == (given[alive] if alive else FORTIETH.alive)
    assert found.models.alive.startswith(words)


def test_spend_that_goes_with_the_number_of_orders_is_said(shop):
    skewed = Sample(
        *(getattr(shop, name) for name in ("repeats", "last", "age", "frequency")),
        shop.monetary * shop.frequency,
        *(getattr(shop, name) for name in ("profit", "orders", "returned")),
    )
    assert "who orders more often spends more each time" in learn(skewed, FORTIETH, CLV).models.spend


def test_the_share_of_returned_orders_is_that_of_all_orders(shop):
    expected = shop.returned.sum() / shop.orders.sum()
    assert learn(shop, FORTIETH, CLV).returned_share == pytest.approx(expected, rel=1e-5)
    few = part(shop, slice(0, 20))
    assert few.orders.sum() < ORDERS_MIN
    before = msgspec.structs.replace(FORTIETH, returned_share=0.25)
    assert learn(few, before, CLV).returned_share == 0.25


def records():
    _, outcome = shard_of(customers_with_orders(20))
    return list(unpack_records(outcome.records))


def sampled(as_of):
    return sample_of(rows_of(records(), POLICY, as_of))


def test_the_columns_are_the_facts_of_the_records():
    found = sampled(NOW)
    place = int(np.flatnonzero(found.repeats == 4)[0])
    assert len(found) == 20
    assert (found.frequency[place], found.monetary[place], found.profit[place]) == (5, 10_000, 3_000)
    assert found.last[place] == 40 * DAY / WEEK
    assert found.age[place] == 50 * DAY / WEEK


def test_orders_leave_the_window_until_the_moment_of_the_sample():
    later = sampled(NOW + 400 * DAY)
    assert (later.repeats == sampled(NOW).repeats).all()
    assert not later.frequency.any()
    assert not later.monetary.any()
    assert not learn(later, FORTIETH, CLV).models.fits


class Shard:
    """A shard that gives its customers in any order, some of them twice."""

    def __init__(self, records, seed):
        self._records = dict(records)
        rng = random.Random(seed)
        self._order = rng.sample([*self._records, *rng.sample(sorted(self._records), 3)], len(self._records) + 3)

    async def scan(self, cursor, count):
        first = int(cursor)
        following = first + min(count, 4)
        return ("0" if following >= len(self._order) else str(following)), self._order[first:following]

    async def look(self, customers):
        return [self._records.get(customer) for customer in customers]


async def read(monkeypatch, shards, customers_max, seed=1):
    monkeypatch.setattr(sampling, "reading", lambda _redis, _prefix, shard: Shard(shards[shard], seed))
    return await read_sample(None, "", len(shards), POLICY, NOW, customers_max)


def same(one, other):
    return all((getattr(one, name) == getattr(other, name)).all() for name in Sample.__slots__)


@pytest.mark.parametrize("customers_max", [5, 9, 20, 50])
async def test_the_sample_depends_neither_on_scans_nor_on_shards(monkeypatch, customers_max):
    found = records()
    whole = await read(monkeypatch, [found], customers_max)
    assert len(whole) == min(20, customers_max)
    assert same(whole, await read(monkeypatch, [found], customers_max, seed=2))
    assert same(whole, await read(monkeypatch, [found[::3], found[1::3], found[2::3]], customers_max))


async def test_who_is_in_a_small_sample_is_in_a_larger_one(monkeypatch):
    small, large = [set((await read(monkeypatch, [records()], size)).repeats.tolist()) for size in (5, 9)]
    assert small < large
