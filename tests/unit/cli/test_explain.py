"""Whoever reads an explanation can work every figure out again, with nothing but what is printed."""

import json
import random
import re
from bisect import bisect_right
from math import exp, log

import pytest

from stream.commands.explain import explain
from stream.commands.explain_text import lines
from stream.contracts.decisions import FOLLOW_UP_DUE
from stream.contracts.events import InteractionEvent
from stream.contracts.times import format_time, parse_time
from stream.scoring.units import DAY, WEEK
from stream.state.packed import unpack_records
from tests.unit.state_kit import NOW, SHIPPED, order, shard_of

SAID_RANK = {"none": 0, "low": 1, "mid": 2, "high": 3}


def interaction(kind, number, at, **extra):
    given = {"ticket": 0, "score": -1, **extra}
    return InteractionEvent(
        type=kind, at=at, customer="c", event=number, event_id=str(number), channel="", offset=0, **given
    )


def history(seed):
    """A customer with a random past: orders, complaints, an answer."""
    rng = random.Random(seed)
    count = rng.choice((1, 2, 3, 8, 40))
    events = [
        order("c", number, NOW - int(rng.uniform(1, 500) * DAY), amount=rng.randrange(100, 30_000))
        for number in range(1, count + 1)
    ]
    events += [
        interaction("complaint.opened", 900 + number, NOW - DAY * number, ticket=number + 1)
        for number in range(rng.choice((0, 0, 1, 5)))
    ]
    if rng.random() < 0.5:
        events.append(interaction("feedback.nps", 990, NOW - int(rng.uniform(0, 200) * DAY), score=rng.randrange(11)))
    return events


def explained(events, as_of=NOW):
    _, outcome = shard_of(events)
    ((_, blob),) = unpack_records(outcome.records)
    return explain(blob, "c", as_of, SHIPPED, currency="EUR", exponent=2)


class Printed:
    """The text, and what can be read from it."""

    def __init__(self, found):
        self.text = "\n".join(lines(found))

    def one(self, pattern):
        match = re.search(pattern, self.text)
        assert match, f"{pattern!r} is not in\n{self.text}"
        return match.group(1)

    def number(self, pattern):
        return float(self.one(pattern.replace("#", r"([-+]?[\d.]+(?:e[-+]?\d+)?)")))

    def numbers(self, pattern):
        return [float(part) for part in self.one(pattern).split(", ")]


@pytest.mark.parametrize("seed", range(60))
def test_every_figure_follows_from_what_is_printed(seed):
    printed = Printed(explained(history(seed)))
    rank = check_scores(printed)
    check_tier(printed, rank)
    check_churn(printed)


def check_scores(printed):
    days = printed.number(r"recency +# days")
    first, last = parse_time(printed.one(r"first order, (\S+),")), parse_time(printed.one(r"last order, (\S+)"))
    now = parse_time(printed.one(r"to now, (\S+),"))
    assert first <= last
    assert days == pytest.approx((now - last) / DAY, rel=1e-5)
    r = printed.number(r"R = #")
    f, m = printed.number(r"F = #"), printed.number(r"M = #")
    if "No order is within the window" in printed.text:
        assert (r, f, m) == (1, 1, 1)
    else:
        assert r == 5 - bisect_right(printed.numbers(r"recency .*edges ([\d., ]+):"), days)
        assert f == 1 + bisect_right(
            printed.numbers(r"frequency .*edges ([\d., ]+):"), printed.number(r"frequency +# orders")
        )
        assert m == 1 + bisect_right(
            printed.numbers(r"monetary .*edges ([\d., ]+):"), printed.number(r"monetary +# EUR")
        )
    formula = printed.one(r"value score = (.*) = [\d.]+\n").replace("·", "*")
    for score in (r, f, m):
        assert f"({score:g} - 1)/4" in formula
    score = printed.number(r"value score = .* = #\n")
    assert eval(formula) == pytest.approx(score, abs=1e-6)  # noqa: S307 - our own arithmetic
    return score


def check_tier(printed, score):
    high, mid = printed.number(r"high from #"), printed.number(r"mid from #;")
    margin = printed.number(r"keeps it down to # below")
    said = SAID_RANK[printed.one(r"said is (\w+),")]
    if score >= high or (said == 3 and score >= high - margin):
        called_for = "high"
    elif score >= mid or (said >= 2 and score >= mid - margin):
        called_for = "mid"
    else:
        called_for = "low"
    assert printed.one(r"calls for (\w+);") == called_for
    assert ("A lower tier is said after" in printed.text) == (SAID_RANK[called_for] < said)


def check_churn(printed):
    weights = {
        code: float(weight) for weight, code in re.findall(r"^  ([-+][\d.]+)  (\w+)", printed.text, re.MULTILINE)
    }
    first, last = parse_time(printed.one(r"first order, (\S+),")), parse_time(printed.one(r"last order, (\S+)"))
    now = parse_time(printed.one(r"to now, (\S+),"))
    k, r, alpha, a, b = (printed.number(rf"[ ,]{name} = #,") for name in ("k", "r", "alpha", "a", "b"))
    x = printed.number(r"x = #, the orders")
    weeks, until_last = (now - first) / WEEK, (last - first) / WEEK
    alive = k * (log(a / (b + x)) + (r + x) * log((alpha + weeks) / (alpha + until_last)))
    assert weights["p_alive"] == pytest.approx(alive, abs=1e-6)
    assert printed.number(r"with probability #") == pytest.approx(1 / (1 + exp(alive / k)), abs=1e-6)
    if "gap" in weights:
        usual = printed.number(r"usual # days")
        assert usual == pytest.approx(max(1, (last - first) / x / DAY), rel=1e-5)
        ratio = printed.number(r"silent for # times")
        assert ratio == pytest.approx((now - last) / DAY / usual, abs=1e-3)
        steps = [
            (float(step), float(weight))
            for weight, step in re.findall(r"([\d.]+) from ([\d.]+)[ ,)]", printed.one(r"usual .* days \((.*)\)"))
        ]
        assert weights["gap"] == [weight for step, weight in steps if step <= ratio][-1]
    if "open_complaints" in weights:
        each, most = printed.number(r"\(# for each"), printed.number(r"each, # count at most")
        assert weights["open_complaints"] == pytest.approx(each * min(most, printed.number(r"# complaints are open")))
    if "detractor" in weights:
        assert printed.number(r"answered # of 10") <= 6
        assert printed.number(r"of 10, # days ago") < printed.number(r"counts for # days")
    total = weights.pop("sum")
    assert sum(weights.values()) == pytest.approx(total, abs=5e-6)
    risk = printed.number(r"e\^-\(.*\)\) = #")
    assert risk == pytest.approx(1 / (1 + exp(-total)), abs=1e-6)
    levels = re.findall(r"(\w+) from ([\d.]+)", printed.one(r"levels: (.*);"))
    reached = ["none"] + [name for name, limit in levels if risk >= float(limit) - 1e-6]
    assert printed.one(r"that is (\w+)") == reached[-1]


@pytest.mark.parametrize("seed", range(40))
def test_what_comes_next_is_what_then_happens(seed):
    state, outcome = shard_of(history(seed))
    swept = state.sweep(["c"], NOW + 1, 0)
    ((_, blob),) = unpack_records(swept.records) or unpack_records(outcome.records)
    coming = explain(blob, "c", NOW, SHIPPED, currency="EUR", exponent=2)["next"]
    if coming is None:
        assert not changes(state.sweep(["c"], NOW + 3_000 * DAY, 0))
        return
    at = parse_time(coming["at"])
    assert not changes(state.sweep(["c"], at, 0))
    assert {message.time for message in changes(state.sweep(["c"], at + 1, 0))} == {at}


def changes(outcome):
    """What is said of classes: not that it is time to be in touch, nor a cell, which goes with one of them."""
    return [message for message in outcome.messages if message.type != FOLLOW_UP_DUE]


def test_what_is_due_and_not_said_yet_comes_first():
    events = [order("c", number, NOW - DAY * (200 + number)) for number in range(1, 6)]
    assert explained(events)["next"]["at"] == format_time(NOW)


def test_a_customer_without_orders_has_nothing_to_explain():
    found = explained([interaction("login", 1, NOW)])
    assert "rfm" not in found
    assert "nothing to score" in "\n".join(lines(found))


def test_it_is_json():
    assert json.loads(json.dumps(explained(history(3))))["customer_id"] == "c"
