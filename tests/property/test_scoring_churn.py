"""Laws of the churn score, and of the timer that is set for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.scoring.alive import Params, log_odds_gone, quiet, rhythm
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.churn import contributions, evidence, level, logit, next_change, next_crossing, risk
from stream.scoring.churn_model import ChurnCoefficients, compile_churn
from stream.scoring.churn_samples import SIGNS
from stream.scoring.churn_signs import NEVER_DONE, Activity
from stream.scoring.periods import PERIOD
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY, NEVER, SECOND

positive = st.floats(0.1, 20)
coefficients = st.builds(
    ChurnCoefficients,
    bias=st.floats(-3, 3),
    p_alive=st.floats(0.2, 3),
    gap=st.lists(st.floats(0, 4), min_size=4, max_size=4).map(lambda weights: tuple(sorted(weights))),
    complaint=st.floats(0, 3),
    detractor=st.floats(0, 3),
    rhythm=st.just(0.0) | st.floats(0, 3),
    quiet=st.just(0.0) | st.floats(0, 3),
    visits_falling=st.floats(0, 3),
    cart_left=st.floats(0, 3),
    campaign_ignored=st.floats(0, 3),
    repeat_complaints=st.floats(0, 3),
)
models = st.builds(
    compile_churn,
    st.just(default_policy()),
    st.just(DEFAULT_CALIBRATION.churn) | coefficients,
    st.just(DEFAULT_CALIBRATION.alive) | st.builds(Params, positive, positive, positive, positive),
)


@st.composite
def customers(draw):
    """The facts of a customer, and a moment not before any of them."""
    n = draw(st.integers(1, 60))
    first_at = draw(st.integers(1_000_000_000_000, 1_700_000_000_000))
    last_at = first_at + (draw(st.integers(0, 1_000 * DAY)) if n > 1 else 0)
    as_of = last_at + draw(st.integers(0, 300 * DAY))
    answered = draw(st.integers(first_at, as_of))
    return n, first_at, last_at, as_of, draw(st.integers(0, 5)), draw(st.integers(-1, 10)), answered


@st.composite
def active(draw):
    """A customer as above, and what else they did."""
    customer = draw(customers())
    period = customer[3] // PERIOD
    counts = st.dictionaries(st.integers(period - 14, period), st.integers(0, 20), max_size=4)
    carts = st.just(NEVER_DONE) | st.integers(customer[1], customer[3])
    return customer, draw(st.builds(Activity, counts, counts, counts, counts, carts))


def later(customer, as_of):
    return (*customer[:3], as_of, *customer[4:])


@given(models, customers())
def test_the_reasons_are_exactly_the_parts(model, customer):
    reasons = contributions(model, *customer)
    assert logit(model, *customer) == pytest.approx(model.coefficients.bias + sum(part.weight for part in reasons))
    assert len({part.code for part in reasons}) == len(reasons)
    assert reasons[0].code == "p_alive"
    assert 0 <= risk(logit(model, *customer)) <= 1


@given(models, active(), st.integers(0, 500 * DAY))
def test_what_is_seen_does_not_change_before_the_timer_either(model, seen, wait):
    customer, activity = seen
    due = next_change(model, *customer, activity=activity)
    then = max(min(customer[3] + wait, due - SECOND), customer[3])
    codes = {part.code for part in contributions(model, *later(customer, then), activity=activity)} - {"quiet"}
    now = {part.code for part in contributions(model, *customer, activity=activity)} - {"quiet"}
    assert codes == now or "detractor" in codes ^ now
    assert logit(model, *customer, activity=activity) == pytest.approx(
        model.coefficients.bias + sum(part.weight for part in contributions(model, *customer, activity=activity))
    )


@given(models, active())
def test_the_evidence_is_what_the_parts_weigh(model, seen):
    customer, activity = seen
    weights, reasons = model.coefficients, contributions(model, *customer, activity=activity)
    said = evidence(model, reasons, *customer[:5])
    parts = (
        weights.bias,
        weights.p_alive * log_odds_gone(model.alive, said.repeats, said.last, said.age),
        weights.rhythm * rhythm(model.alive, said.repeats, said.last, model.horizon_weeks),
        weights.quiet * quiet(model.alive, said.last, said.age),
        (0.0, *weights.gap)[said.gap_step],
        weights.complaint * said.complaints,
        *(getattr(weights, name) for bit, name in enumerate(SIGNS) if said.signs >> bit & 1),
    )
    assert logit(model, *customer, activity=activity) == pytest.approx(sum(parts))


@given(models, customers(), st.integers(0, 500 * DAY))
def test_a_level_does_not_change_before_its_timer(model, customer, wait):
    as_of = customer[3]
    due = next_change(model, *customer)
    assert due > as_of
    assert due == NEVER or due % SECOND == 0
    just_before = min(as_of + wait, due - SECOND)
    if just_before > as_of:
        before = level(logit(model, *later(customer, just_before)), model.thresholds)
        now = level(logit(model, *customer), model.thresholds)
        faded = customer[5] in range(7) and just_before >= customer[6] + model.detractor_for > as_of
        # An answer fades in the middle of a second; its timer is at the end of it.
        assert before == now or faded


@given(models, customers())
def test_following_the_timer_leads_through_every_level_and_ends(model, customer):
    """Whoever sets one timer at a time sees each level rise within a second of its crossing."""
    as_of, looks = customer[3], 0
    while (due := next_change(model, *later(customer, as_of))) != NEVER:
        crossing = next_crossing(model, *later(customer, as_of))
        before = level(logit(model, *later(customer, as_of)), model.thresholds)
        assert due > as_of
        as_of = due
        looks += 1
        after = level(logit(model, *later(customer, as_of)), model.thresholds)
        if due == crossing and after <= before:
            # Rounding: the moment was met a little early; a second later it is met for good.
            retry = logit(model, *later(customer, as_of + SECOND))
            faded = after < before
            assert faded or level(retry, model.thresholds) > before
    last = level(logit(model, *later(customer, as_of)), model.thresholds)
    assert last == len(model.thresholds) or next_crossing(model, *later(customer, as_of)) == NEVER
    # Four levels, four gap steps, one answer; a level is met twice where an answer fades, and a retry each.
    assert looks <= 20


@given(models, customers(), st.integers(1, 3))
def test_one_more_complaint_never_lowers_the_risk(model, customer, more):
    worse = (*customer[:4], customer[4] + more, *customer[5:])
    assert logit(model, *worse) >= logit(model, *customer) - 1e-12


@given(models, customers(), st.integers(0, 500 * DAY))
def test_silence_never_lowers_the_risk_of_whoever_said_nothing(model, customer, wait):
    silent = (*customer[:5], -1, 0)
    assert logit(model, *later(silent, silent[3] + wait)) >= logit(model, *silent) - 1e-12
