"""The sums of a ledger are the same whether they are kept up order by order or worked out anew."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.contracts.ids import hash_id
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY, SECOND
from stream.state import ledger
from stream.state.codec import decode, encode
from stream.state.customer import NEVER, Customer
from stream.state.model import compile_model
from tests.kit.histories import BEGINNING
from tests.kit.memory import MemoryShard
from tests.unit.state_kit import order

FEW = 8
STEPS = (-9 * DAY, -DAY, -1, 0, 1, SECOND, DAY // 3, DAY, 5 * DAY, 30 * DAY)
MODEL = compile_model(default_policy(), DEFAULT_CALIBRATION)


@st.composite
def doings(draw):
    """What happens to one customer: moments that mostly rise, orders, and what takes some of them back."""
    at, done = BEGINNING, []
    for number in range(draw(st.integers(1, 40))):
        at += draw(st.sampled_from(STEPS))
        # A refund may come before its order, and an order twice.
        which = draw(st.integers(max(0, number - 3), number + 1))
        what = draw(st.sampled_from(("order", "order", "order", "order", "refund", "cancel", "wait")))
        done.append((what, at, which, draw(st.sampled_from((0, 1, 500, 9_999)))))
    return done


def happen(c, done, window):
    for what, at, which, amount in done:
        ident = hash_id(str(which))
        if what == "order":
            ledger.add_order(c, at, ident, amount, window, FEW)
        elif what != "wait":
            taken = ledger.CANCELLED if what == "cancel" else amount or ledger.WHOLE
            ledger.add_refund(c, ident, hash_id(f"{what} {at}"), taken, window, FEW)
        ledger.advance(c, max(c.as_of, at), window)
        yield c


def sums(c):
    return c.n, c.first_at, c.last_at, c.window_from, c.frequency, c.monetary


@settings(max_examples=400)
@given(doings(), st.sampled_from((2 * DAY, 20 * DAY, 365 * DAY)))
def test_sums_kept_up_are_the_sums_worked_out(done, window):
    for c in happen(Customer("c"), done, window):
        again = decode("c", encode(c))
        ledger.rebuild(again, window)
        assert sums(c) == sums(again)


@settings(max_examples=200)
@given(doings(), st.sampled_from((2 * DAY, 20 * DAY)))
def test_the_next_to_leave_is_the_first_of_those_in_the_window_that_count(done, window):
    for c in happen(Customer("c"), done, window):
        inside = [last + window for _, last, n, _ in c.folded or () if n and last > c.as_of - window]
        counts = [ledger.net_at(c, index) != ledger.NOT_COUNTED for index in range(len(c.times))]
        inside += [at + window for at, it in zip(c.times, counts, strict=True) if it and at > c.as_of - window][:1]
        assert ledger.leaving(c, c.as_of, window) == min(inside, default=NEVER)


class Counted:
    """A list that counts how often it is looked into."""

    def __init__(self, rows):
        self.rows, self.looks = rows, 0

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        found = self.rows[index]
        self.looks += len(found) if isinstance(index, slice) else 1
        return found


@pytest.mark.parametrize("orders", [1_200, 11_600])
def test_one_more_order_costs_the_same_however_many_there_are(orders, monkeypatch):
    """Counted in work, not in time: nothing goes through the ledger of a customer who is beyond its limit."""
    shard, step = MemoryShard(), 365 * DAY // 100_000
    first = BEGINNING
    for start in range(0, orders, 400):
        shard.apply([order("c", n, first + n * step) for n in range(start, start + 400)])
    assert shard.memory.counters["applied"] == orders
    rebuilt = []
    monkeypatch.setattr(ledger, "rebuild", lambda *_: rebuilt.append(1))
    c = shard.state._objects["c"]
    c.folded = Counted(c.folded)
    count = 40
    shard.apply([order("c", n, first + n * step) for n in range(orders, orders + count)])
    assert shard.memory.counters["applied"] == orders + count
    assert not rebuilt
    assert c.n == c.frequency == orders + count
    assert c.folded.looks <= 30 * count
