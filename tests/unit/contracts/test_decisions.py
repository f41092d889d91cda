"""The payloads are an interface: their fields, the order of these, and the headers around them."""

from __future__ import annotations

import json

import msgspec
import pytest

from stream.contracts.decisions import (
    PAYLOADS,
    TIER_CHANGED,
    Cause,
    Change,
    ChurnRecovered,
    ChurnWarning,
    CustomerChange,
    CustomerScores,
    Message,
    Reason,
    Rfm,
    TierChange,
    cloudevent_headers,
    decision_id,
    encode_payload,
)

AT = "2017-01-01T11:53:26Z"
CAUSE = Cause("event", "e-1")
RFM = Rfm(1.5, 2, "12.34", 5, 1, 1)

TIER = TierChange(
    customer_id="c-1",
    version=3,
    from_="low",
    to="mid",
    direction="up",
    effective_at=AT,
    origin="live",
    cause=CAUSE,
    rfm=RFM,
    segment="new",
    abc="B",
    clv="99.00",
    calibration=1,
    action="thank",
)
WARNING = {
    "customer_id": "c-1",
    "version": 1,
    "level": "high",
    "from_level": "low",
    "risk": 0.75,
    "p_alive": 0.25,
    "days_since_last_order": 40.0,
    "expected_gap_days": 7.5,
    "reasons": [Reason("gap", 1.2, {"ratio": 5.3})],
    "value_at_stake": "12.34",
    "effective_at": AT,
    "origin": "timer",
    "cause": Cause("timer", AT),
    "calibration": 1,
    "action": "call",
}


def names(payload):
    return " ".join(json.loads(encode_payload(payload)))


def test_a_tier_change_has_the_fields_of_the_interface_in_their_order():
    assert names(TIER) == (
        "customer_id version from to direction effective_at origin cause rfm segment abc clv calibration action"
    )
    said = json.loads(encode_payload(TIER))
    assert said["cause"] == {"kind": "event", "id": "e-1"}
    assert list(said["rfm"]) == ["recency_days", "frequency", "monetary", "r", "f", "m"]


@pytest.mark.parametrize("kind", [ChurnWarning, ChurnRecovered])
def test_a_warning_and_its_end_have_the_same_fields(kind):
    said = kind(**WARNING)
    assert names(said) == (
        "customer_id version level from_level risk p_alive days_since_last_order expected_gap_days reasons "
        "value_at_stake effective_at origin cause calibration action"
    )
    assert json.loads(encode_payload(said))["reasons"] == [{"code": "gap", "weight": 1.2, "detail": {"ratio": 5.3}}]


def test_no_segment_is_null_and_not_a_name():
    change = CustomerChange(
        customer_id="c-1",
        version=1,
        changes=[Change(what="segment", from_=None, to="new")],
        effective_at=AT,
        origin="live",
        cause=CAUSE,
        calibration=1,
    )
    assert json.loads(encode_payload(change))["changes"] == [{"what": "segment", "from": None, "to": "new"}]


def test_a_record_has_every_field_of_the_interface():
    interface = [
        *("customer_id", "as_of", "version", "calibration", "tier", "segment", "abc", "lifecycle", "value_score"),
        *("orders", "first_order_at", "last_order_at", "rfm", "clv", "p_alive", "churn", "needs", "matrix"),
        *("satisfaction", "loyalty", "behaviour", "next_change_at", "action"),
    ]
    fields = [
        field for field in CustomerScores.__struct_fields__ if field not in {"tier_since", "profile", "market_segments"}
    ]
    assert fields == interface


def test_what_is_not_known_is_absent():
    assert names(CustomerScores(customer_id="c-1", version=1, calibration=1)) == "customer_id version calibration"
    bare = {k: v for k, v in WARNING.items() if k in {"customer_id", "version", "level", "from_level", "calibration"}}
    said = ChurnRecovered(**bare, effective_at=AT, origin="live", cause=CAUSE)
    assert names(said) == "customer_id version level from_level effective_at origin cause calibration"


@pytest.mark.parametrize("payload", [TIER, ChurnWarning(**WARNING), ChurnRecovered(**WARNING)])
def test_payloads_are_read_back(payload):
    assert msgspec.json.decode(encode_payload(payload), type=type(payload)) == payload
    assert type(payload) in PAYLOADS.values()


def test_headers_are_cloudevents_in_binary_mode():
    message = Message("1f", "tier-changes", "Ünï", TIER_CHANGED, 1_483_271_606_050, b"{}")
    assert dict(cloudevent_headers(message, "/scorer")) == {
        "ce_specversion": b"1.0",
        "ce_id": b"1f",
        "ce_type": b"customer.tier.changed",
        "ce_source": b"/scorer",
        "ce_time": b"2017-01-01T11:53:26.050Z",
        "ce_subject": "Ünï".encode(),
        "content-type": b"application/json",
    }


def test_a_message_without_customer_has_no_subject():
    """CloudEvents: a subject, where there is one, is not empty."""
    assert "ce_subject" not in dict(cloudevent_headers(Message("1", "t", "", "record.refused", 0, b"{}"), "/s"))


def test_an_id_depends_on_each_of_its_parts_and_on_nothing_else():
    parts = ("c-1", TIER_CHANGED, "event", "e-1")
    assert decision_id(*parts) == decision_id(*parts)
    others = {decision_id(*("x" if i == j else part for j, part in enumerate(parts))) for i in range(4)}
    assert len(others | {decision_id(*parts)}) == 5
