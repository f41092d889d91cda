"""A policy that cannot hold is refused, with the key, what is wrong and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import pytest

from stream.scoring.policy import Policy, PolicyError, parse_policy

from .models import POLICY

TEXT = resources.files("stream.scoring").joinpath("policy.toml").read_text(encoding="utf-8")


def changed(old, new):
    assert old in TEXT
    return TEXT.replace(old, new, 1)


def test_the_shipped_policy_is_the_documented_one():
    assert POLICY.window_days == 365
    assert (POLICY.tier_mid, POLICY.tier_high, POLICY.tier_margin, POLICY.tier_min_stay_days) == (
        40,
        70,
        10,
        30,
    )
    assert POLICY.churn.levels == (("low", 0.4), ("medium", 0.6), ("high", 0.8), ("churned", 0.95))
    assert POLICY.churn.warn_from == "medium"
    assert POLICY.churn.gap_ratios == (1.5, 2, 3, 5)
    assert (POLICY.clv.horizon_months, POLICY.clv.discount_yearly) == (12, 0.10)
    assert [table.name for table in POLICY.segment_tables] == ["rf_grid", "rfm_r", "value_types"]
    assert POLICY.segments is POLICY.segment_tables[0]


def test_times_come_in_milliseconds_too():
    assert POLICY.window_ms == 31_536_000_000
    assert POLICY.tier_min_stay_ms == 2_592_000_000


def test_another_table_can_be_the_active_one():
    assert parse_policy(changed('active = "rf_grid"', 'active = "rfm_r"')).segments.name == "rfm_r"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("window_days = 365", "window_days = 0", r"window_days = 0: must be a whole number from 1 to"),
        ("window_days = 365", "window_days = 36.5", r"window_days = 36\.5: must be a whole number"),
        ("window_days = 365", "window_days = true", r"window_days = True: must be a whole number"),
        ("window_days = 365", "", r"window_days: missing; must be a whole number"),
        ("window_days = 365", "window_day = 365", r"window_days: missing"),
        ("horizon_months = 12", "horizon_months = 61", r"clv\.horizon_months = 61: must be a whole number from 1"),
        ("discount_yearly = 0.10", "discount_yearly = -0.1", r"clv\.discount_yearly = -0\.1: must be at least 0"),
        ("recency = 1", "recency = 0", r"weights\.recency = 0: must be above 0"),
        ("recency = 1", "recency = nan", r"weights\.recency = nan: must be a number"),
        ("recency = 1", 'recency = "1"', r"weights\.recency = '1': must be a number"),
        (
            "recency = 1",
            "recency = 1\nrecenci = 2",
            r"weights\.recenci: unknown key; allowed here: recency, freq",
        ),
        ("mid = 40", "mid = 70", r"tier\.mid = 70, tier\.high = 70: must be 0 < mid < high <= 100"),
        ("high = 70", "high = 101", r"tier\.high = 101: must be at most 100"),
        ("mid = 40", "mid = 100", r"tier\.mid = 100: must be below 100"),
        ("margin = 10", "margin = 30", r"tier\.margin = 30: must be at least 0 and smaller than both"),
        ("margin = 10", "margin = -1", r"tier\.margin = -1: must be at least 0"),
        ("min_stay_days = 30", "min_stay_days = -7", r"tier\.min_stay_days = -7: must be at least 0"),
        ("low = 0.40", "low = 0.60", r"churn\.levels = \(0\.6, 0\.6, .*must rise"),
        ("low = 0.40", "low = 0", r"churn\.levels\.low = 0: must be above 0"),
        ("churned = 0.95", "churned = 1", r"churn\.levels\.churned = 1: must be below 1"),
        ("low = 0.40", "lost = 0.40", r"churn\.levels\.low: missing"),
        ("low = 0.40", "lost = 0.40, low = 0.4", r"churn\.levels\.lost: unknown key"),
        (
            'warn_from = "medium"',
            'warn_from = "none"',
            r"churn\.warn_from = 'none': must be one of low, medium",
        ),
        ("[1.5, 2, 3, 5]", "[1.5, 1.5]", r"churn\.gap_ratios = \[1\.5, 1\.5\]: must rise"),
        ("[1.5, 2, 3, 5]", "[0, 1]", r"churn\.gap_ratios = .*above 0"),
        ("[1.5, 2, 3, 5]", "[1.5, true]", r"churn\.gap_ratios = .*must be a list of numbers"),
        (
            "rhythm_orders_min = 3",
            "rhythm_orders_min = 1",
            r"churn\.rhythm_orders_min = 1: must be .* from 2",
        ),
        ("rhythm_orders_min = 3", "", r"churn\.rhythm_orders_min: missing"),
        (
            "complaint_cap = 3",
            "complaint_cap = 3\ntypo = 1",
            r"churn\.typo: unknown key; allowed here: levels",
        ),
        (
            'active = "rf_grid"',
            'active = "grid"',
            r"segments\.active = 'grid': must be one of .*rf_grid, rfm_r",
        ),
        (
            "r = [1, 2], f = [1, 2] }",
            "r = [1, 6] }",
            r"rf_grid\.rules\[0\]\.r = \[1, 6\]: must be \[lowest, hig",
        ),
        ("r = [1, 2], f = [1, 2] }", "r = [2, 1] }", r"rules\[0\]\.r = \[2, 1\]: must be"),
        ("r = [1, 2], f = [1, 2] }", "r = 1 }", r"rules\[0\]\.r = 1: must be"),
        ("r = [1, 2], f = [1, 2] }", "r = [1, 2], f = [1, 2], g = 1 }", r"rules\[0\]\.g: unknown key"),
        (
            "r = [1, 2], f = [1, 2] }",
            "r = [1, 2], f = [1, 1] }",
            r"complete = true, but no rule is for r=1 f=2",
        ),
        ("r = [1, 2], f = [1, 2] }", "r = [1, 2], f = [1, 3] }", r"r=1 f=3 m=1 is in both 'hibernating' and"),
        ('name = "hibernating"', 'name = " "', r"rules\[0\]\.name = ' ': must be a text"),
        ("complete = true", "complete = 1", r"rf_grid\.complete = 1: must be true or false"),
        ("complete = true", "completed = true", r"rf_grid\.completed: unknown key"),
        ("a = 0.70", "a = 0.85", r"abc\.a = 0\.85, abc\.b = 0\.2: both above 0, together at most 1"),
        ("a = 0.70", "a = 0", r"abc\.a = 0: must be above 0"),
        ("margin = 0.10", "margin = 1", r"abc\.margin = 1: must be at least 0 and below 1"),
        (
            'to = "loyal"',
            'to = "faithful"',
            r"lifecycle\.rows\[7\]\.to = 'faithful': must be one of prospect, first_pur",
        ),
        ('from = ["won_back"]', 'from = ["won"]', r"rows\[6\]\.from = \['won'\]: each must be one of prospect"),
        ('from = ["won_back"]', "from = []", r"rows\[6\]\.from = \[\]: must be a list of at least one text"),
        ('from = ["won_back"]', "form = 1", r"rows\[6\]\.form: unknown key; allowed here: to, from, returned"),
        ("gap_min = 2 }", "gap_min = 2.5 }", r"rows\[4\]\.gap_min = 2\.5: must be one of churn\.gap_ratios, \[1\.5, 2"),
        ("p_alive_max = 0.10", "p_alive_max = 1", r"rows\[1\]\.p_alive_max = 1: must be below 1"),
        (
            '  { to = "first_purchase", orders_min = 1 },\n',
            "",
            r"lifecycle\.rows: no row is for who was said to be prospect, has returned = false, 1 orders",
        ),
        ('axis = "loyalty"', 'axis = "love"', r"matrix\.value_loyalty\.columns\.axis = 'love': must be one of value_s"),
        ("cuts = [30, 60]", "cuts = [60, 30]", r"columns\.cuts = \[60\.0, 30\.0\]: must be at least one, and rise"),
        ("cuts = [30, 60]", "cuts = [30]", r"columns\.names: 1 cuts make 2 ranges to be named"),
        (', "devoted_best"', "", r"matrix\.value_loyalty\.cells: must be 3 lists of 3 names each"),
        ('"devoted_best"', "3", r"matrix\.value_loyalty\.cells = .*must be a list of lists of texts"),
        ('"devoted_best"', '""', r"value_loyalty: the name '' must have 1 to 255 bytes"),
        ('  { action = "none" },\n', "", r"playbook\.rows: the last row must match all"),
        ('["prospect"], action', '["prospekt"], action', r"rows\[2\]\.lifecycle = \['prospekt'\]: each must be one of"),
        (
            "deadline_days = 1 }",
            "deadline_days = -1 }",
            r"rows\[0\]\.deadline_days = -1: must be a whole number from 0",
        ),
        ("hold_out = 0.05", "hold_out = 1", r"playbook\.hold_out = 1: must be below 1"),
        ("high = 30", "high = 0.5", r"cadence\.high = 0\.5: must be a whole number"),
        ("gross_margin = 0.30", "gross_margin = 0.33333", r"gross_margin = 0\.33333: must have at most four decimal"),
        ("tenure = 2, ", "", r"loyalty\.weights\.tenure: missing"),
        ("tenure = 2, ", "tenure = -2, ", r"loyalty\.weights\.tenure = -2: must be at least 0"),
        ("[weights]", "[weight]", r"weights: missing; must be a table"),
        ("[weights]", "weights = 1\n[other]", r"weights = 1: must be a table"),
        (
            "window_days = 365",
            "window_days = 365\nextra = 1",
            r"extra: unknown key; allowed here: window_days",
        ),
        ("window_days = 365", "window_days =", r"not TOML"),
    ],
)
def test_a_complaint_names_key_fault_and_remedy(old, new, complaint):
    with pytest.raises(PolicyError, match=complaint):
        parse_policy(changed(old, new))


def test_a_table_without_rules_is_refused():
    text = changed("[segments.tables.rf_grid]", "[segments.tables.empty]\nrules = []\n[segments.tables.rf_grid]")
    with pytest.raises(PolicyError, match=r"tables\.empty\.rules = \[\]: must be a list of at least one table"):
        parse_policy(text)


@pytest.mark.parametrize(
    "change",
    [
        {"window_days": 0},
        {"window_days": 100_000},
        {"weights": (1.0, 0.0, 1.0)},
        {"tier_high": 30.0},
        {"tier_margin": 40.0},
    ],
)
def test_a_changed_copy_is_checked_like_a_file(change):
    with pytest.raises(PolicyError):
        replace(POLICY, **change)


@pytest.mark.parametrize("change", [{"levels": (("low", 0.5),)}, {"warn_from": "none"}, {"gap_ratios": (2, 1)}])
def test_a_changed_churn_policy_is_checked_too(change):
    with pytest.raises(PolicyError):
        replace(POLICY.churn, **change)


def test_gap_steps_may_be_left_out():
    without = changed("[1.5, 2, 3, 5]", "[]").replace('  { to = "at_risk", gap_min = 2 },\n', "")
    policy = parse_policy(without)
    assert isinstance(policy, Policy)
    assert policy.churn.gap_ratios == ()
