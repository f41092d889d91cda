"""Indices of satisfaction are their published formulas."""

from __future__ import annotations

from itertools import product

import pytest

from stream.scoring import satisfaction
from stream.scoring.satisfaction import (
    SatisfactionPolicy,
    acsi,
    csat_share,
    csi,
    index,
    is_satisfied,
    mean,
    nps,
    nps_group,
)

from .models import POLICY

PLAIN = SatisfactionPolicy(weights=())


@pytest.mark.golden
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        # DEFINITIONS.md: NPS = %(9-10) - %(0-6).
        ([10, 9, 8, 7, 6, 0], 0.0),
        ([10, 9, 9, 8], 75.0),
        ([0, 6, 7], -200 / 3),
        (list(range(11)), 100 * (2 - 7) / 11),
    ],
)
def test_nps_is_promoters_less_detractors(answers, expected):
    groups = [nps_group(answer) for answer in answers]
    found = nps(groups.count("promoter"), groups.count("passive"), groups.count("detractor"))
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.golden
def test_acsi_is_its_formula():
    """DEFINITIONS.md: (X1 + X2 + X3 - 3) / 27 * 100, which is 0 for three ones and 100 for three tens."""
    assert (acsi(1, 1, 1), acsi(10, 10, 10), acsi(4, 4, 4)) == (0, 100, pytest.approx(100 / 3))
    for three in product((1, 4, 7, 10), repeat=3):
        assert acsi(*three) == pytest.approx((sum(three) - 3) / 27 * 100)


@pytest.mark.golden
def test_csi_is_the_weighted_mean_times_ten():
    """DEFINITIONS.md: weighted mean of dimension scores (1..10) times 10, with the given weights."""
    weighted = SatisfactionPolicy(weights=(("quality", 3.0), ("price", 2.0)))
    assert csi(weighted, {"quality": 8, "price": 6, "staff": 10}) == pytest.approx(10 * (24 + 12 + 10) / 6)
    assert csi(PLAIN, {"quality": 8, "price": 6}) == 70
    assert csi(PLAIN, {}) is None


def test_a_dimension_without_answer_does_not_weigh():
    assert csi(POLICY.satisfaction, {"quality": 7}) == 70


def test_three_known_dimensions_are_an_acsi():
    three = {"overall": 8, "expectations": 7, "ideal": 7}
    assert index(PLAIN, three) == ("acsi", acsi(8, 7, 7))
    assert index(PLAIN, three | {"price": 7})[0] == "csi"
    assert index(PLAIN, {}) is None


def test_csat_has_a_mean_and_a_share():
    answers = [5, 4, 3, 1]
    assert mean(sum(answers), len(answers)) == 3.25
    assert csat_share(sum(map(is_satisfied, answers)), len(answers)) == 50


@pytest.mark.parametrize("figure", [nps(0, 0, 0), csat_share(0, 0), mean(0, 0)])
def test_nobody_asked_is_no_figure(figure):
    assert figure is None


@pytest.mark.parametrize(
    ("what", "answers", "complaint"),
    [
        (nps_group, (11,), r"NPS = 11: must be from 0 to 10"),
        (nps_group, (-1,), r"NPS = -1"),
        (is_satisfied, (0,), r"CSAT = 0: must be from 1 to 5"),
        (acsi, (5, 0, 5), r"ACSI expectations = 0: must be from 1 to 10"),
        (csi, (PLAIN, {"price": 10.5}), r"dimension 'price' = 10\.5: must be from 1 to 10"),
    ],
)
def test_an_answer_off_its_scale_is_refused(what, answers, complaint):
    with pytest.raises(ValueError, match=complaint):
        what(*answers)


def test_weights_are_read_by_name():
    assert dict(POLICY.satisfaction.weights)["quality"] == 3
    assert satisfaction.OTHER_WEIGHT == 1
