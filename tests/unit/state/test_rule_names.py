"""Rule segments said under one policy are told apart from those of the next by their names, not by their places."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from stream.contracts.decisions import CUSTOMER_CHANGED, SCORES
from stream.contracts.events import COMPLETED, InteractionEvent, OrderEvent
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.market_segments import RuleSegment
from stream.scoring.policy import default_policy
from stream.state.codec import decode
from stream.state.model import compile_model
from stream.state.plain.customers import block_of
from stream.state.rule_names import FIELD, LISTS_MAX, RuleNames
from tests.kit.histories import BEGINNING
from tests.kit.memory import MemoryShard

POLICY = default_policy()
BOUGHT, NEVER, WANTED = "f >= 1", "f == 5", 'tier != "none"'


def model_of(**rules):
    market = replace(POLICY.market_segments, rules=tuple(RuleSegment(*rule) for rule in rules.items()))
    return compile_model(replace(POLICY, market_segments=market), DEFAULT_CALIBRATION)


def order(customer):
    return OrderEvent(COMPLETED, BEGINNING, customer, 1, 2, f"e-{customer}", 5_000, "", 0)


def visit(customer):
    return InteractionEvent("login", BEGINNING, customer, 3, f"v-{customer}", 0, -1, "", 1)


def moves_in(outcome):
    """By customer: the rule segments left and entered; and those that the scores say they are in."""
    moves, listed = {}, {}
    for message in outcome.messages:
        value = msgspec.json.decode(message.value)
        if message.type == CUSTOMER_CHANGED:
            found = [
                (one["name"], one["to"] is not None) for one in value["changes"] if one["what"] == "market_segment"
            ]
            moves[message.key] = found
        elif message.type == SCORES:
            listed[message.key] = value.get("market_segments")
    return moves, listed


def rescored(before, *after, restart=False):
    """One plain customer and one who logged in, under one model and then, after a rescoring each, under others."""
    shard = MemoryShard(before)
    shard.apply([order("plain"), order("other"), visit("other")])
    found = []
    for model in after:
        shard.model = model
        if restart:
            shard.forget()
        else:
            shard.state.adopt(model)
        shard._admit(block_of(["plain", "other"]))
        outcome = shard.state.rescore(["plain", "other"], BEGINNING)
        shard.memory.commit(outcome)
        found.append(moves_in(outcome))
    return shard, found


@pytest.mark.parametrize("restart", [False, True])
def test_rules_in_another_order_move_nobody(restart):
    before, after = model_of(bought=BOUGHT, never=NEVER), model_of(never=NEVER, bought=BOUGHT)
    shard, found = rescored(before, after, before, restart=restart)
    assert found == [({}, {}), ({}, {})]
    for customer, blob in shard.memory.records.items():
        assert before.market.names(decode(customer, blob).market_segments) == ("bought",)


def test_the_same_rules_under_another_calibration_move_nobody():
    before = model_of(bought=BOUGHT)
    after = compile_model(before.policy, msgspec.structs.replace(DEFAULT_CALIBRATION, number=2))
    assert after.fingerprint != before.fingerprint
    shard, found = rescored(before, after, restart=True)
    assert found == [({}, {})]
    assert shard.memory.meta[FIELD] == '[["bought"]]'


@pytest.mark.parametrize("restart", [False, True])
def test_only_who_moves_is_told_of(restart):
    before = model_of(bought=BOUGHT, wanted=WANTED)
    after = model_of(first=WANTED, wanted=NEVER, bought=BOUGHT)
    _, found = rescored(before, after, restart=restart)
    moves = [("wanted", False), ("first", True)]
    assert found == [({"plain": moves, "other": moves}, {"plain": ["first", "bought"], "other": ["first", "bought"]})]


def test_of_a_rule_that_is_no_more_nothing_is_said():
    shard, found = rescored(model_of(bought=BOUGHT), model_of())
    assert found == [({}, {})]
    assert {decode(customer, blob).market_segments for customer, blob in shard.memory.records.items()} == {0}


def test_a_record_of_other_rules_names_none_of_these():
    before, after = model_of(bought=BOUGHT), model_of(never=NEVER)
    shard = MemoryShard(before)
    shard.apply([order("plain")])
    said = decode("plain", shard.memory.records["plain"]).market_segments
    assert before.market.names(said) == ("bought",)
    assert after.market.names(said) == ()


def test_the_names_of_the_newest_policies_are_kept():
    models = [model_of(**{f"rule_{number}": BOUGHT}) for number in range(LISTS_MAX + 1)]
    names = RuleNames({}, models[0].market)
    for model in (*models[1:-1], models[0], models[-1]):
        names.adopt(model.market)
    stored = names.changes()
    assert names.changes() == {}
    kept = [list(model.market.rule_names) for model in (*models[2:-1], models[0], models[-1])]
    assert msgspec.json.decode(stored[FIELD]) == kept
    again = RuleNames(stored, models[-1].market)
    assert again.changes() == {}
    both = model_of(rule_0=BOUGHT, rule_1=BOUGHT).market
    said = [model.market.said(1) for model in models[:2]]
    # What is not known any more is as good as never said.
    assert [both.names(again.carried(one, both)) for one in said] == [("rule_0",), ()]
