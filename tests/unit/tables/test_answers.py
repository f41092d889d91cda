"""Answers are what the events come to, for every window and split."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest

from stream.contracts.money import to_minor
from stream.contracts.times import format_time, parse_time
from stream.scoring.policy import default_policy
from stream.state.histograms import stage_fields
from stream.state.known_names import KnownNames
from stream.state.table_names import BY_NAME, TABLES
from stream.state.tables import DAY, HOUR, TableDeltas, Who
from stream.store.keys import Keys
from stream.tables import answers
from stream.tables.page import PAGE, page
from stream.tables.questions import NotAsked, ask
from stream.tables.rates import RATES
from stream.tables.windows import WINDOWS
from tests.kit.everyday import everyday
from tests.kit.folders import REPOSITORY
from tests.kit.memory import MemoryShard, sharded
from tests.kit.place import PARTITIONS
from tests.unit.tables.kit import Cells

NOW = 17_000 * DAY + 12 * HOUR + 1
THEMES = default_policy().themes


async def told(redis, table, window="24h", by=None, now=NOW, partitions=1):
    question = ask(table, window, by)
    return await answers.answer(redis, "p", partitions, question, now=now, exponent=2, themes=THEMES)


def stored(fill, *more):
    """A Redis with one shard a filler, each of which adds to tables of its own."""
    hashes = {}
    for shard, one in enumerate((fill, *more)):
        tables = TableDeltas(KnownNames(100))
        for region in ("north", "south"):
            tables.names.admit("region", region)
        one(tables)
        keys = Keys("p", shard)
        for suffix, fields in tables.cells(NOW, 31 * 24, 400).items():
            hashes[keys.cell(suffix)] = fields
        hashes[keys.histograms] = stage_fields(tables.stages)
        hashes[keys.meta] = {"clock": NOW - shard * DAY, **tables.names.changes()}
    return Cells(hashes)


# -- against the events -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def year():
    """A year of orders in all shards; the orders themselves, and what changed of customers."""
    events, changes = everyday(customers=40), []
    hashes = {}
    for shard, records in sharded(events, PARTITIONS).items():
        kept = MemoryShard()
        kept.run(records, 100)
        keys = Keys("p", shard)
        hashes |= {keys.cell(suffix): fields for suffix, fields in kept.memory.cells.items()}
        hashes[keys.meta] = {"clock": kept.state.clock, **kept.memory.meta}
        hashes[keys.histograms] = kept.memory.histograms
        changes += [message for message in kept.memory.messages if message.type == "customer.changed"]
    orders = [
        (parse_time(order["occurred_at"]), order["channel"], to_minor(order["amount"]))
        for order in events["orders"]
        if order["type"] == "order.completed"
    ]
    return Cells(hashes), orders, changes


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("by", ["total", "channel"])
async def test_orders_of_a_window_are_those_of_the_log(year, window, by):
    redis, orders, _ = year
    found = await told(redis, "sales", window, by, now=None, partitions=PARTITIONS)
    begin, end = parse_time(found["from"]), parse_time(found["to"])
    assert end == max(int(fields["clock"]) for fields in redis.hashes.values() if "clock" in fields)
    width, count = WINDOWS[window].width, WINDOWS[window].count
    assert begin % width == 0
    assert count * width <= end - begin < (count + 1) * width
    expected = defaultdict(lambda: [0, 0])
    for at, channel, amount in orders:
        if begin <= at <= end:
            sums = expected["total" if by == "total" else channel]
            sums[0] += 1
            sums[1] += amount
    rows = {row.get("channel", "total"): [row["orders"], to_minor(row["revenue"])] for row in found["rows"]}
    assert rows == (expected or {"total": [0, 0]} if by == "total" else expected)
    assert window != "365d" or sum(count for count, _ in rows.values()) > 500


async def test_splits_add_up_to_the_total(year):
    redis, _, _ = year
    for table, measures in (("sales", ("orders", "refunds")), ("complaints", ("complaints", "resolved"))):
        (total,) = (await told(redis, table, "365d", now=None, partitions=PARTITIONS))["rows"]
        for by in ("tier", "region"):
            rows = (await told(redis, table, "365d", by, now=None, partitions=PARTITIONS))["rows"]
            assert len(rows) > 1
            for measure in measures:
                assert sum(row[measure] for row in rows) == total[measure] > 10


@pytest.mark.parametrize("window", WINDOWS)
async def test_churn_is_that_of_whoever_was_there_when_the_window_began(year, window):
    redis, _, changes = year
    (found,) = (answer := await told(redis, "churn", window, now=None, partitions=PARTITIONS))["rows"]
    begin, stage, lost, returned = parse_time(answer["from"]), {}, 0, 0
    for message in sorted(changes, key=lambda message: message.time):
        for change in json.loads(message.value)["changes"]:
            if change["what"] != "lifecycle":
                continue
            if message.time < begin:
                stage[message.key] = change["to"]
            else:
                lost += change["to"] == "churned"
                returned += (change["from"], change["to"]) == ("churned", "won_back")
    gone = sum(at == "churned" for at in stage.values())
    assert {name: found[name] for name in ("customers_lost", "returned", "gone", "at_risk")} == {
        "customers_lost": lost,
        "returned": returned,
        "gone": gone,
        "at_risk": len(stage) - gone,
    }
    assert {"24h": gone > 0, "30d": min(lost, len(stage) - gone) > 0}.get(window, True)


# -- what is worked out -----------------------------------------------------------------------------------------------


async def test_satisfaction_of_tiers():
    ann, bob = Who("high", ""), Who("low", "")

    def fill(tables):
        for score in (10, 9, 8, 3):
            tables.add_nps(NOW, score, ann)
        tables.add_csat(NOW - 24 * HOUR, 5, ann)
        tables.add_csat(NOW, 1, ann)
        tables.add_index(NOW, "csi", 61.25, bob)
        tables.add_csat(NOW - 26 * HOUR, 5, bob)

    found = await told(stored(fill), "satisfaction", by="tier")
    assert (found["from"], found["to"]) == (format_time(NOW // HOUR * HOUR - DAY), format_time(NOW))
    high, low = found["rows"]
    assert high["tier"] == "high"
    assert {name: high[name] for name in ("nps", "csat", "csat_mean")} == {"nps": 25.0, "csat": 50.0, "csat_mean": 3.0}
    assert {"csi", "acsi"}.isdisjoint(high)
    # Tenths, half to even; and an answer of the hour before the window is not in it.
    assert (low["csi"], low["csat_answers"]) == (61.2, 0)
    assert "nps" not in low


async def test_rates_of_the_other_tables():
    def fill(tables):
        who = Who("mid", "loyal", "north")
        tables.add_order(NOW, 1_000, "", who, first=False)
        tables.add_order(NOW, 501, "", who, first=False)
        tables.add_refund(NOW, 300, "", who)
        tables.add_resolved(NOW, NOW - 90_000, who)
        tables.add_resolved(NOW, NOW - 31_000, who)
        for _ in range(8):
            tables.add_step(NOW, "product.viewed", who)
        tables.add_step(NOW, "cart.updated", who)
        for became in ("churned", "churned", "won_back"):
            tables.add_lifecycle_move(NOW, "dormant", became, "mid", "loyal")
        tables.add_lifecycle_move(NOW, "churned", "won_back", "low", "")
        tables.add_lifecycle_move(NOW - 26 * HOUR, "prospect", "repeat", "low", "", 5)
        tables.add_lifecycle_move(NOW - 26 * HOUR, "repeat", "churned", "low", "", 4)
        tables.add_lifecycle_move(NOW - 400 * DAY, "prospect", "dormant", "mid", "", 3)
        tables.add_reasons(NOW, "warned", ["gap", "gap", "gap", "detractor"])
        tables.add_reasons(NOW, "churned", ["gap"])
        for came_back in (True, False, False, False):
            tables.add_outcome(NOW, "call", "treated", came_back)
        tables.add_outcome(NOW, "call", "held_out", came_back=False)

    def fill_another(tables):
        tables.add_order(NOW, 2_000, "", Who("mid", "loyal", "south"), first=False)

    redis = stored(fill, fill_another)

    async def rows(table, by=None):
        return (await told(redis, table, by=by, partitions=2))["rows"]

    (sales,) = await rows("sales")
    assert sales == {
        "orders": 3,
        "revenue": "35.01",
        "refunds": 1,
        "refunded": "3.00",
        "average_order": "11.67",
        "refunded_share": round(300 / 3501, 6),
    }
    assert [(row["region"], row["orders"]) for row in await rows("sales", "region")] == [("north", 2), ("south", 1)]
    (complaints,) = await rows("complaints", "segment")
    assert (complaints["segment"], complaints["mean_resolve_seconds"]) == ("loyal", 60.5)
    (funnel,) = await rows("funnel")
    # Orders came without a cart: whoever ordered counts as having had one.
    assert {name: funnel[name] for name in TABLE["funnel"].rates} == {
        "cart_rate": 3 / 8,
        "checkout_rate": 1.0,
        "order_rate": 1.0,
        "conversion": 3 / 8,
    }
    customers, _ = await rows("customers", "tier")
    assert customers == {"tier": "mid", "customers_lost": 2, "customers_won_back": 1}
    assert await rows("churn") == [
        {"customers_lost": 2, "at_risk": 4, "gone": 4, "returned": 1, "churn_rate": 0.5, "win_back_rate": 0.25}
    ]
    assert await rows("lifecycle") == [
        {"from": "dormant", "to": "churned", "lifecycle_moves": 2},
        {"from": "churned", "to": "won_back", "lifecycle_moves": 1},
        {"from": "dormant", "to": "won_back", "lifecycle_moves": 1},
    ]
    assert await rows("reasons") == [
        {"kind": "warned", "code": "gap", "reasons": 3, "share": 0.75},
        {"kind": "churned", "code": "gap", "reasons": 1, "share": 1.0},
        {"kind": "warned", "code": "detractor", "reasons": 1, "share": 0.25},
    ]
    assert await rows("reasons", "code") == [{"code": "gap", "reasons": 4}, {"code": "detractor", "reasons": 1}]
    assert await rows("outcomes") == [
        {"action": "call", "group": "treated", "came_back": 1, "stayed_away": 3, "came_back_rate": 0.25},
        {"action": "call", "group": "held_out", "came_back": 0, "stayed_away": 1, "came_back_rate": 0.0},
    ]


TABLE = {table.name: table for table in TABLES}


async def test_what_rises_is_measured_on_whole_days_against_those_before():
    def fill(tables):
        for weeks_ago in range(4):
            for _ in range(12 if weeks_ago == 0 else 3):
                tables.add_theme(NOW - DAY - 7 * weeks_ago * DAY, "delivery", "shoes", "high")
            for _ in range(6):
                tables.add_theme(NOW - DAY - 7 * weeks_ago * DAY, "price", "", "low")
        # Today so far is in the window, and in no comparison.
        tables.add_theme(NOW, "price", "", "low")

    redis = stored(fill)
    delivery, price = (await told(redis, "themes", "7d", "theme"))["rows"]
    assert (delivery["theme"], delivery["mentions"]) == ("delivery", 12)
    # Of four stretches before only three hold anything: the log is no older.
    assert delivery["rise"]["mentions"] == 12
    assert (delivery["rise"]["usual"], delivery["rise"]["ratio"]) == (3.0, 4.0)
    assert price == {"theme": "price", "mentions": 7}
    both = await told(redis, "themes", "7d")
    assert [(row["theme"], row["category"], row["tier"]) for row in both["rows"]] == [
        ("delivery", "shoes", "high"),
        ("price", "", "low"),
    ]
    year = await told(redis, "themes", "365d", "theme")
    assert [row["mentions"] for row in year["rows"]] == [25, 21]
    assert all("rise" not in row for row in year["rows"])


# -- bounds -----------------------------------------------------------------------------------------------------------


async def test_rows_beyond_the_limit_are_left_out_and_counted(monkeypatch):
    def fill(tables):
        for number in range(5):
            tables.add_order(NOW, 1, "", Who("mid", ""), first=False, spent=[(f"c-{k}", 1) for k in range(number + 1)])

    monkeypatch.setattr(answers, "ROWS_MAX", 2)
    found = await told(stored(fill), "sales", by="category")
    assert [(row["category"], row["orders"]) for row in found["rows"]] == [("c-0", 5), ("c-1", 4)]
    assert found["left_out"] == 3


async def test_names_beyond_the_limit_are_one_row():
    def fill(tables):
        tables.names.names_max = 1
        tables.add_order(NOW, 1, "", Who("mid", ""), first=False, spent=[("a", 1), ("b", 2), ("c", 4)])

    rows = (await told(stored(fill), "sales", by="category"))["rows"]
    assert [(row["category"], row["revenue"]) for row in rows] == [("other", "0.06"), ("a", "0.01")]


async def test_nothing_was_applied_yet():
    assert await told(Cells({}), "sales", now=None) == {"table": "sales", "window": "24h", "by": "total", "rows": []}
    wall = await told(Cells({}), "sales")
    assert [(row["orders"], row["revenue"]) for row in wall["rows"]] == [(0, "0.00")]
    assert (await told(Cells({}), "sales", by="tier"))["rows"] == []


async def test_each_cell_is_asked_for_once():
    redis = stored(lambda _: None)
    await told(redis, "sales", "30d", "tier")
    assert redis.asked == {"HGETALL": 1, "HMGET": 31}


# -- questions, and the page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "window", "by", "code", "words"),
    [
        ("profits", "24h", None, "unknown_table", "'profits'. There are: sales, customers"),
        ("sales", "1d", None, "bad_window", "'1d'. There are: 1h, 24h, 7d, 30d, 365d"),
        ("sales", "24h", "month", "bad_by", "not split by 'month'. It is by: total, tier"),
        ("sales", "24h", "tier,channel", "bad_by", "It is by: total, tier, segment, channel, region, category."),
        ("reasons", "24h", "total", "bad_by", "It is by: kind, code (one, or some with commas between them)"),
        ("reasons", "24h", "code,code", "bad_by", "It is by: kind, code"),
    ],
)
def test_what_cannot_be_asked(table, window, by, code, words):
    with pytest.raises(NotAsked) as wrong:
        ask(table, window, by)
    assert wrong.value.code == code
    assert words in str(wrong.value)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_every_table_can_be_asked_in_every_way(table):
    for by in table.by:
        found = await told(Cells({}), table.name, by=by)
        assert found["rows"] == ([] if by != "total" else found["rows"][:1])
        assert json.dumps(found)


def test_every_rate_that_is_listed_is_worked_out_and_no_other():
    elsewhere = Counter({"average_order": 1, "share": 1, "rise": 1})
    assert elsewhere + Counter(name for rates in RATES.values() for name in rates) == Counter(
        name for table in TABLES for name in table.rates
    )


def test_tables_are_listed_with_units():
    sales = answers.listed()[0]
    assert (sales["table"], sales["measures"]["revenue"]) == ("sales", BY_NAME["revenue"].unit)


def test_the_page_is_drawn_from_the_tables():
    drawn = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert drawn == page(), "write it anew: python -m stream.tables.page"
