"""The reasons are the parts of the score, and each change is announced to the second."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, exp, log, nextafter

import msgspec
import pytest

from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.churn import (
    contributions,
    gap_moments,
    level,
    logit,
    next_change,
    next_crossing,
    risk,
    usual_gap,
)
from stream.scoring.churn_model import compile_churn
from stream.scoring.policy import LEVELS
from stream.scoring.units import DAY, NEVER, SECOND, WEEK

from .models import CHURN, POLICY

START = 1_500_000_000_000
REGULAR = (5, START, START + 40 * DAY)  # five orders, ten days apart
LAST = REGULAR[2]


def weights(*facts, model=CHURN):
    return {reason.code: reason.weight for reason in contributions(model, *facts)}


def test_silence_alone_is_the_log_odds_of_being_gone():
    r, alpha, a, b = DEFAULT_CALIBRATION.alive
    as_of = START + 30 * WEEK
    assert weights(1, START, START, as_of) == {"p_alive": pytest.approx(log(a / b) + r * log((alpha + 30) / alpha))}


@pytest.mark.parametrize(
    ("ratio", "weight"),
    [(1.4999, None), (1.5, 0.3), (2, 0.7), (2.9999, 0.7), (3, 1.2), (5, 1.8), (99, 1.8)],
)
def test_gap_steps(ratio, weight):
    assert weights(*REGULAR, LAST + int(ratio * 10 * DAY)).get("gap") == weight


def test_a_gap_step_counts_from_its_whole_second_on():
    n, first, last = 4, START, START + 30 * DAY + 1
    (moment, *_) = gap_moments(CHURN, n, first, last)
    assert moment == ceil((last + 1.5 * (last - first) / 3) / SECOND) * SECOND
    assert "gap" not in weights(n, first, last, moment - 1)
    assert "gap" in weights(n, first, last, moment)


def test_without_a_rhythm_there_is_no_gap():
    assert usual_gap(CHURN, 2, START, START + 10 * DAY) is None
    assert usual_gap(CHURN, 3, START, START) is None
    assert gap_moments(CHURN, 2, START, START + 10 * DAY) == ()


def test_a_usual_gap_is_never_shorter_than_a_day():
    assert usual_gap(CHURN, 10, START, START + 9 * 60_000) == DAY


def test_complaints_count_up_to_the_cap():
    assert "open_complaints" not in weights(*REGULAR, LAST, 0)
    counted = [weights(*REGULAR, LAST, tickets)["open_complaints"] for tickets in (1, 2, 3, 4, 50)]
    assert counted == pytest.approx([0.8, 1.6, 2.4, 2.4, 2.4])


@pytest.mark.parametrize(("score", "counts"), [(-1, False), (0, True), (6, True), (7, False), (10, False)])
def test_detractors_answer_six_or_less(score, counts):
    assert ("detractor" in weights(*REGULAR, LAST, 0, score, LAST)) is counts


def test_a_detractors_answer_fades_at_the_end_of_its_days():
    end = LAST + 90 * DAY
    assert "detractor" in weights(*REGULAR, end - 1, 0, 3, LAST)
    assert "detractor" not in weights(*REGULAR, end, 0, 3, LAST)


def test_reasons_carry_the_figures_behind_them():
    reasons = contributions(CHURN, *REGULAR, LAST + 25 * DAY, 4, 2, LAST + 20 * DAY)
    details = {reason.code: reason.detail for reason in reasons}
    assert details["p_alive"]["orders"] == 5
    assert 0 < details["p_alive"]["p_alive"] < 1
    assert details["gap"] == {"days_since_last_order": 25, "usual_gap_days": 10, "step": 2}
    assert details["open_complaints"] == {"open": 4, "counted": 3}
    assert details["detractor"] == {"score": 2, "days_since_answer": 5}


def test_the_bias_and_the_reasons_add_up_to_the_score():
    coefficients = msgspec.structs.replace(DEFAULT_CALIBRATION.churn, bias=-0.25, p_alive=1.5)
    model = compile_churn(POLICY, coefficients, DEFAULT_CALIBRATION.alive)
    facts = (*REGULAR, LAST + 25 * DAY, 1, 2, LAST)
    assert logit(model, *facts) == pytest.approx(-0.25 + sum(weights(*facts, model=model).values()))


def test_levels_begin_at_their_risk():
    for rank, (name, theta) in enumerate(POLICY.churn.levels, start=1):
        threshold = CHURN.thresholds[rank - 1]
        assert risk(threshold) == pytest.approx(theta)
        assert LEVELS[level(threshold, CHURN.thresholds)] == name
        assert level(threshold - 1e-9, CHURN.thresholds) == rank - 1


def test_the_crossing_is_the_closed_form_of_the_contract():
    n, first, last = REGULAR
    r, alpha, a, b = DEFAULT_CALIBRATION.alive
    as_of, x, t_x = last + 16 * DAY, 4, 40 * DAY / WEEK
    others = 0.3 + 0.8  # one gap step and one complaint
    rank = level(logit(CHURN, n, first, last, as_of, 1), CHURN.thresholds)
    exponent = (CHURN.thresholds[rank] - others - log(a / (b + x))) / (r + x)
    weeks = (alpha + t_x) * exp(exponent) - alpha
    expected = ceil((first + weeks * WEEK) / SECOND) * SECOND
    assert next_crossing(CHURN, n, first, last, as_of, 1) == expected


def test_whoever_is_lost_crosses_nothing_more():
    as_of = LAST + 2_000 * WEEK
    assert level(logit(CHURN, *REGULAR, as_of), CHURN.thresholds) == 4
    assert next_crossing(CHURN, *REGULAR, as_of) == NEVER
    assert next_change(CHURN, *REGULAR, as_of) == NEVER


def test_a_crossing_after_the_last_date_never_comes():
    slow = DEFAULT_CALIBRATION.alive._replace(r=0.05)
    model = compile_churn(POLICY, DEFAULT_CALIBRATION.churn, slow)
    as_of = START + 5_000 * WEEK
    assert next_crossing(model, 1, START, START, as_of) == NEVER


@pytest.mark.parametrize("days", range(1, 30))
def test_a_crossing_that_rounding_takes_for_past_is_looked_for_a_second_later(days):
    """A level one bit above the score is reached at once, yet not before `as_of`: its timer must not be lost."""
    as_of = START + days * DAY
    score = logit(CHURN, 1, START, START, as_of)
    model = CHURN._replace(thresholds=(nextafter(score, 9.0),))
    assert next_crossing(model, 1, START, START, as_of) == as_of + SECOND


def test_the_next_change_is_the_earliest_of_all():
    n, first, last = REGULAR
    assert next_change(CHURN, n, first, last, last) == min(
        gap_moments(CHURN, n, first, last)[0], next_crossing(CHURN, n, first, last, last)
    )
    answered = last - 90 * DAY + 5 * SECOND + 1
    assert next_change(CHURN, n, first, last, last, 0, 0, answered) == last + 6 * SECOND


def test_a_calibration_for_other_gap_steps_is_refused():
    policy = replace(POLICY, churn=replace(POLICY.churn, gap_ratios=(2.0, 4.0)))
    with pytest.raises(ValueError, match="4 gap weights, the policy has 2"):
        compile_churn(policy, DEFAULT_CALIBRATION.churn, DEFAULT_CALIBRATION.alive)
