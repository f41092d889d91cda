"""Weights that made the samples are found again, within bounds, and what was said is judged by what came of it."""

from __future__ import annotations

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from stream.calibration.churn import churn_weights
from stream.scoring.alive import log_odds_gone, probability, quiet, rhythm
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.churn_learning import OUTCOMES_MIN, P_ALIVE_MIN, learn
from stream.scoring.churn_model import ChurnCoefficients
from stream.scoring.churn_samples import QUARTER, Counted, Evidence, Said, outcome_fields, pack, take, unpack
from stream.scoring.churn_validation import area, validate
from stream.scoring.policy import default_policy

PRIOR = DEFAULT_CALIBRATION.churn
TRUTH = ChurnCoefficients(
    bias=-0.5,
    p_alive=0.6,
    gap=(0.2, 0.2, 0.9, 1.5),
    complaint=0.5,
    detractor=1.2,
    rhythm=0.8,
    quiet=0.4,
    visits_falling=0.7,
    cart_left=0.3,
    campaign_ignored=0.0,
    repeat_complaints=0.9,
)
AS_OF = 190 * QUARTER
ALIVE = DEFAULT_CALIBRATION.alive
POLICY = default_policy().churn
HORIZON = POLICY.horizon_days / 7


def logit(weights, evidence):
    signs = ("detractor", "visits_falling", "cart_left", "campaign_ignored", "repeat_complaints")
    return (
        weights.bias
        + weights.p_alive * log_odds_gone(ALIVE, evidence.repeats, evidence.last, evidence.age)
        + weights.rhythm * rhythm(ALIVE, evidence.repeats, evidence.last, HORIZON)
        + weights.quiet * quiet(ALIVE, evidence.last, evidence.age)
        + weights.complaint * evidence.complaints
        + (0.0, *weights.gap)[evidence.gap_step]
        + sum(getattr(weights, name) for bit, name in enumerate(signs) if evidence.signs >> bit & 1)
    )


def drawn(rng):
    repeats, last = rng.choice((0, 1, 2, 4, 9, 30)), rng.uniform(1, 60)
    last = last if repeats else 0.0
    age = last + rng.expovariate(1) * (4 + last) / (1 + repeats)
    # As a sample keeps it.
    return unpack(pack(Evidence(repeats, last, age, rng.randrange(5), rng.randrange(4), rng.randrange(32))))


def population(customers, seed=7):
    """One customer each, with an outcome drawn by the true weights."""
    rng = Random(seed)
    found = []
    for _ in range(customers):
        evidence = drawn(rng)
        gone = rng.random() < probability(logit(TRUTH, evidence))
        found.append(Counted(190, evidence, int(gone), int(not gone)))
    return found


def test_the_weights_that_made_the_outcomes_are_found():
    found = learn(population(40_000), PRIOR, ALIVE, HORIZON).coefficients
    for name in TRUTH.__struct_fields__:
        assert np.array(getattr(found, name)) == pytest.approx(np.array(getattr(TRUTH, name)), abs=0.15), name


def test_counts_weigh_as_many_as_they_are():
    once = population(600)
    twice = learn([*once, *once], PRIOR, ALIVE, HORIZON)
    doubled = [one._replace(gone=2 * one.gone, kept=2 * one.kept) for one in once]
    assert np.array(learn(doubled, PRIOR, ALIVE, HORIZON).coefficients.gap) == pytest.approx(
        np.array(twice.coefficients.gap), abs=1e-4
    )
    assert learn(doubled, PRIOR, ALIVE, HORIZON).gone == twice.gone


def test_few_samples_stay_near_what_was_documented_and_fewer_teach_nothing():
    few = population(12 * OUTCOMES_MIN)
    assert abs(learn(few, PRIOR, ALIVE, HORIZON).coefficients.detractor - PRIOR.detractor) < 1
    assert learn([Counted(190, Evidence(0, 0.0, 9.0), 10_000, OUTCOMES_MIN - 1)], PRIOR, ALIVE, HORIZON) is None
    assert learn([Counted(190, Evidence(0, 0.0, 9.0), OUTCOMES_MIN - 1, 10_000)], PRIOR, ALIVE, HORIZON) is None
    assert learn([], PRIOR, ALIVE, HORIZON) is None


def test_evidence_never_speaks_for_whoever_shows_it():
    """Outcomes the wrong way round: every weight is at its bound, and the document is one that can be read."""
    turned = [one._replace(gone=one.kept, kept=one.gone) for one in population(4_000)]
    found = learn(turned, PRIOR, ALIVE, HORIZON).coefficients
    assert found.p_alive == P_ALIVE_MIN
    assert found.gap == (0, 0, 0, 0)
    assert found.rhythm == found.complaint == found.detractor == found.repeat_complaints == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(120, 400))
def test_whatever_is_learned_is_a_set_of_weights(seed, customers):
    learned = learn(population(customers, seed), PRIOR, ALIVE, HORIZON)
    assert learned is None or list(learned.coefficients.gap) == sorted(learned.coefficients.gap)
    assert learned == learn(population(customers, seed), PRIOR, ALIVE, HORIZON)


@given(st.lists(st.tuples(st.integers(-31, 31), st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_the_area_is_the_share_of_pairs_in_the_right_order(rows):
    said = [Said(190, logit / 4, False, gone, kept) for logit, gone, kept in rows]
    lost = [one.logit for one in said for _ in range(one.gone)]
    stayed = [one.logit for one in said for _ in range(one.kept)]
    if not lost or not stayed:
        assert area(said) is None
    else:
        statistic = mannwhitneyu(lost, stayed, method="asymptotic").statistic
        assert area(said) == pytest.approx(statistic / len(lost) / len(stayed), abs=1e-6)


def test_what_was_said_is_judged_quarter_by_quarter():
    good = [Said(189, 2.0, True, 8, 2), Said(189, -2.0, False, 1, 9)]
    bad = [Said(190, 2.0, True, 2, 8), Said(190, -2.0, False, 9, 1)]
    found = validate([*bad, *good])
    assert (found.samples, found.gone, found.warned) == (40, 20, 20)
    assert (found.precision, found.recall, found.auc) == (0.5, 0.5, 0.5)
    assert [quarter.begins_at for quarter in found.quarters] == [189 * QUARTER, 190 * QUARTER]
    assert found.quarters[0].auc > 0.8
    assert found.quarters[1].auc < 0.2
    assert [(one.said, one.gone, one.customers) for one in found.reliability] == [
        (0.119203, 0.5, 20),
        (0.880797, 0.5, 20),
    ]
    assert validate([]) is None


def test_the_next_calibration_learns_from_all_shards_and_says_from_how_many():
    rng = Random(3)
    shards: list[dict[str, int]] = [{"f:1": 5}, {}]
    for number in range(2_000):
        evidence = drawn(rng)
        gone = rng.random() < probability(logit(TRUTH, evidence))
        sample = take(evidence, logit(TRUTH, evidence), AS_OF, warned=logit(TRUTH, evidence) > 0)
        for field in outcome_fields(sample, AS_OF + (not gone)):
            shard = shards[number % 2]
            shard[field] = shard.get(field, 0) + 1
    found = churn_weights(shards, AS_OF, DEFAULT_CALIBRATION, ALIVE, POLICY)
    assert found == churn_weights(shards[::-1], AS_OF, DEFAULT_CALIBRATION, ALIVE, POLICY)
    assert found.notes.learned
    assert found.notes.gone + found.notes.kept == found.notes.validation.samples == 2_000
    assert found.notes.validation.auc > 0.8
    assert abs(found.coefficients.p_alive - TRUTH.p_alive) < 0.15
    unhappy = next(trait for trait in found.notes.traits if trait.name == "detractor")
    assert unhappy.gone > unhappy.kept > 0
    calibration = msgspec.structs.replace(DEFAULT_CALIBRATION, churn=found.coefficients, churn_notes=found.notes)
    assert Calibration.from_json(calibration.to_json()) == calibration
    later = churn_weights(shards, AS_OF + 9 * QUARTER, calibration, ALIVE, POLICY)
    assert (later.coefficients, later.notes.learned, later.notes.gone) == (found.coefficients, False, 0)
