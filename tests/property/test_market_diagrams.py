"""Decision diagrams of rule segments, plain and native, say what the conditions say."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.scoring.abc import CLASSES
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.lifecycle import STAGES
from stream.scoring.market_classes import compile_market_segments
from stream.scoring.market_diagrams import dimensions, plain_segments
from stream.scoring.market_segments import RULES_MAX, MarketPolicy, RuleSegment
from stream.scoring.policy import LEVELS, default_policy
from stream.scoring.rfm import CELLS
from stream.scoring.table_reader import PolicyError
from stream.scoring.tiers import TIERS
from stream.state.customer import MATRIX_BITS
from stream.state.model import compile_model
from stream.state.plain import layout as at
from stream.state.plain.market import market_segments_of
from stream.state.plain.rules import SegmentNames, compile_rules

POLICY = default_policy()
DIMENSIONS = dimensions(POLICY.segments, POLICY.matrices)
MATRICES = {matrix.name: sorted({name for row in matrix.cells for name in row}) for matrix in POLICY.matrices}
SEGMENTS = sorted({classes["segment"] for classes in DIMENSIONS[1]})

TEXTS = {
    "tier": TIERS,
    "segment": SEGMENTS,
    "abc": CLASSES,
    "lifecycle": STAGES,
    "level": LEVELS,
    "need": ("none", "price"),
    "conduct": ("none", "high"),
    "kind": ("individual",),
    "region": ("north",),
    "registration_age": ("new",),
    **MATRICES,
}


def quoted(name, values):
    known = st.sampled_from(values).map(lambda text: f'"{text}"')
    return known if name in ("tier", "abc", "lifecycle", "level", "need", "conduct") else known | st.just("null")


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from((*TEXTS, "r", "f", "m")))
    if name in TEXTS:
        value = quoted(name, TEXTS[name])
        operator = draw(st.sampled_from(("==", "!=", "in", "not in")))
    else:
        value = st.integers(0, 5).map(str)
        operator = draw(st.sampled_from(("==", "!=", "<", "<=", ">", ">=", "in", "not in")))
    if "in" in operator:
        return f"{name} {operator} [{', '.join(draw(st.lists(value, min_size=1, max_size=3)))}]"
    return f"{name} {operator} {draw(value)}"


conditions = st.recursive(
    comparisons(),
    lambda parts: (
        st.tuples(parts, st.sampled_from((" and ", " or ")), parts).map("({0[0]}{0[1]}{0[2]})".format)
        | parts.map("not ({})".format)
    ),
    max_leaves=4,
)
values_of_all = st.tuples(*(st.integers(0, len(dimension) - 1) for dimension in DIMENSIONS))

#: They meet all there is: rules of one class, of many, and with nothing but the unknown.
WIDE = (
    'tier == "high" and level in ["medium", "high", "churned"]',
    'need == "none"',
    'kind == "enterprise"',
    'abc == "A" or lifecycle == "churned"',
    "segment in ['champions', 'loyal'] and m < 4",
    "value_loyalty == null or value_frequency != null and r >= 3",
    "profitability_tenure in ['strangers', null] and not tier == 'none'",
)


def policy_of(rules):
    named = tuple(RuleSegment(f"rule {place}", when) for place, when in enumerate(rules))
    return replace(POLICY, market_segments=MarketPolicy(POLICY.market_segments.registration_ages, named))


def is_allowed(rules):
    try:
        policy_of(rules)
    except PolicyError:
        return False
    return True


def bits_of(market, values):
    """What the conditions say."""
    classes = {"need": "none", "conduct": "none", "kind": None, "region": None, "registration_age": None}
    for dimension, value in zip(DIMENSIONS, values, strict=True):
        classes |= dimension[value]
    return market.bits(classes)


@settings(max_examples=60)
@given(st.lists(conditions, max_size=5).filter(is_allowed), st.lists(values_of_all, min_size=1))
@example(WIDE, [(3, 124, 3, 0, 4, 1, 1, 1, 1)])
def test_diagrams_say_what_the_conditions_say(rules, customers):
    policy = policy_of(rules)
    market = compile_market_segments(policy.market_segments, policy.segments, policy.matrices)
    plain = plain_segments(market, DIMENSIONS)
    assert len(plain.nodes) <= sum(len(condition.comparisons) for condition in market.conditions)
    for values in customers:
        assert plain.bits(values) == bits_of(market, values)


@lru_cache
def natively(rules):
    """A model with these rules, and what native code has of it."""
    model = compile_model(policy_of(rules), DEFAULT_CALIBRATION)
    return model, compile_rules(model, SegmentNames(), 1_000, 2)


@settings(max_examples=200)
@given(st.sampled_from(((), WIDE[1:2], WIDE[:2], WIDE, WIDE[::-1] * 4)), values_of_all)
def test_native_code_finds_the_same(rules, values):
    model, compiled = natively(rules[:RULES_MAX])
    row = np.zeros(at.COLUMNS, np.int64)
    row[at.TIER], cell, row[at.ABC], row[at.LIFECYCLE], row[at.LEVEL], *cells = values
    row[at.MATRIX] = sum(number << place * MATRIX_BITS for place, number in enumerate(cells))
    # Sums and a silence that make the cell.
    r, f, m = CELLS[cell]
    row[at.FREQUENCY] = lowest(model.frequency_edges, f)
    row[at.MONETARY] = lowest(model.monetary_edges, m)
    row[at.AS_OF] = 0 if r == 5 else model.recency_edges[4 - r]
    assert market_segments_of(row, compiled) == model.market.said(bits_of(model.market, values))


def lowest(edges, score):
    """The lowest whole figure with a score from 1 to 5, none below 1."""
    return 1 if score == 1 else int(np.ceil(edges[score - 2]))
