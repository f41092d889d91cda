"""The sections about what customers do are refused with the key, what is wrong and what is allowed."""

from __future__ import annotations

from importlib import resources

import pytest

from stream.scoring.policy import PolicyError, parse_policy

TEXT = resources.files("stream.scoring").joinpath("policy.toml").read_text(encoding="utf-8")

RULE = '[[market_segments.rules]]\nname = "{name}"\nwhen = "r == 1"\n'


def changed(old, new):
    assert old in TEXT
    return TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("half_life_days = 180", "half_life_days = 0", r"needs\.half_life_days = 0: must be above 0"),
        ("new_category = 1", "new_categories = 1", r"needs\.orders\.new_category: missing"),
        ('"review.posted" = 2', '"review.post" = 2', r"needs\.interactions\.experience\.review\.post = .*no type of"),
        ('"review.posted" = 2', '"coupon.redeemed" = 2', r"coupon\.redeemed = .*has points of another need already"),
        ("[needs.interactions.service]", "[needs.interactions.rest]", r"needs\.interactions\.rest: unknown key"),
        ("left_after_hours = 24", "left_after_hours = 0", r"carts\.left_after_hours = 0: must be above 0"),
        ("earlier_periods = 4", "earlier_periods = 11", r"visits\.earlier_periods = 11: must be .* from 1 to 10"),
        ("quality = 3, service", "quality = 0, service", r"satisfaction\.weights\.quality = 0: must be above 0"),
        ("orders_min = 8 ", "orders_min = 2 ", r"anomaly\.orders_min = 2: must be .* from 3"),
        ("history_max = 32", "history_max = 7", r"anomaly\.history_max = 7: must be a whole number from 8"),
        ("visit_rate = 0.5", "visits = 0.5", r"anomaly\.spread_min\.visit_rate: missing"),
        ("watch = 2 ", "watch = 5 ", r"conduct\.watch = 5, conduct\.high = 4: must be 1 <= watch < high"),
        ("low = { nps = 6, ", "low = { ", r"themes\.low\.nps: missing"),
        ("ratio_min = 1.5", "ratio_min = 1", r"themes\.ratio_min = 1: must be above 1"),
        ("website = [", "Website = [", r"themes\.keywords\.Website = .*in small letters"),
        ('"website", "app", ', '"website", "", ', r"themes\.keywords\.website = .*none of them empty"),
        ("new = 0\n", "new = 1\n", r"registration_ages = \[1\.0, .*start with 0 and rise"),
        ("settled = 90", "settled = 800", r"registration_ages = .*start with 0 and rise"),
        (
            'abc == "A"',
            'abc == "D"',
            r"market_segments\.rules\[0\]\.when = .*abc can never be 'D'; it is one of none, C",
        ),
        ('"best_at_risk"', '"key_accounts"', r"rules\[1\]\.name = 'key_accounts': another rule has this name"),
        (
            "[[market_segments.rules]]",
            "".join(RULE.format(name=name) for name in range(31)) + "[[market_segments.rules]]",
            r"market_segments\.rules: has 35 rules, at most 31 fit",
        ),
    ],
)
def test_a_complaint_names_key_fault_and_remedy(old, new, complaint):
    with pytest.raises(PolicyError, match=complaint):
        parse_policy(changed(old, new))


def test_keywords_are_bounded():
    many = ", ".join(f'"w{n}"' for n in range(65))
    with pytest.raises(PolicyError, match=r"themes\.keywords\.website = 69: at most 64 keywords fit"):
        parse_policy(changed('website = ["website", "app", ', f"website = [{many}, "))
    more = "".join(f'theme{n} = ["w"]\n' for n in range(64))
    with pytest.raises(PolicyError, match=r"themes\.keywords: has 70 themes, at most 64 fit"):
        parse_policy(changed("[themes.keywords]\n", f"[themes.keywords]\n{more}"))
