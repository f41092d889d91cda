"""Laws of the state: what may differ from run to run, and what may not."""

from __future__ import annotations

import random
from dataclasses import replace
from unittest.mock import patch

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.contracts.decisions import PAYLOADS, SCORES
from stream.contracts.ids import hash_id
from stream.scoring import abc, alive, churn, lifecycle, rfm, tiers
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.rfm import EdgeTable
from stream.scoring.units import DAY, NEVER, SECOND, WEEK, ceil_to_second
from stream.scoring.visits import VisitsPolicy
from stream.state import interactions, ledger, order_path
from stream.state import shard as shard_of_state
from stream.state.codec import decode, encode
from stream.state.customer import Customer
from stream.state.evaluation import assess
from stream.state.model import compile_model
from tests.kit.compare import (
    cells_of,
    compare_decisions,
    compare_records,
    histogram_of,
    places_of,
    plain,
    stages_of,
)
from tests.kit.histories import BEGINNING, by_topic, disorderly, events, histories
from tests.kit.memory import LIMITS, MemoryShard, sharded
from tests.kit.talkative import talkative
from tests.oracle import Oracle

POLICY = default_policy()
#: Silence, windows, stays and signs that small histories reach; and the shipped ones.
HASTY = replace(
    POLICY,
    window_days=20,
    tier_min_stay_days=3.0,
    visits=VisitsPolicy(recent_periods=1, earlier_periods=2, earlier_min=1, falling=0.5),
    churn=replace(POLICY.churn, campaigns_min=1, repeat_complaints_min=1),
)
MODELS = {"shipped": compile_model(POLICY, DEFAULT_CALIBRATION), "hasty": compile_model(HASTY, DEFAULT_CALIBRATION)}
NO_LIMIT = 10_000
FEW = 8

models = st.sampled_from(sorted(MODELS))


def run(history, model, batch=NO_LIMIT, limits=LIMITS, **how):
    """Apply a history as one shard; what Redis would hold and Kafka would get."""
    return ran(MemoryShard(MODELS[model], limits), history, batch, **how).memory


def ran(shard, history, batch=NO_LIMIT, **how):
    shard.run(sharded(by_topic(history), 1).get(0, {}), batch, **how)
    return shard


def oracle(history, model):
    rules = MODELS[model]
    return Oracle(rules.policy, rules.calibration, 1, currency="EUR").run(by_topic(history))


def decisions(memory):
    """Everything that is sent but for `customer.scores`, of which only the last of a commit is written."""
    return [message for message in memory.messages if message.type != SCORES]


def by_customer(messages):
    found = {}
    for message in messages:
        found.setdefault((message.key, message.topic), []).append(message)
    return found


def unarmed(blob):
    """A record but for the moment that its timer is armed with: any that is not after the true one will do."""
    c = decode("x", blob)
    c.armed = 0
    return encode(c)


def said_and_kept(memory):
    records = {customer: unarmed(blob) for customer, blob in memory.records.items()}
    counters = {name: n for name, n in memory.counters.items() if name != "cache_evictions"}
    return records, memory.histograms, memory.cells, counters


def accounted(memory):
    """How many of the records read are said to have been dealt with."""
    return sum(memory.counters.get(name, 0) for name in ("applied", "duplicates", "dead_letters"))


# -- what may not matter ----------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(disorderly(), models, st.sampled_from((1, 2, 3, 7)))
def test_batch_boundaries_do_not_matter(history, model, batch):
    whole, parts = run(history, model), run(history, model, batch)
    assert said_and_kept(parts) == said_and_kept(whole)
    # Whose messages of a commit come first depends on who is plain; the order of each customer's own does not.
    assert by_customer(decisions(parts)) == by_customer(decisions(whole))


def viewed(number, at):
    return "interactions", {"event_id": f"e-{number}", "customer_id": "a", "occurred_at": at, "type": "product.viewed"}


def bought(number, at):
    money = {"order_id": f"o-{number}", "amount": "0.00", "currency": "EUR"}
    return "orders", {**viewed(number, at)[1], "type": "order.completed", **money}


#: The last view is looked at when its period is over, which comes before the next change; a sweep comes before either.
A_VIEW_IN_PASSING = [
    viewed(0, 1_672_531_200.0),
    bought(1, 1_672_790_400.5),
    bought(2, 1_672_790_400.5),
    viewed(3, 1_674_000_001.498),
]


@settings(max_examples=200)
@given(disorderly(), models, st.sampled_from((1, 2, 5)), st.integers(1, 3))
@example(A_VIEW_IN_PASSING, "hasty", 1, 1)
def test_restarts_do_not_matter(history, model, batch, every):
    straight, restarted = run(history, model, batch), run(history, model, batch, restart_every=every)
    assert said_and_kept(restarted) == said_and_kept(straight)
    assert by_customer(decisions(restarted)) == by_customer(decisions(straight))
    assert restarted.timers == straight.timers


@settings(max_examples=200)
@given(histories(), models, st.sampled_from((1, 2, 5)), st.integers(1, 3), st.integers(0, 2))
def test_sweeps_do_not_matter_where_time_is_kept(history, model, batch, every, restart_every):
    plain_run = run(history, model)
    swept = run(history, model, batch, sweep_every=every, restart_every=restart_every)
    assert said_and_kept(swept) == said_and_kept(plain_run)
    assert by_customer(decisions(swept)) == by_customer(decisions(plain_run))


@settings(max_examples=200)
@given(histories(), models, st.randoms(use_true_random=False))
def test_a_cache_too_small_for_all_does_not_matter(history, model, rng):
    """Nor that what an evicted customer did last may be on its way while others are loaded."""
    limit, batch = rng.randint(1, 2), rng.randint(1, 4)
    shard = MemoryShard(MODELS[model], replace(LIMITS, cached_customers_max=limit), in_flight=True)
    assert said_and_kept(ran(shard, history, batch).memory) == said_and_kept(run(history, model, batch))


@settings(max_examples=200)
@given(histories(), models, st.integers(1, 3))
def test_no_more_are_in_memory_than_may_be(history, model, batch):
    shard = MemoryShard(MODELS[model], replace(LIMITS, cached_customers_max=batch), in_flight=True)
    for records in sharded(by_topic(history), 1).values():
        for name, rows in records.items():
            for first in range(0, len(rows), batch):
                shard.apply(shard.decoder.decode(name, 0, rows[first : first + batch], 2**53))
    assert shard.cached_most <= batch


@settings(max_examples=200)
@given(histories(), models, st.data())
def test_order_and_duplicates_do_not_matter_for_the_facts(history, model, data):
    expected = oracle(history, model)
    again = data.draw(st.lists(st.sampled_from(history), max_size=4))
    mixed = data.draw(st.permutations(history + again))
    every = data.draw(st.integers(0, 2))
    found = run(mixed, model, 3, sweep_every=every)
    assert compare_records(found.records, expected, MODELS[model], said=False) == []
    assert accounted(found) == len(mixed)
    known = ordered_twice(history)
    assert counted(found.cells, known) == counted(cells_of(expected, 0), known)


def ordered_twice(history):
    """Whether an order is completed by more than one event: the first that is heard is counted."""
    orders = [event["order_id"] for _, event in history if event["type"] == "order.completed"]
    return len(orders) > len(set(orders))


def counted(cells, ordered_twice):
    """What tables count of events as they are, whatever was known of the customer: in total, and by channel."""
    measures = {"complaints", "nps_promoters", "nps_passives", "nps_detractors", "viewed", "carts"}
    measures |= set() if ordered_twice else {"orders", "revenue"}
    found = {
        (key, field): amount
        for key, fields in cells.items()
        for field, amount in fields.items()
        if (parts := field.partition("|"))[0] in measures and not parts[2].startswith(("tier=", "segment=", "region="))
    }
    assert all("=" not in field or "|channel=" in field for _, field in found)
    return found


@st.composite
def regulars(draw):
    """Two customers who order again and again, now and then an order that is known, or something else that they do."""
    at, history = BEGINNING, []
    # What depends on the usual gap is seen where that is small, and what leaves the window where it is not.
    steps = draw(st.sampled_from(((2 * DAY, 3 * DAY), (0, 1, SECOND, DAY // 2, DAY, 5 * DAY, 11 * DAY, 60 * DAY))))
    for number in range(draw(st.integers(FEW, 5 * FEW))):
        at += draw(st.sampled_from(steps))
        if draw(st.integers(0, 15)) == 0:
            history.append(draw(events(number, at)))
            continue
        known = draw(st.integers(0, 4)) == 0
        history.append(
            (
                "orders",
                {
                    "event_id": f"e-{number}",
                    "customer_id": draw(st.sampled_from("ab")),
                    "type": "order.completed",
                    "order_id": f"o-{draw(st.integers(max(0, number - 4), number)) if known else number}",
                    "occurred_at": at / 1000,
                    "amount": draw(st.sampled_from(("0.01", "12.34", "150.00"))),
                    "currency": "EUR",
                },
            )
        )
    return history


def all_careful(in_turn, clock, *given_):
    """In the place of the short path: nothing goes there."""
    rest = given_[-1]
    for event, reached in in_turn:
        clock = rest.careful(event, max(clock, reached))
    return 0, clock


def reaching(model, orders):
    """A model whose tables are for so many orders."""
    cells, levels = model.fresh_cells[: orders + 1], model.fresh_levels[: orders + 1]
    return replace(model, tabled_orders=orders, fresh_cells=cells, fresh_levels=levels)


@settings(max_examples=300)
@given(
    histories() | disorderly() | regulars(),
    models,
    st.integers(1, 40),
    st.integers(0, 2),
    st.sampled_from((1, FEW, 1_000)),
    st.sampled_from((2, 999)),
    st.sampled_from((0, 2, 99)),
)
def test_the_short_path_and_the_careful_one_say_the_same(history, model, batch, every, entries, tabled, set_from):
    """A model whose tables reach no order leaves every event, and every text, to the plain forms."""
    found = []
    limits = replace(LIMITS, ledger_orders_max=entries)
    for rules in (reaching(MODELS[model], tabled), replace(MODELS[model], tabled_orders=0)):
        shard = MemoryShard(rules, limits)
        path = all_careful if rules.tabled_orders == 0 else order_path.apply_in_order
        with (
            patch.object(shard_of_state, "apply_in_order", path),
            patch.object(order_path, "_SET_FROM", set_from),
        ):
            shard.run(sharded(by_topic(history), 1).get(0, {}), batch, sweep_every=every, restart_every=every)
        memory = shard.memory
        sent = by_customer(memory.messages)
        found.append((memory.records, memory.timers, memory.histograms, memory.cells, memory.counters, sent))
    assert found[0] == found[1]


# -- streaming is the oracle ------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(histories(12), models)
def test_streaming_says_what_the_oracle_says_at_every_prefix(history, model):
    for length in range(1, len(history) + 1):
        prefix = history[:length]
        found, expected = run(prefix, model, 2), oracle(prefix, model)
        assert compare_records(found.records, expected, MODELS[model]) == []
        assert compare_decisions(map(plain, found.messages), expected) == []
        assert found.cells == cells_of(expected, 0)
    assert places_of(found.histograms, "yv") == expected.samples[0]


@settings(max_examples=200)
@given(disorderly(), models)
def test_streaming_says_what_the_oracle_says_in_any_order(history, model):
    found, expected = run(history, model), oracle(history, model)
    assert compare_records(found.records, expected, MODELS[model]) == []
    assert compare_decisions(map(plain, found.messages), expected) == []
    assert found.cells == cells_of(expected, 0)
    assert places_of(found.histograms, "yv") == expected.samples[0]
    assert found.counters.get("dead_letters", 0) == expected.accounting["dead_letters"]
    assert accounted(found) == expected.accounting["read"]


@settings(max_examples=12)
@given(st.integers(0, 2**32), models, st.booleans())
def test_streaming_says_what_the_oracle_says_of_who_says_much(seed, model, in_order):
    rng = random.Random(seed)
    history = talkative(rng, 120)
    if not in_order:
        rng.shuffle(history)
        history += rng.sample(history, 3)
    found, expected = run(history, model, rng.choice((1, 7, 1_000))), oracle(history, model)
    assert compare_records(found.records, expected, MODELS[model]) == []
    assert compare_decisions(map(plain, found.messages), expected) == []
    assert found.cells == cells_of(expected, 0)
    assert places_of(found.histograms, "yv") == expected.samples[0]


# -- what is kept beside the records ----------------------------------------------------------------------------------


@settings(max_examples=160)
@given(disorderly(), models, st.integers(1, 4))
def test_histograms_are_those_of_the_records(history, model, batch):
    memory = run(history, model, batch, sweep_every=2)
    assert places_of(memory.histograms) == histogram_of(memory.records, MODELS[model])
    assert places_of(memory.histograms, "s") == stages_of(memory.records)


@settings(max_examples=200)
@given(disorderly(), models, st.integers(1, 4))
def test_every_customer_has_a_timer_that_is_not_late(history, model, batch):
    memory = run(history, model, batch)
    assert memory.timers.keys() == memory.records.keys()
    for customer, blob in memory.records.items():
        c = decode(customer, blob)
        assert c.armed == memory.timers[customer]
        assert c.armed <= assess_again(c, MODELS[model]).due


def assess_again(c, model):
    ledger.rebuild(c, model.window)
    return assess(c, c.as_of, model)


@settings(max_examples=200)
@given(disorderly(), models)
def test_records_survive_their_bytes(history, model):
    for customer, blob in run(history, model, 3).records.items():
        c = decode(customer, blob)
        assert encode(c) == blob
        ledger.rebuild(c, MODELS[model].window)
        again = decode(customer, encode(c))
        ledger.rebuild(again, MODELS[model].window)
        assert {name: getattr(again, name) for name in Customer.__slots__ if name not in ("due", "due_is_exact")} == {
            name: getattr(c, name) for name in Customer.__slots__ if name not in ("due", "due_is_exact")
        }


@settings(max_examples=160)
@given(disorderly(), models, st.integers(1, 4))
def test_what_is_sent_is_what_the_interface_says(history, model, batch):
    for message in run(history, model, batch).messages:
        sent = msgspec.json.decode(message.value)
        payload = msgspec.json.decode(message.value, type=PAYLOADS[message.type])
        # Structs pass over what they do not know; what comes back shows whether there was any.
        assert msgspec.json.decode(msgspec.json.encode(payload)) == sent
        assert list(sent) == list(msgspec.json.decode(msgspec.json.encode(payload)))


# -- folding ----------------------------------------------------------------------------------------------------------


@st.composite
def purchases(draw):
    """Orders of one customer: (at, order number, amount), mostly in order of time."""
    at, orders = BEGINNING, []
    steps = st.sampled_from((1, SECOND, 3_600_000, 9 * 3_600_000, DAY // 2, DAY, 2 * DAY, 5 * DAY, 11 * DAY))
    for number in range(draw(st.integers(FEW + 1, 4 * FEW))):
        at += draw(steps)
        orders.append((at, number, draw(st.integers(0, 9_999))))
    return orders


def bought(c, orders, window, orders_max):
    """Apply orders like a shard does; which were taken."""
    taken = []
    for at, number, amount in orders:
        if ledger.add_order(c, at, hash_id(str(number)), amount, window, orders_max) is ledger.Added.NEW:
            taken.append((at, number, amount))
        ledger.advance(c, max(c.as_of, at), window)
    return taken


def folded_window(taken, kept, as_of, window):
    """(count, net) in the window when all but the newest `kept` orders are sums by day."""
    ordered = sorted(taken, key=lambda order: (order[0], hash_id(str(order[1])).to_bytes(8, "little")))
    old, new = ordered[: len(ordered) - kept], ordered[len(ordered) - kept :]
    last_of_day = {at // DAY: at for at, *_ in old}
    inside = [o for o in old if last_of_day[o[0] // DAY] > as_of - window] + [o for o in new if o[0] > as_of - window]
    return len(inside), sum(amount for *_, amount in inside)


@settings(max_examples=150)
@given(purchases(), st.sampled_from((2 * DAY, 20 * DAY, 365 * DAY)), st.integers(0, 40 * DAY))
def test_folding_keeps_every_sum_but_rounds_the_window_to_days(orders, window, later):
    c, whole = Customer("c"), Customer("c")
    taken = bought(c, orders, window, FEW)
    assert bought(whole, orders, window, NO_LIMIT) == taken == orders
    for customer in (c, whole):
        ledger.advance(customer, c.as_of + later, window)
    assert len(c.times) <= FEW
    assert c.folded is not None
    assert (c.n, c.first_at, c.last_at) == (whole.n, whole.first_at, whole.last_at)
    frequency, monetary = folded_window(taken, len(c.times), c.as_of, window)
    assert whole.frequency <= c.frequency <= frequency
    assert whole.monetary <= c.monetary <= monetary
    again = decode("c", encode(c))
    ledger.rebuild(again, window)
    assert (again.n, again.frequency, again.monetary) == (c.n, c.frequency, c.monetary)


@settings(max_examples=160)
@given(purchases(), st.data())
def test_an_order_from_before_the_fold_is_refused_and_changes_nothing(orders, data):
    c = Customer("c")
    bought(c, orders, 365 * DAY, FEW)
    before = encode(c)
    newest = c.folded[-1][1]
    at = data.draw(st.integers(BEGINNING, newest))
    assert ledger.add_order(c, at, hash_id("late"), 100, 365 * DAY, FEW) is ledger.Added.TOO_OLD
    assert encode(c) == before
    # Folded orders, heard again, are no new ones.
    for order_at, number, amount in orders[: len(orders) - len(c.times)]:
        added = ledger.add_order(c, order_at, hash_id(str(number)), amount, 365 * DAY, FEW)
        assert added in (ledger.Added.TOO_OLD, ledger.Added.DUPLICATE)
    # A known order that is heard of with an earlier moment, before the fold, cannot move there.
    _, number, amount = orders[-1]
    ledger.add_order(c, at, hash_id(str(number)), amount, 365 * DAY, FEW)
    assert encode(c) == before


@settings(max_examples=160)
@given(purchases(), st.data())
def test_an_order_that_was_taken_back_does_not_come_to_life_by_folding(orders, data):
    c, window = Customer("c"), 365 * DAY
    gone = set(data.draw(st.lists(st.sampled_from([number for _, number, _ in orders]), unique=True)))
    for at, number, amount in orders:
        ledger.add_order(c, at, hash_id(str(number)), amount, window, FEW)
        if number in gone:
            ledger.add_refund(c, hash_id(str(number)), number + 1, ledger.WHOLE, window, NO_LIMIT)
        ledger.advance(c, max(c.as_of, at), window)
    n = len(orders) - len(gone)
    assert c.n == n
    if n:
        counting = [at for at, number, _ in orders if number not in gone]
        assert (c.first_at, c.last_at) == (counting[0], counting[-1])
    for at, number, amount in orders:
        ledger.add_order(c, at, hash_id(str(number)), amount, window, FEW)
    assert c.n == n


def test_a_fold_is_counted_and_a_late_order_is_a_dead_letter():
    history = [
        (
            "orders",
            {
                "event_id": f"e-{n}",
                "type": "order.completed",
                "customer_id": "a",
                "order_id": f"o-{n}",
                "occurred_at": BEGINNING // 1000 + 86_400 * n,
                "amount": "5.00",
                "currency": "EUR",
            },
        )
        for n in [*range(1, 20), 0]
    ]
    memory = run(history, "shipped", limits=replace(LIMITS, ledger_orders_max=FEW))
    assert memory.counters["applied"] == 19
    assert memory.counters["dead_letters"] == 1
    assert memory.counters["ledger_folds"] > 0
    (letter,) = [message for message in memory.messages if message.type == "record.refused"]
    refusal = msgspec.json.decode(letter.value)
    assert refusal["field"] == "occurred_at"
    assert refusal["partition"] == 0
    assert refusal["offset"] == 19


# -- the fast evaluation ----------------------------------------------------------------------------------------------


@st.composite
def looked_at(draw):
    """A customer with orders and whatever was said, and a moment to look at it."""
    model = MODELS[draw(models)]
    c = Customer("c")
    at = BEGINNING
    for number in range(draw(st.integers(1, 30))):
        at += draw(
            st.sampled_from((0, 1, 999, SECOND, DAY - 1, DAY, 3 * DAY + 1, 10 * DAY, 30 * DAY))
            | st.integers(0, 40 * DAY)
        )
        ledger.add_order(c, at, hash_id(str(number)), draw(st.integers(0, 90_000)), model.window, NO_LIMIT)
    if draw(st.booleans()):
        ledger.add_refund(c, hash_id("0"), 1, draw(st.sampled_from((ledger.WHOLE, 1))), model.window, NO_LIMIT)
    for ticket in range(draw(st.integers(0, 5))):
        interactions.note_ticket(c, ticket, "complaint.opened", at)
    if draw(st.booleans()):
        interactions.note_answer(c, draw(st.integers(0, 10)), at - draw(st.integers(0, 90 * DAY)))
    as_of = at + draw(st.sampled_from((0, 1, SECOND, 14 * DAY, 365 * DAY)) | st.integers(0, 500 * DAY))
    if draw(st.booleans()):
        as_of = as_of // 1000 * 1000
    c.tier = draw(st.integers(0, 3))
    c.tier_since = as_of - draw(st.integers(0, 10 * DAY))
    c.abc, c.lifecycle = draw(st.integers(0, 3)), draw(st.integers(0, len(lifecycle.STAGES) - 1))
    c.lifecycle_since = as_of - draw(st.integers(0, 90 * DAY))
    return c, as_of, model


@settings(max_examples=400)
@given(looked_at())
def test_the_fast_evaluation_is_the_plain_one(given_):
    c, as_of, model = given_
    found = assess(c, as_of, model)
    if not c.n:
        stage = lifecycle.stage(model.lifecycle, c.lifecycle, False, 0, 0, 0, lifecycle.NOBODY_GONE)
        assert found == (tiers.NONE, "", 0, abc.NONE, stage, NEVER)
        return
    table = EdgeTable(model.recency_edges, model.frequency_edges, model.monetary_edges)
    r, f, m = rfm.scores(as_of - c.last_at, c.frequency, c.monetary, table)
    policy = model.policy
    raw = tiers.raw_tier(tiers.value_score(r, f, m, policy.weights), c.tier, policy)
    tier = tiers.said_tier(raw, c.tier, as_of, c.tier_since, model.min_stay)
    assert found.tier == tier
    assert found.segment == next(rule.name for rule in policy.segments.rules if rule.matches(r, f, m))
    evidence = (c.n, c.first_at, c.last_at, as_of, interactions.open_tickets(c), c.nps_score, max(0, c.nps_at))
    assert found.level == churn.level(churn.logit(model.churn, *evidence), model.churn.thresholds)

    cuts = abc.compile_abc(model.calibration.abc, policy.abc.margin)
    assert found.abc == (abc.rank(c.monetary, c.abc, cuts) if c.frequency else abc.NONE)
    weeks = ((c.last_at - c.first_at) / WEEK, (as_of - c.first_at) / WEEK)
    assert found.lifecycle == lifecycle.stage(
        model.lifecycle,
        c.lifecycle,
        c.last_at > c.lifecycle_since,
        c.n,
        c.last_at - c.first_at,
        sum(moment <= as_of for moment in churn.gap_moments(model.churn, c.n, c.first_at, c.last_at)),
        alive.log_odds_gone(model.churn.alive, c.n - 1, *weeks),
    )

    moments = [
        churn.next_change(model.churn, *evidence),
        lifecycle.next_fall(model.lifecycle, model.churn.alive, c.n - 1, c.first_at, c.last_at, as_of),
        tiers.held_until(raw, c.tier, as_of, c.tier_since, model.min_stay),
    ]
    if c.frequency:
        moments.append(rfm.next_recency_fall(c.last_at, as_of, table))
        counting = (at for place, at in enumerate(c.times) if ledger.net_at(c, place) != ledger.NOT_COUNTED)
        moments.append(ceil_to_second(next(at for at in counting if at > as_of - model.window) + model.window))
    assert found.due == min(moments)


def test_a_level_is_reached_by_its_timer_even_where_rounding_makes_the_timer_early():
    """Moments of this century are doubles 0.24 microseconds apart, so one just after a second is taken for it."""
    model, unlucky = MODELS["shipped"], 0
    for gap in range(20 * DAY, 20 * DAY + 40_000):
        crossing = churn_age(model, gap)
        if not 0 < crossing % 1 < 1e-4:
            continue
        first_at = BEGINNING + 1000 - int(crossing) % 1000  # so that it is a second that the crossing is just after
        c = Customer("c")
        for number, at in enumerate((first_at, first_at + gap)):
            ledger.add_order(c, at, hash_id(str(number)), 100, model.window, NO_LIMIT)
        c.tier, c.segment, c.level, c.abc, c.lifecycle, c.due = assess(c, c.last_at, model)
        while c.due <= first_at + crossing:
            c.tier, c.segment, c.level, c.abc, c.lifecycle, c.due = assess(c, c.due, model)
        unlucky += not c.level
        c.tier, c.segment, c.level, c.abc, c.lifecycle, c.due = assess(c, c.due, model)
        assert c.level == 1
    assert unlucky


def churn_age(model, gap):
    """Milliseconds from the first of two orders until silence reaches the first level."""
    params, level = model.calibration.alive, model.level_logits[0]
    return alive.age_at_log_odds(params, 1, gap / WEEK, level - model.bias) * WEEK
