"""Rule segments: conditions that cannot mean what they say are refused, the others hold for whom they should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.scoring.market_classes import compile_market_segments
from stream.scoring.market_segments import (
    RULES_MAX,
    MarketPolicy,
    RuleSegment,
    next_age_change,
    registration_age,
)
from stream.scoring.rule_expressions import DEPTH_MAX, LENGTH_MAX, Condition
from stream.scoring.rule_words import ExpressionError, Text, Whole
from stream.scoring.table_reader import PolicyError
from stream.scoring.units import DAY, NEVER

from .models import POLICY

WORDS = {"tier": Text(("none", "low", "mid", "high")), "region": Text(), "r": Whole(0, 5)}
SHIPPED = compile_market_segments(POLICY.market_segments, POLICY.segments, POLICY.matrices)

#: A customer of whom only what every record has is known.
NOBODY = {
    "tier": "none",
    "segment": None,
    "abc": "none",
    "lifecycle": "prospect",
    "level": "none",
    "need": "none",
    "conduct": "none",
    "r": 0,
    "f": 0,
    "m": 0,
    "kind": None,
    "region": None,
    "registration_age": None,
    **{matrix.name: None for matrix in POLICY.matrices},
}


def compiled(*conditions, matrices=POLICY.matrices):
    rules = tuple(RuleSegment(f"rule {place}", when) for place, when in enumerate(conditions))
    policy = MarketPolicy(POLICY.market_segments.registration_ages, rules)
    return compile_market_segments(policy, POLICY.segments, matrices)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('tierx == "high"', r"'tierx' is no name that is known here; allowed are tier, region, r"),
        ('tier == "hihg"', r"tier can never be 'hihg'; it is one of none, low, mid, high"),
        ('tier in ["high", "mud"]', r"tier can never be 'mud'"),
        ("tier == 3", r"tier is a text and can be compared with texts and null only"),
        ("r == 6", r"r can never be 6; it is a whole number from 0 to 5"),
        ("r >= 3.5", r"r can never be 3\.5"),
        ('r >= "a"', r"compares what cannot be compared"),
        ('r == "3"', r"r is a whole number and can be compared with numbers only"),
        ("r == null", r"r is a whole number"),
        ('tier > "low"', r"compares what cannot be compared: a text has no < or >"),
        ('"a" in region', r"compares what cannot be compared"),
        ("tier == region", r"a comparison is between a name and a value"),
        ("tier", r"each part must be a comparison"),
        ("true", r"each part must be a comparison"),
        ("r == 1 and true", r"each part must be a comparison"),
        ("1 == 1", r"each part must be a comparison"),
        ("[1, 2]", r"each part must be a comparison"),
        ("[x for x in [1]]", r"each part must be a comparison"),
        ('region == d"2020-01-01"', r"region is a text"),
        ("region.length == 3", r"compares what cannot be compared"),
        ("$now", r"'\$' is not allowed here"),
        ("$random(3) == 1", r"'\$' is not allowed here"),
        ('region =~ "(a+)+$"', r"'~' is not allowed here"),
        ("r + 1 == 2", r"'\+' is not allowed here"),
        ("9**9**9**9 == r", r"'\*' is not allowed here"),
        ("r == 1 ? true : false", r"'\?' is not allowed here"),
        ('tier == "high" or', r"syntax error"),
        ("r == 1 r == 2", r"syntax error"),
        ('tier == "high', r"'\"' is not allowed here"),
        (" ", r"syntax error"),
        ("r == 1 or " * 60 + "r == 1", rf"has 606 characters, at most {LENGTH_MAX} are allowed"),
        ("not " * (DEPTH_MAX + 1) + "r == 1", rf"is more than {DEPTH_MAX} conditions deep"),
    ],
)
def test_a_condition_that_cannot_hold_what_it_says_is_refused(text, complaint):
    with pytest.raises(ExpressionError, match=complaint):
        Condition(text, WORDS)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ('region == "north"', None, False),
        ('region == "north"', "north", True),
        ('"north" == region', "north", True),
        ('region != "north"', None, True),
        ('region != "north" and region != null', None, False),
        ("region == null", None, True),
        ('region in ["north", "south"]', None, False),
        ('region in ["north", null]', None, True),
        ('region not in ["north"]', None, True),
        ('not (region == "north")', None, True),
        ("region == 'a (b) + $now =~ \"c\"'", 'a (b) + $now =~ "c"', True),
        ("3 <= r and r < 5", None, True),
        ('r in [1, 2] or tier in ["mid", "high"]', None, True),
        ("(" * 60 + "r == 3" + ")" * 60, None, True),
    ],
)
def test_what_is_unknown_is_equal_to_nothing(text, region, expected):
    assert Condition(text, WORDS).holds({"tier": "high", "region": region, "r": 3}) is expected


def test_shipped_rules_hold_for_whom_they_should():
    assert SHIPPED.names(SHIPPED.bits(NOBODY)) == ()
    for change, names in (
        ({"kind": "enterprise", "abc": "A"}, ("key_accounts",)),
        ({"abc": "A"}, ()),
        ({"tier": "high", "level": "high"}, ("best_at_risk",)),
        ({"need": "price", "profitability_tenure": "strangers"}, ("bargain_hunters",)),
        ({"need": "price"}, ()),
        ({"registration_age": "settled"}, ("registered_never_bought",)),
        ({"registration_age": "settled", "lifecycle": "loyal"}, ()),
    ):
        assert SHIPPED.names(SHIPPED.bits(NOBODY | change)) == names, change


def test_who_entered_and_who_left():
    table = compiled("r == 1", "r >= 1", "r == 2")
    one, two = table.bits({"r": 1}), table.bits({"r": 2})
    assert (one, two) == (0b011, 0b110)
    assert table.entered(one, two) == ("rule 2",)
    assert table.left(one, two) == ("rule 0",)


def test_equal_classes_are_evaluated_once():
    table = compiled("r == 1", 'region == "north"')
    assert table.uses == ("r", "region")
    for tier in ("low", "high"):
        table.bits(NOBODY | {"tier": tier})
    assert table.remembered() == (1, 1)


def test_a_policy_without_rules_has_no_segments():
    assert compiled().bits(NOBODY) == 0


def test_all_places_have_a_bit():
    table = compiled(*["r == 0"] * RULES_MAX)
    assert table.bits(NOBODY) == 2**RULES_MAX - 1


def test_every_class_and_matrix_is_a_name():
    table = compiled(" or ".join(f"{name} == {0 if name in 'rfm' else 'null'}" for name in NOBODY))
    assert set(table.uses) == set(NOBODY)
    assert table.bits(NOBODY) == 1


def test_a_complaint_names_the_rule():
    with pytest.raises(
        PolicyError, match=r"market_segments\.rules\[1\]\.when = 'lifecycle == \"lojal\"': lifecycle can"
    ):
        compiled("r == 1", 'lifecycle == "lojal"')


def test_a_matrix_may_not_take_the_name_of_a_class():
    taken = tuple(replace(matrix, name="region") for matrix in POLICY.matrices[:1])
    with pytest.raises(PolicyError, match=r"matrix\.region: this is the name of a class"):
        compiled(matrices=taken)


def test_registration_ages():
    policy = POLICY.market_segments
    now = 1_000 * DAY
    days = (0, 89, 90, 729, 730, 5_000)
    assert [registration_age(policy, now - day * DAY, now) for day in days] == [
        *("new", "new", "settled", "settled", "longstanding", "longstanding")
    ]
    # Somebody may be known before they register.
    assert registration_age(policy, now + DAY, now) == "new"
    assert next_age_change(policy, now, now) == now + 90 * DAY
    assert next_age_change(policy, now, now + 90 * DAY) == now + 730 * DAY
    assert next_age_change(policy, now, now + 730 * DAY) == NEVER
    assert next_age_change(policy, now + 1, now) == now + 90 * DAY + 1_000
