"""Laws of satisfaction, anomalies, conduct, themes and rule segments."""

from __future__ import annotations

from operator import eq, ge, gt, le, lt, ne

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.scoring.anomaly import MEASURES, judge, usual
from stream.scoring.conduct import HIGH, NONE, WATCH, figures, level, wilson_lower
from stream.scoring.market_classes import compile_market_segments
from stream.scoring.market_segments import MarketTable, next_age_change, registration_age
from stream.scoring.policy import default_policy
from stream.scoring.rule_expressions import Condition
from stream.scoring.rule_words import Text, Whole
from stream.scoring.satisfaction import acsi, csi, nps, nps_group
from stream.scoring.themes import compile_themes, rise, themes_of
from stream.scoring.units import DAY, NEVER

POLICY = default_policy()
THEMES = compile_themes(POLICY.themes)

answers = st.integers(0, 10)
ten = st.integers(1, 10)
measures = st.sampled_from(sorted(MEASURES))
values = st.lists(st.floats(0, 1e6), max_size=80)


@given(st.lists(answers, min_size=1), st.randoms(use_true_random=False))
def test_nps_of_groups_added_up_is_nps_of_all(given_answers, chance):
    """Any way of cutting the answers into windows and adding the sums gives the figure of all answers."""
    groups = [nps_group(answer) for answer in given_answers]
    names = ("promoter", "passive", "detractor")
    cut = chance.randrange(len(groups) + 1)
    parts = [[part.count(name) for name in names] for part in (groups[:cut], groups[cut:])]
    found = nps(*map(sum, zip(*parts, strict=True)))
    assert found == nps(*(groups.count(name) for name in names))
    assert -100 <= found <= 100


@given(ten, ten, ten)
def test_indices_rise_with_every_answer(a, b, c):
    here = acsi(a, b, c)
    assert 0 <= here <= 100
    assert acsi(min(a + 1, 10), b, c) >= here
    assert acsi(a, b, c) == acsi(c, b, a)


@given(st.dictionaries(st.sampled_from(["quality", "service", "price", "staff"]), st.floats(1, 10), min_size=1))
def test_csi_lies_between_its_dimensions(dimensions):
    policy = POLICY.satisfaction
    found = csi(policy, dimensions)
    assert 10 * min(dimensions.values()) - 1e-9 <= found <= 10 * max(dimensions.values()) + 1e-9
    assert csi(policy, dict(reversed(dimensions.items()))) == found


@given(measures, values, st.randoms(use_true_random=False))
def test_a_figure_within_the_usual_range_is_no_anomaly(name, history, chance):
    measure, policy = MEASURES[name], POLICY.anomaly
    history = [min(value, measure.highest) for value in history]
    found = usual(policy, measure, history)
    if found is None:
        assert len(history) < policy.orders_min
        return
    assert found.low <= found.middle * (1 + 1e-9)
    assert found.middle <= found.high * (1 + 1e-9)
    assert found.seen == min(len(history), policy.history_max)
    latest, before = history[-policy.history_max :], usual(policy, measure, history[-policy.history_max - 1 : -1])
    inside = chance.uniform(found.low, found.high)
    near = judge(policy, measure, history, inside)
    assert near is None or abs(near.z) < policy.z * (1 + 1e-6)
    for far in (found.high * 1.01 + 1, found.low * 0.99 - 1e-6):
        if measure.lowest <= far <= measure.highest:
            told = judge(policy, measure, history, far)
            if far <= max(latest) and (not measure.low or far >= min(latest)):
                assert told is None
            elif before is None or before.low < history[-1] < before.high:
                assert told.usual == found


@given(measures, st.lists(st.floats(0, 1e6), max_size=60), st.floats(0, 1e6), st.randoms(use_true_random=False))
def test_the_order_of_an_anomalys_history_does_not_matter(name, history, value, chance):
    """Within what is looked back at; and what is older than that does not matter at all."""
    history = history[-POLICY.anomaly.history_max :]
    there = usual(POLICY.anomaly, MEASURES[name], history)
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert usual(POLICY.anomaly, MEASURES[name], shuffled) == there
    full = (history * POLICY.anomaly.history_max)[: POLICY.anomaly.history_max]
    assert usual(POLICY.anomaly, MEASURES[name], [7.0, *full]) == (
        usual(POLICY.anomaly, MEASURES[name], full) if history else None
    )
    longer = [1.0, *full, *full]
    assert judge(POLICY.anomaly, MEASURES[name], longer, value) == (
        judge(POLICY.anomaly, MEASURES[name], longer[1:], value) if history else None
    )


@given(st.integers(1, 500), st.data(), st.floats(0, 1), st.sampled_from([NONE, WATCH, HIGH]))
def test_more_returns_never_give_a_better_level(orders, data, population, said):
    policy = POLICY.conduct
    returned = data.draw(st.integers(0, orders))
    assert 0 <= wilson_lower(returned, orders, policy.z) <= returned / orders
    here = level(policy, figures(policy, orders, returned, population), said)
    if returned < orders:
        assert level(policy, figures(policy, orders, returned + 1, population), said) >= here
    # Once said it stays, and who was said to be worse is not called better for it.
    assert level(policy, figures(policy, orders, returned, population), here) == here
    assert level(policy, figures(policy, orders, returned, population), NONE) <= here


@given(st.integers(0, 100), st.lists(st.integers(0, 40), max_size=6), st.randoms(use_true_random=False))
def test_the_more_mentions_the_surer_a_rise(count, past, chance):
    found = rise(POLICY.themes, count, past)
    chance.shuffle(past)
    assert rise(POLICY.themes, count, past) == found
    if found is not None:
        assert rise(POLICY.themes, count + 1, past).chance <= found.chance


@given(st.lists(st.text(max_size=80), max_size=12), st.text(max_size=200))
def test_themes_are_themselves_again_as_tags(tags, text):
    found = themes_of(THEMES, tags, text)
    assert len(set(found)) == len(found)
    assert not found or themes_of(THEMES, found, text) == found


tiers = ("none", "low", "mid", "high")
WORDS = {"tier": Text(tiers), "region": Text(), "r": Whole(0, 5)}
words = st.fixed_dictionaries(
    {
        "tier": st.sampled_from(tiers),
        "region": st.none() | st.sampled_from(["north", "south"]),
        "r": st.integers(0, 5),
    }
)
comparisons = st.one_of(
    st.tuples(st.just("tier"), st.sampled_from(["==", "!="]), st.sampled_from(tiers)),
    st.tuples(st.just("region"), st.sampled_from(["==", "!="]), st.sampled_from(["north", None])),
    st.tuples(st.just("r"), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(0, 5)),
    st.tuples(st.just("r"), st.sampled_from(["in", "not in"]), st.lists(st.integers(0, 5), min_size=1)),
    st.tuples(st.just("region"), st.sampled_from(["in", "not in"]), st.just(["north", None])),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(inner, st.sampled_from(["and", "or"]), inner)),
    max_leaves=4,
)


MEANING = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "in": lambda here, these: here in these,
    "not in": lambda here, these: here not in these,
}


def value(what):
    if isinstance(what, list):
        return f"[{', '.join(map(value, what))}]"
    return "null" if what is None else f'"{what}"' if isinstance(what, str) else str(what)


def written(condition):
    match condition:
        case ("not", inner):
            return f"not ({written(inner)})"
        case (left, "and" | "or" as how, right):
            return f"({written(left)}) {how} ({written(right)})"
        case (name, how, what):
            return f"{name} {how} {value(what)}"


def meant(condition, classes):
    match condition:
        case ("not", inner):
            return not meant(inner, classes)
        case (left, "and", right):
            return meant(left, classes) and meant(right, classes)
        case (left, "or", right):
            return meant(left, classes) or meant(right, classes)
        case (name, how, what):
            return MEANING[how](classes[name], what)


@settings(max_examples=60, deadline=None)
@given(conditions, words)
def test_a_condition_means_what_python_would_mean(condition, classes):
    text = written(condition)
    assert Condition(text, WORDS).holds(classes) is meant(condition, classes)


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=20))
def test_what_is_remembered_is_what_would_be_evaluated(customers):
    market = POLICY.market_segments
    table = compile_market_segments(market, POLICY.segments, POLICY.matrices)
    assert isinstance(table, MarketTable)
    for known in customers:
        classes = {
            "tier": known["tier"],
            "abc": "A" if known["r"] > 2 else "C",
            "lifecycle": "prospect" if known["r"] == 0 else "loyal",
            "level": "high" if known["r"] % 2 else "none",
            "need": "price" if known["r"] > 3 else "none",
            "kind": "enterprise" if known["region"] else None,
            "registration_age": "settled" if known["region"] == "south" else None,
            "profitability_tenure": "strangers" if known["region"] == "north" else None,
        }
        fresh = compile_market_segments(market, POLICY.segments, POLICY.matrices)
        assert table.bits(classes) == fresh.bits(classes)


@given(st.integers(0, 10**12), st.integers(0, 3_000 * DAY))
def test_a_registration_age_changes_when_it_is_said_to(registered, age):
    market, as_of = POLICY.market_segments, registered + age
    due = next_age_change(market, registered, as_of)
    here = registration_age(market, registered, as_of)
    if due == NEVER:
        assert here == market.registration_ages[-1][0]
    else:
        assert due > as_of
        assert registration_age(market, registered, due) != here
        assert registration_age(market, registered, due - 1) == here
