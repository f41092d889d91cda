"""What becomes of one record, and of a good one among bad ones."""

from __future__ import annotations

import json

import pytest
from aiokafka import ConsumerRecord

from stream.contracts.acceptance import TAGS_MAX, TEXT_CHARS_MAX
from stream.contracts.decode import VALUE_BYTES_MAX, Decoder
from stream.contracts.events import (
    CANCELLED,
    COMPLETED,
    NO_SCORE,
    NO_TICKET,
    REFUNDED,
    WHOLE,
    DeadLetter,
    InteractionEvent,
    OrderDetails,
    OrderEvent,
    PrivacyEvent,
    ProfileEvent,
)
from stream.contracts.ids import hash_id
from stream.contracts.order_details import CATEGORIES_MAX
from stream.contracts.times import DAY, parse_time
from stream.contracts.topics import Topics
from tests.unit.contracts.records import (
    AT,
    CANCELLATION,
    COMPLAINT,
    NOW,
    NPS,
    ORDER,
    PROFILE,
    REFUND,
    REQUEST,
    WRITTEN,
    FakeRecord,
    decode,
    decode_one,
    record,
)


def without(event, *fields):
    return {name: value for name, value in event.items() if name not in fields}


# ---------------------------------------------------------------------------------------------- what is accepted


def test_an_order():
    assert decode_one("orders", ORDER) == OrderEvent(
        COMPLETED, WRITTEN, "c-1", hash_id("o-1"), hash_id("e-1"), "e-1", 1234, "web", 0
    )


def test_a_refund_of_a_part_and_of_the_whole():
    part = decode_one("orders", {**REFUND, "amount": 5})
    assert (part.kind, part.amount) == (REFUNDED, 500)
    for whole in (without(REFUND, "amount"), without(REFUND, "amount", "currency"), {**REFUND, "amount": None}):
        assert decode_one("orders", whole).amount == WHOLE


@pytest.mark.parametrize("extra", [{}, {"amount": "1.00", "currency": "USD"}, {"amount": "?", "currency": "GBP"}])
def test_a_cancellation_is_of_the_whole_order_whatever_it_says_beside_it(extra):
    cancelled = decode_one("orders", {**CANCELLATION, **extra})
    assert (cancelled.kind, cancelled.amount) == (CANCELLED, WHOLE)


def test_a_complaint_an_answer_a_profile_and_a_request():
    at, customer = WRITTEN, "c-1"
    assert decode_one("interactions", COMPLAINT) == InteractionEvent(
        "complaint.opened", at, customer, hash_id("e-2"), "e-2", hash_id("t-1"), NO_SCORE, "", 0
    )
    assert decode_one("interactions", NPS) == InteractionEvent(
        "feedback.nps", at, customer, hash_id("e-3"), "e-3", NO_TICKET, 9, "", 0
    )
    assert decode_one("profiles", PROFILE) == ProfileEvent(
        "customer.registered", at, customer, hash_id("e-4"), "e-4", "individual", "north", 0
    )
    assert decode_one("privacy", REQUEST) == PrivacyEvent("customer.erase", at, customer, hash_id("e-5"), "e-5", 0)


@pytest.mark.parametrize(
    ("name", "event", "extra"),
    [
        ("orders", ORDER, {"items": [{"sku": "s", "price": "1.00"}], "discount": "1", "coupon": "X"}),
        ("orders", ORDER, {"items": [{"sku": "s", "price": 0, "quantity": 0.25, "colour": {}}], "campaign": None}),
        ("orders", ORDER, {"items": [], "discount": None, "coupon": ""}),
        ("orders", REFUND, {"items": [{"sku": "s", "price": "-1.00"}], "discount": "-1"}),
        ("orders", ORDER, {"channel": None}),
        ("orders", ORDER, {"channel": ""}),
        ("orders", ORDER, {"amount": 0}),
        ("orders", ORDER, {"amount": 12.34}),
        ("orders", ORDER, {"amount": "-0.00"}),
        ("orders", ORDER, {"amount": "1e3"}),
        ("orders", ORDER, {"occurred_at": "2017-01-01T12:53:26+01:00"}),
        ("orders", ORDER, {"occurred_at": WRITTEN / 1000}),
        ("orders", ORDER, {"customer_id": "Ünï\u00a0çödé €"}),
        ("orders", ORDER, {"customer_id": "€" * 85}),
        ("orders", ORDER, {"order_id": "o" * 256}),
        ("interactions", NPS, {"score": 0}),
        ("interactions", NPS, {"score": 10}),
        ("interactions", NPS, {"score": 9.0}),
        ("interactions", NPS, {"type": "feedback.csat", "score": 5.0}),
        ("interactions", NPS, {"type": "feedback.csi", "score": 71}),
        ("interactions", NPS, {"type": "feedback.csi", "score": None, "dimensions": {"price": 7, "service": 8.5}}),
        ("interactions", NPS, {"type": "page.viewed", "dimensions": "10 x 20", "sku": ""}),
        ("interactions", NPS, {"tags": [], "text": "Grüße\n", "campaign_id": ""}),
        ("interactions", NPS, {"type": "login", "score": None}),
        ("profiles", PROFILE, {"kind": None, "region": None, "attributes": {"vip": True}}),
        ("profiles", PROFILE, {"type": "customer.updated"}),
        ("privacy", REQUEST, {"type": "customer.unrestrict"}),
    ],
)
def test_accepted(name, event, extra):
    outcome = decode_one(name, {**event, **extra})
    assert not isinstance(outcome, DeadLetter), outcome


def test_an_answer_is_kept_on_the_scale_of_its_type():
    csat, csi = {**NPS, "type": "feedback.csat", "score": 4}, {**NPS, "type": "feedback.csi", "score": 71.5}
    assert decode_one("interactions", csat).score == 4
    assert decode_one("interactions", csi).score == 72
    assert decode_one("interactions", {**NPS, "type": "page.viewed"}).score == NO_SCORE


def test_an_index_is_made_of_its_dimensions_where_they_are_given():
    index = decode_one("interactions", {**NPS, "type": "feedback.csi", "dimensions": {"price": 7, "ease": 8.5}})
    assert (index.score, index.values) == (NO_SCORE, (("ease", 8.5), ("price", 7.0)))


def test_what_an_interaction_is_about():
    about = {"category": "tea", "sku": "s-1", "campaign_id": "k-1", "tags": ["late", "", "late", "rude"], "text": "?"}
    complaint = decode_one("interactions", {**COMPLAINT, **about})
    assert (complaint.category, complaint.sku, complaint.campaign) == ("tea", "s-1", "k-1")
    assert (complaint.tags, complaint.text) == (("late", "rude"), "?")
    # A page says nothing, whatever is sent with it.
    page = decode_one("interactions", {**COMPLAINT, **about, "type": "page.viewed"})
    assert (page.category, page.tags, page.text) == ("tea", (), "")


def test_of_tags_and_text_so_much_is_taken():
    much = {"tags": [str(number) for number in range(TAGS_MAX + 1)], "text": "é" * (TEXT_CHARS_MAX + 1)}
    complaint = decode_one("interactions", {**COMPLAINT, **much})
    assert (len(complaint.tags), len(complaint.text)) == (TAGS_MAX, TEXT_CHARS_MAX)


ITEMS = [
    {"sku": "s-1", "category": "tea", "price": "2.50", "quantity": 2},
    {"sku": "s-2", "category": "milk", "price": 1.2, "quantity": 0.5},
    {"sku": "s-3", "category": "tea", "price": None},
    {"sku": "s-4"},
]


def test_an_order_with_details():
    order = decode_one("orders", {**ORDER, "items": ITEMS, "discount": "0.50", "coupon": "TEN"})
    assert order.details == OrderDetails(50, True, ("tea", "milk"), (500, 60), 4, 0)
    assert decode_one("orders", {**ORDER, "coupon": "TEN"}).details == OrderDetails(coupon=True)


def test_what_items_cost_is_rounded_as_decimals_are():
    """0.7 of 45 cents are 31.5, which goes to even; in binary they are a little less."""
    items = [{"sku": "s", "category": "tea", "price": "0.45", "quantity": 0.7}]
    assert decode_one("orders", {**ORDER, "items": items}).details.spent == (32,)


@pytest.mark.parametrize("extra", [{}, {"items": [], "discount": None, "coupon": ""}, {"items": None, "coupon": None}])
def test_an_order_that_says_nothing_of_them_has_no_details(extra):
    assert decode_one("orders", {**ORDER, **extra}).details is None


def test_details_are_of_completed_orders_only():
    assert decode_one("orders", {**REFUND, "items": ITEMS}).details is None


def test_categories_beyond_the_limit_are_counted():
    items = [{"sku": "s", "category": str(number % (CATEGORIES_MAX + 3))} for number in range(2 * CATEGORIES_MAX + 3)]
    details = decode_one("orders", {**ORDER, "items": items}).details
    assert details.categories == tuple(map(str, range(CATEGORIES_MAX)))
    assert (details.items, details.left_out) == (len(items), 3)


def test_every_type_of_the_interface_is_accepted():
    interactions = [
        *("page.viewed", "product.viewed", "cart.updated", "checkout.started", "search.performed"),
        *("consultation.opened", "complaint.opened", "complaint.resolved", "feedback.nps", "feedback.csat"),
        *("feedback.csi", "review.posted", "campaign.sent", "campaign.opened", "coupon.redeemed", "login"),
    ]
    for name, event, types in [
        ("orders", ORDER, ["order.completed", "order.cancelled", "order.refunded"]),
        ("interactions", {**COMPLAINT, "score": 5}, interactions),
        ("profiles", PROFILE, ["customer.registered", "customer.updated"]),
        ("privacy", REQUEST, [f"customer.{what}" for what in ("erase", "export", "restrict", "unrestrict")]),
    ]:
        for kind in types:
            assert not isinstance(decode_one(name, {**event, "type": kind}), DeadLetter), kind


def test_the_records_of_aiokafka_are_read():
    value = json.dumps(ORDER).encode()
    given = ConsumerRecord("shop.orders", 3, 17, WRITTEN, 0, b"c-1", value, None, 3, len(value), ())
    (order,) = decode("orders", given)
    assert order.offset == 17


# ----------------------------------------------------------------------------------------------- what is refused

CSI = {**NPS, "type": "feedback.csi"}
TEXT = json.dumps(ORDER).encode()
BAD = [
    # the value as a whole
    ("orders", None, "value", "privacy topic"),
    ("orders", b"", "value", "is empty"),
    ("orders", b" ", "value", "ends too early, at byte 1"),
    ("orders", TEXT[:-1], "value", f"ends too early, at byte {len(TEXT) - 1}"),
    ("orders", TEXT[:60], "value", "ends too early, at byte 60"),
    ("orders", TEXT + b"}", "value", f"trailing characters near byte {len(TEXT) + 1}"),
    ("orders", TEXT + TEXT, "value", f"trailing characters near byte {len(TEXT) + 1}"),
    ("orders", b"\x00\x01\x02", "value", "invalid character near byte 0"),
    ("orders", b"\xef\xbb\xbf" + TEXT, "value", "invalid character near byte 0"),
    ("orders", b"null", "value", "must be an object, not null"),
    ("orders", b"[" + TEXT + b"]", "value", "must be an object, not a list"),
    ("orders", b'"order"', "value", "must be an object, not text"),
    ("orders", b"{}", "event_id", "is required and missing"),
    ("orders", TEXT.replace(b'"web"', b'"w\xffb"'), "value", f"not UTF-8: byte {TEXT.index(b'web') + 1}"),
    ("orders", TEXT.replace(b'"web"', b'"\\ud83d"'), "value", "half of a surrogate pair"),
    ("orders", TEXT.replace(b'"web"', b'"\\uDE00"'), "value", "surrogate pair near byte"),
    ("orders", TEXT.replace(b'"web"}', b'"\\ud83d\\ude00"'), "value", "ends too early"),
    ("orders", TEXT.replace(b'"web"', b"NaN"), "value", f"invalid character near byte {TEXT.index(b'web') - 1}"),
    ("orders", TEXT.replace(b'"web"', b'"web",'), "value", "trailing comma"),
    ("orders", TEXT[:-1] + b',"x":' + b"[" * 100_000, "value", "nested too deeply"),
    ("orders", b"x" * (VALUE_BYTES_MAX + 1), "value", f"has {VALUE_BYTES_MAX + 1} bytes"),
    # ids
    ("orders", without(ORDER, "event_id"), "event_id", "is required and missing"),
    ("orders", without(ORDER, "customer_id"), "customer_id", "is required and missing"),
    ("orders", without(ORDER, "order_id"), "order_id", "is required and missing"),
    ("orders", {**ORDER, "event_id": ""}, "event_id", "is empty"),
    ("orders", {**ORDER, "customer_id": ""}, "customer_id", "is empty"),
    ("orders", {**ORDER, "order_id": ""}, "order_id", "is empty"),
    ("orders", {**ORDER, "customer_id": None}, "customer_id", "must be text, not null"),
    ("orders", {**ORDER, "customer_id": 7}, "customer_id", "must be text, not a whole number"),
    ("orders", {**ORDER, "order_id": "o" * 257}, "order_id", "more than 256 characters"),
    ("orders", {**ORDER, "order_id": "€" * 86}, "order_id", "258 bytes"),
    ("orders", {**ORDER, "event_id": "é" * 129}, "event_id", "258 bytes"),
    ("orders", {**ORDER, "customer_id": "é" * 129}, "customer_id", "258 bytes"),
    ("orders", {**ORDER, "customer_id": "c\x001"}, "customer_id", "control character U+0000"),
    ("orders", {**ORDER, "order_id": "o\n1"}, "order_id", "control character U+000A"),
    ("orders", {**ORDER, "event_id": "e\x7f"}, "event_id", "control character U+007F"),
    ("orders", {**ORDER, "event_id": "e\u0085"}, "event_id", "control character U+0085"),
    # types
    ("orders", without(ORDER, "type"), "type", "is required and missing"),
    ("orders", {**ORDER, "type": "order.paid"}, "type", "none of order.completed, order.cancelled, order.refunded"),
    ("orders", {**ORDER, "type": "customer.registered"}, "type", "none of order.completed"),
    ("orders", {**ORDER, "type": 1}, "type", "must be text"),
    ("interactions", {**NPS, "type": "order.completed"}, "type", "none of page.viewed"),
    ("profiles", {**PROFILE, "type": "customer.erase"}, "type", "none of customer.registered, customer.updated"),
    ("privacy", {**REQUEST, "type": "customer.updated"}, "type", "none of customer.erase"),
    # time
    ("orders", without(ORDER, "occurred_at"), "occurred_at", "is required and missing"),
    ("orders", {**ORDER, "occurred_at": "2017-01-01T11:53:26"}, "occurred_at", "no time zone"),
    ("orders", {**ORDER, "occurred_at": "2017-01-01"}, "occurred_at", "RFC 3339"),
    ("orders", {**ORDER, "occurred_at": "yesterday"}, "occurred_at", "RFC 3339"),
    ("orders", {**ORDER, "occurred_at": "2017-02-29T00:00:00Z"}, "occurred_at", "RFC 3339"),
    ("orders", {**ORDER, "occurred_at": "1483271606"}, "occurred_at", "RFC 3339"),
    ("orders", {**ORDER, "occurred_at": None}, "occurred_at", "not null"),
    ("orders", {**ORDER, "occurred_at": True}, "occurred_at", "not true or false"),
    ("orders", {**ORDER, "occurred_at": WRITTEN}, "occurred_at", "not milliseconds"),
    ("orders", {**ORDER, "occurred_at": -1e300}, "occurred_at", "years 1 to 9999"),
    ("orders", {**ORDER, "occurred_at": 10**4000}, "occurred_at", "years 1 to 9999"),
    ("orders", TEXT.replace(f'"{AT}"'.encode(), b"1e999"), "occurred_at", "out of range"),
    ("orders", {**ORDER, "occurred_at": 0}, "occurred_at", "before 1990-01-01T00:00:00Z"),
    ("orders", {**ORDER, "occurred_at": "0001-01-01T00:00:00+23:59"}, "occurred_at", "years 1 to 9999"),
    ("orders", {**ORDER, "occurred_at": "9999-12-31T23:59:59-23:59"}, "occurred_at", "years 1 to 9999"),
    ("orders", {**ORDER, "occurred_at": "2017-01-02T00:00:00Z"}, "occurred_at", "too far after 2017-01-01T11:53:26Z"),
    # money
    ("orders", without(ORDER, "amount"), "amount", "is required for order.completed"),
    ("orders", {**ORDER, "amount": None}, "amount", "is required for order.completed"),
    ("orders", {**ORDER, "amount": "-0.01"}, "amount", "negative"),
    ("orders", {**REFUND, "amount": -5}, "amount", "negative"),
    ("orders", {**ORDER, "amount": ""}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": "12,34"}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": "1_2.34"}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": " 12.34"}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": "nan"}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": "Infinity"}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": "١٢.٣٤"}, "amount", "decimal number"),
    ("orders", {**ORDER, "amount": "9" * 65}, "amount", "more than 64 characters"),
    ("orders", {**ORDER, "amount": "10000000000000.01"}, "amount", "at most 1000000000000000 minor units"),
    ("orders", {**ORDER, "amount": "1e9999"}, "amount", "at most"),
    ("orders", {**ORDER, "amount": 1e300}, "amount", "at most"),
    ("orders", {**ORDER, "amount": 10**4000}, "amount", "at most"),
    ("orders", {**ORDER, "amount": True}, "amount", "not true or false"),
    ("orders", {**ORDER, "amount": [1]}, "amount", "not a list"),
    ("orders", without(ORDER, "currency"), "currency", "is required where there is an amount; USD"),
    ("orders", without(REFUND, "currency"), "currency", "is required where there is an amount; USD"),
    ("orders", {**ORDER, "currency": ""}, "currency", "is required where there is an amount; USD"),
    ("orders", {**ORDER, "currency": "EUR"}, "currency", "'EUR' is not accepted; amounts are in USD"),
    ("orders", {**ORDER, "currency": "usd"}, "currency", "'usd' is not accepted"),
    ("orders", {**ORDER, "currency": 840}, "currency", "must be text"),
    # names
    ("orders", {**ORDER, "channel": "w\teb"}, "channel", "control character U+0009"),
    ("orders", {**ORDER, "channel": "w" * 65}, "channel", "more than 64 characters"),
    ("orders", {**ORDER, "channel": "ü" * 33}, "channel", "66 bytes"),
    ("interactions", {**NPS, "channel": "€" * 22}, "channel", "66 bytes"),
    ("profiles", {**PROFILE, "region": "n\x1b"}, "region", "control character U+001B"),
    ("profiles", {**PROFILE, "kind": "robot"}, "kind", "'robot' is none of individual, enterprise"),
    # what single types need
    ("interactions", without(COMPLAINT, "ticket_id"), "ticket_id", "is required for complaint.opened"),
    ("interactions", {**COMPLAINT, "ticket_id": ""}, "ticket_id", "is empty"),
    ("interactions", {**COMPLAINT, "ticket_id": "t\x00"}, "ticket_id", "control character"),
    (
        "interactions",
        {**without(COMPLAINT, "ticket_id"), "type": "complaint.resolved"},
        "ticket_id",
        "for complaint.resolved",
    ),
    ("interactions", without(NPS, "score"), "score", "is required for feedback.nps"),
    ("interactions", {**NPS, "score": 11}, "score", "must be a whole number from 0 to 10, not 11"),
    ("interactions", {**NPS, "score": -1}, "score", "whole number from 0 to 10, not -1"),
    ("interactions", {**NPS, "score": 8.5}, "score", "whole number from 0 to 10, not 8.5"),
    ("interactions", {**NPS, "score": "9"}, "score", "not text"),
    ("interactions", {**NPS, "score": 10**4000}, "score", "must be a whole number"),
    ("interactions", {**without(NPS, "score"), "type": "feedback.csat"}, "score", "is required for feedback.csat"),
    ("interactions", {**without(NPS, "score"), "type": "feedback.csi"}, "score", "or dimensions are required"),
    (
        "interactions",
        {**without(NPS, "score"), "type": "feedback.csi", "dimensions": {"price": "high"}},
        "dimensions",
        "object of numbers",
    ),
    ("interactions", {**NPS, "type": "feedback.csat", "score": 6}, "score", "whole number from 1 to 5, not 6"),
    ("interactions", {**NPS, "type": "feedback.csat", "score": 4.5}, "score", "whole number from 1 to 5, not 4.5"),
    ("interactions", {**NPS, "type": "feedback.csi", "score": 101}, "score", "from 0 to 100, not 101"),
    ("interactions", {**CSI, "dimensions": {"price": 0.5}}, "dimensions", "from 1 to 10, not 0.5 (price)"),
    ("interactions", {**CSI, "dimensions": {"p\n": 5}}, "dimensions", "control character U+000A"),
    ("interactions", {**CSI, "dimensions": {str(n): 5 for n in range(17)}}, "dimensions", "are 17; at most 16"),
    # what an interaction is about
    ("interactions", {**NPS, "category": "€" * 22}, "category", "66 bytes"),
    ("interactions", {**NPS, "sku": 5}, "sku", "must be text, not a whole number"),
    ("interactions", {**NPS, "campaign_id": "k" * 257}, "campaign_id", "more than 256 characters"),
    ("interactions", {**NPS, "tags": ["t\x00"]}, "tags", "control character U+0000"),
    ("interactions", {**NPS, "tags": ["t", 5]}, "tags", "[1] must be text"),
    ("interactions", {**NPS, "text": ["t"]}, "text", "must be text, not a list"),
    # details of orders
    ("orders", {**ORDER, "discount": "-0.01"}, "discount", "is negative"),
    ("orders", {**ORDER, "discount": "ten"}, "discount", "must be a decimal number"),
    ("orders", {**ORDER, "discount": {}}, "discount", "not an object"),
    ("orders", {**ORDER, "coupon": 5}, "coupon", "must be text"),
    ("orders", {**ORDER, "coupon": "c\n"}, "coupon", "control character U+000A"),
    ("orders", {**ORDER, "items": "not a list"}, "items", "must be a list, not text"),
    ("orders", {**ORDER, "items": [{"category": "tea"}]}, "items", "[0] has no sku"),
    ("orders", {**ORDER, "items": [{"sku": "s"}, {"sku": 5}]}, "items", "[1].sku must be text, not a whole number"),
    ("orders", {**ORDER, "items": [{"sku": "s", "price": "1,5"}]}, "items", "price of item 0 must be a decimal"),
    ("orders", {**ORDER, "items": [{"sku": "s", "price": -1}]}, "items", "price of item 0 is negative"),
    ("orders", {**ORDER, "items": [{"sku": "s", "quantity": -1}]}, "items", "quantity of item 0 must be from 0"),
    (
        "orders",
        {**ORDER, "items": [{"sku": "s", "price": 10**13, "quantity": 2}]},
        "items",
        "item 0 comes to more than",
    ),
    ("orders", {**ORDER, "items": [{"sku": "s", "category": "€" * 22}]}, "items", "category of item 0 has 66 bytes"),
]


@pytest.mark.parametrize(("name", "value", "field", "reason"), BAD, ids=[f"{i}-{row[2]}" for i, row in enumerate(BAD)])
def test_refused(name, value, field, reason):
    given = record(value, offset=17)
    (dead,) = decode(name, given)
    assert isinstance(dead, DeadLetter), dead
    assert (dead.field, reason in dead.reason) == (field, True), dead.reason
    assert (dead.topic, dead.partition, dead.offset) == (f"shop.{name}", 3, 17)
    assert (dead.key, dead.value) == (given.key, given.value)


def test_the_bad_ones_together_leave_the_good_ones_between_them_alone():
    records = []
    for name, value, _, _ in BAD:
        if name == "orders":
            records += [
                record(value, len(records)),
                record({**ORDER, "order_id": str(len(records) + 1)}, len(records) + 1),
            ]
    outcomes = decode("orders", *records)
    assert [outcome.offset for outcome in outcomes] == list(range(len(records)))
    assert all(isinstance(dead, DeadLetter) for dead in outcomes[::2])
    assert [order.order for order in outcomes[1::2]] == [hash_id(str(i)) for i in range(1, len(records), 2)]


def test_no_records_no_outcomes():
    assert decode("orders") == []


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "is missing"),
        (b"", "is not the customer_id 'c-1'"),
        (b"c-2", "b'c-2' is not the customer_id 'c-1'"),
        (b"\xff", "is not the customer_id"),
        (b'"c-1"', "is not the customer_id"),
    ],
)
@pytest.mark.parametrize(
    ("name", "event"), [("orders", ORDER), ("interactions", NPS), ("profiles", PROFILE), ("privacy", REQUEST)]
)
def test_the_key_must_be_the_customer_because_it_decides_the_shard(name, event, key, reason):
    (dead,) = decode(name, record(event, key=key))
    assert dead.field == "key"
    assert reason in dead.reason


def test_a_reason_is_short_however_much_was_sent():
    dead = decode_one("orders", {**ORDER, "type": "x" * 10_000})
    assert dead.field == "type"
    assert len(dead.reason) <= 400


# ------------------------------------------------------------------------------------------------ which moments

LATE = "2017-03-01T00:00:00Z"
AHEAD = parse_time(LATE)


def outcome_at(timestamp, now_ms, tolerance=DAY):
    (outcome,) = decode(
        "orders",
        record({**ORDER, "occurred_at": LATE}, timestamp=timestamp),
        now_ms=now_ms,
        future_tolerance=tolerance,
    )
    return "refused" if isinstance(outcome, DeadLetter) else "accepted"


def test_an_event_is_held_against_its_own_record_so_that_a_replay_decides_the_same():
    for now_ms in (AHEAD, AHEAD + 365 * DAY):
        assert outcome_at(timestamp=AHEAD - DAY, now_ms=now_ms) == "accepted"
        assert outcome_at(timestamp=AHEAD - DAY - 1, now_ms=now_ms) == "refused"


def test_a_timestamp_is_taken_at_its_word_down_to_the_first_moment():
    assert outcome_at(timestamp=0, now_ms=AHEAD) == "refused"
    assert outcome_at(timestamp=0, now_ms=AHEAD, tolerance=AHEAD) == "accepted"


@pytest.mark.parametrize("timestamp", [None, -1, AHEAD + 100 * DAY])
def test_the_wall_clock_stands_in_for_a_timestamp_that_says_nothing(timestamp):
    assert outcome_at(timestamp, now_ms=AHEAD - DAY) == "accepted"
    assert outcome_at(timestamp, now_ms=AHEAD - DAY - 1) == "refused"


def test_both_sides_of_the_earliest_moment():
    for earliest, accepted in ((WRITTEN, True), (WRITTEN + 1, False)):
        outcome = decode_one("orders", ORDER, occurred_at_min=earliest)
        assert isinstance(outcome, OrderEvent) is accepted


def test_both_sides_of_the_largest_value():
    size = len(record(ORDER).value)
    assert isinstance(decode_one("orders", ORDER, value_bytes_max=size), OrderEvent)
    dead = decode_one("orders", ORDER, value_bytes_max=size - 1)
    assert (dead.field, dead.reason) == ("value", f"has {size} bytes; at most {size - 1} are read")


def test_both_sides_of_the_largest_amount():
    assert decode_one("orders", {**ORDER, "amount": "10000000000000.00"}).amount == 10**15
    assert decode_one("orders", {**ORDER, "amount": 10**13}).amount == 10**15
    assert decode_one("orders", {**ORDER, "amount": 10**13 + 1}).field == "amount"


def test_the_base_currency_has_its_own_places():
    yen = {**ORDER, "amount": "1234", "currency": "JPY"}
    (order,) = Decoder(Topics(), "JPY").decode("orders", 0, [record(yen)], NOW)
    assert order.amount == 1234


def test_a_record_is_used_only_through_the_four_attributes_named():
    assert set(FakeRecord.__dataclass_fields__) == {"offset", "key", "value", "timestamp"}
