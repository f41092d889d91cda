"""One action for every state: the shipped rows, who is held out, and when a follow-up is due."""

from __future__ import annotations

import pytest
import xxhash

from stream.scoring.churn_policy import LEVELS
from stream.scoring.lifecycle import STAGES
from stream.scoring.needs import NEEDS
from stream.scoring.playbook import (
    Action,
    PlaybookPolicy,
    PlaybookRow,
    action,
    compile_playbook,
    follow_up_at,
    held_out,
)
from stream.scoring.table_reader import PolicyError
from stream.scoring.tiers import TIERS
from stream.scoring.units import DAY, NEVER

from .models import POLICY

COMPILED = compile_playbook(POLICY.playbook)


def action_of(tier, stage, level, need="none", complaint=0):
    ranks = (TIERS.index(tier), STAGES.index(stage), LEVELS.index(level), NEEDS.index(need))
    return COMPILED.actions[action(COMPILED, *ranks, complaint)].action


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (("none", "prospect", "none"), "welcome"),
        (("low", "first_purchase", "none"), "second_order_offer"),
        (("mid", "repeat", "low"), "none"),
        (("mid", "repeat", "low", "experience"), "new_arrivals"),
        (("high", "loyal", "none"), "early_access"),
        (("high", "at_risk", "medium"), "win_back_offer"),
        (("high", "at_risk", "medium", "price"), "coupon"),
        (("high", "at_risk", "high", "price"), "personal_call"),
        (("high", "churned", "churned", "price", 1), "settle_complaint"),
        (("low", "churned", "churned"), "win_back_mailing"),
        (("low", "won_back", "none"), "thank_you"),
    ],
)
def test_the_shipped_rows(state, expected):
    assert action_of(*state) == expected


def test_a_complaint_of_one_who_is_worth_much_is_settled_by_phone():
    by_tier = {tier: COMPILED.actions[action(COMPILED, rank, 2, 0, 0, 1)] for rank, tier in enumerate(TIERS)}
    assert by_tier["high"] == Action("settle_complaint", "phone", 1)
    assert by_tier["low"] == Action("settle_complaint", "email", 3)


def test_the_plain_part_is_that_of_no_need_and_no_complaint():
    for tier in range(len(TIERS)):
        for stage in range(len(STAGES)):
            for level in range(len(LEVELS)):
                place = (tier * len(STAGES) + stage) * len(LEVELS) + level
                assert COMPILED.plain[place] == action(COMPILED, tier, stage, level)


def test_a_last_row_that_leaves_somebody_out_is_refused():
    with pytest.raises(PolicyError, match="last row must match all"):
        PlaybookPolicy((PlaybookRow(Action("call", "phone", 1), tier=("high",)),), 0.05, 30, (0, 1, 1, 1))


def test_the_share_that_is_held_out_is_the_one_decided():
    hashes = [xxhash.xxh3_64_intdigest(b"customer-%d" % number) for number in range(20_000)]
    assert sum(held_out(one, 0.05) for one in hashes) / len(hashes) == pytest.approx(0.05, abs=0.005)
    assert not any(held_out(one, 0.0) for one in hashes)
    # Who is held out at a small share is so at a larger one.
    assert all(held_out(one, 0.2) for one in hashes if held_out(one, 0.05))


@pytest.mark.parametrize(
    ("tier", "stage", "contacted", "expected"),
    [
        ("high", "loyal", 0, 130),
        ("mid", "at_risk", 0, 160),
        ("low", "first_purchase", 0, 220),
        ("high", "loyal", 130, 160),
        ("high", "loyal", 50, 130),
        ("high", "churned", 0, None),
        ("none", "prospect", 0, None),
    ],
)
def test_a_follow_up_is_due_a_cadence_after_the_last_order_or_contact(tier, stage, contacted, expected):
    cadence = POLICY.playbook.cadence_days
    due = follow_up_at(cadence, TIERS.index(tier), STAGES.index(stage), 100 * DAY, contacted * DAY)
    assert due == (NEVER if expected is None else expected * DAY)


def test_a_follow_up_is_due_at_a_whole_second():
    assert follow_up_at((0, 1, 1, 1), 3, 3, 1, 0) == DAY + 1_000


def test_a_cadence_of_0_is_never():
    assert follow_up_at((0, 0, 1, 1), 1, 3, DAY, 0) == NEVER
