"""What scale takes: the arithmetic against numbers worked out by hand, and what is written of it."""

from __future__ import annotations

import re

import pytest

from tests.bench import scaling_page
from tests.bench.cpu import Reading
from tests.bench.given import ASSUMED, CACHED_MAX, FEW, MANY, NEEDED, PRICES, SHOPS, Costs, Shop, lacking
from tests.bench.growth import CASES, Size
from tests.bench.page import BEGIN, END
from tests.bench.scaling import plan
from tests.bench.scaling_page import PAGE, as_block, write_scaling
from tests.bench.sweep import Swept
from tests.bench.terms import Sheet, said, term
from tests.kit.folders import REPOSITORY

CEILING = "ours / raw aiokafka"


def size(customers, warm, resident):
    cached = min(customers, CACHED_MAX)
    return Size(customers, CACHED_MAX, 4.0, warm, warm, 0.0, cached, resident, resident)._asdict()


def reading(shards, worker, kafka, redis, start):
    return Reading(1, shards, 1e5, worker, kafka, redis, start, 1.0, 400.0)._asdict()


def load(ratio, messages):
    return {
        "rates": {"raw aiokafka": 400_000.0, "ours": 400_000.0 * ratio},
        "ratios": {CEILING: ratio},
        "bytes": 170,
        "parts_microseconds": {"decode": 0.5, "messages an event": messages},
    }


REPORT = {
    "machine": {"cpu": "one", "cores": 2, "system": "Linux"},
    "versions": {},
    "rounds": 3,
    "loads": {"evenly": load(0.5, 1.0), "zipf": load(0.5, 1.0), "year": load(0.25, 3.0)},
    "sizes": [size(FEW, 400_000.0, 400.0), size(MANY, 200_000.0, 800.0)],
    "redis_bytes": {"2": 300.0, "8": 400.0, "50": 900.0},
    "cached_bytes": 1_000.0,
    "cpu_by_shards": [reading(4, 4.0, 1.0, 2.0, 3.0), reading(64, 5.0, 0.5, 1.0, 6.0)],
    "sweep_ms": [
        Swept(1_000_000, 9.0, 4.0, 6.0, {}, 0.1)._asdict(),
        Swept(10_000, 9.0, 1.0, 1.0, {}, 0.1)._asdict(),
    ],
}
"""The keys of ``build/bench.json``, with figures that are easy to reckon with."""

SEEN = ASSUMED._replace(
    busy=term(0.5),
    live_worker=term(45, "µs"),
    live_redis=term(8, "µs"),
    live_kafka=term(10, "µs"),
    live_transactions=term(20),
    redis_bytes=term(10, "GB"),
    redis_copies=term(3),
    active=term(0.1),
    message=term(600, "B"),
    bundled=term(400, "B"),
    written=term(200, "B"),
    broker_bytes=term(100, "MB/s"),
    crossing=term(0.5),
    kept=term(1, "days"),
    silence=term(10, "days"),
    redis_load=term(3, "µs"),
    redis_rewrite=term(2, "µs"),
)
PAID = PRICES._replace(
    core_hour=term(0.04, "$"),
    memory_hour=term(0.005, "$"),
    disk_month=term(0.1, "$"),
    zone_gigabyte=term(0.02, "$"),
    hours=term(1_000, "hours"),
)
LARGE = Shop("large", term(1e9, "customers"), term(1e6, "events/s"))


def planned(shop=LARGE, end=0):
    return plan(shop, Costs.of(REPORT).ends[end], Costs.of(REPORT), SEEN, PAID)


def line(of, quantity):
    (found,) = [each for each in of.lines if each.quantity == quantity]
    return found.result


def test_what_a_billion_customers_take_with_little_to_say():
    found = planned()
    assert found.shards.value == 1_000
    # 200 000 a second beside 200 000 and 400 000: an event that loads costs half of an event more.
    assert line(found, "dearer by, if a customer has to be loaded") == "0.5"
    # 1e9 customers of 400 B, 10 GB a master; a million events of 8 + 2 * 0.5 µs at half a core would take 18.
    assert found.redis.number.value == 3 * 40
    assert found.redis.memory.value == pytest.approx(2 * 3 * 400e9)
    assert line(found, "a master that was restarted is back after") == "125 s"
    # 45 + 5 * 0.5 µs at half a core.
    assert found.workers.number.value == 95
    assert found.workers.memory.value == pytest.approx(95 * (400e6 + 400_000 * 1_000))
    # 170 + 30 B of each event and 600 B of each decision, three times: 2 400 MB/s beside 15 brokers by processor.
    assert line(found, "written to Kafka") == "2,400 MB/s"
    assert found.kafka.number.value == 24
    assert found.kafka.disk.value == pytest.approx(2_400e6 * 0.5 * 86_400 + 1e9 * 600 * 3)
    assert line(found, "copies of partitions") == "30,000"
    assert line(found, "transactions") == "20,000 a second"


def test_what_there_is_to_say_makes_events_dearer_and_kafka_larger():
    found = planned(end=1)
    # Half the ratio: an event costs once more what one of the backlog does, beside the half for loading.
    assert line(found, "dearer by, with what there is to say") == "1.5"
    assert line(found, "a worker, an event") == "52.5 µs"
    assert found.workers.number.value == 105
    assert line(found, "Redis, an event") == "11 µs"
    assert line(found, "a broker, an event") == "11 µs"
    assert line(found, "decisions into Kafka") == "1,800 MB/s"
    assert found.kafka.number.value == 60


def test_how_long_it_takes_to_catch_up():
    found = planned()
    # 95 workers at 5 * 1.5 µs read 12.7 million a second, 40 masters at 2 * 1.5 µs land 13.3 million.
    assert line(found, "events that masters land then") == "13,330,000 a second"
    assert line(found, "events of a backlog") == "12,670,000 a second"
    assert line(found, "time to catch up") == f"{said(600e6 / (12_666_667 - 1e6) / 60)} min"


def test_how_many_are_found_in_memory():
    found = planned()
    assert line(found, "room in memory") == "38,000,000"
    assert line(found, "events of those, if all are as active") == "38 %"
    # ln 38e6 = 17.453, ln 100e6 = 18.421
    assert line(found, "the same by Zipf's law with 1") == "94.9 %"


def test_silence_costs_what_is_due_with_the_most_timers_armed():
    found = planned()
    assert line(found, "timers due") == "1,157 a second"
    assert line(found, "cores for silence, of workers and Redis") == said(1_157.4 * 10e-6)


def test_what_is_paid():
    money = {name: term_.value for name, term_ in planned().money.items()}
    # 40 $ a core, 5 $ a GB.
    assert money["workers"] == pytest.approx(95 * 40 + 76 * 5)
    assert money["Redis"] == pytest.approx(120 * 40 + 2_400 * 5)
    assert money["brokers"] == pytest.approx(24 * (4 * 40 + 16 * 5))
    assert money["disks"] == pytest.approx((2_400 + 103_680 + 1_800) * 0.1)
    # Redis: (600 + 400) MB/s * 0.5 + 600 MB/s to each replica; Kafka: 800 MB/s * (0.5 + 0.5 + 2); half of it all day.
    assert money["between zones"] == pytest.approx((1.7 + 2.4) * 0.5 * 3.6e6 * 0.02)
    assert planned().total == pytest.approx(sum(money.values()))


def test_the_bench_measures_the_sizes_that_are_asked_for():
    assert {(FEW, CACHED_MAX), (MANY, CACHED_MAX)} <= {(size, limit) for size, limits in CASES for limit in limits}


def test_a_small_shop_takes_the_least_of_everything():
    found = planned(Shop("small", term(1_000, "customers"), term(10, "events/s")))
    assert found.shards.value == 4
    assert found.workers.number.value == 2
    assert found.redis.number.value == 3
    assert found.kafka.number.value == 3


def test_there_are_never_more_masters_than_shards():
    found = planned(Shop("busy", term(1e6, "customers"), term(1e6, "events/s")))
    assert line(found, "masters needed") == "18"
    assert found.redis.number.value == 3 * 4


def test_brokers_are_as_many_as_their_partitions_need_where_little_happens():
    found = planned(Shop("quiet", term(1e9, "customers"), term(100, "events/s")))
    # 1000 shards of 10 topics, three copies, 4000 a broker.
    assert found.kafka.number.value == 8


@pytest.mark.parametrize("key", NEEDED)
def test_a_report_without_a_section_is_said_to_be_without(key):
    part = {name: value for name, value in REPORT.items() if name != key}
    assert lacking(part) == [NEEDED[key]]
    assert NEEDED[key] in as_block(part)
    assert "|" not in as_block(part)


def test_without_a_year_there_is_one_end():
    loads = {"evenly": REPORT["loads"]["evenly"]}
    assert [end.name for end in Costs.of(REPORT | {"loads": loads}).ends] == ["little to say"]
    assert "a year's history" not in as_block(REPORT | {"loads": loads})


def test_the_block_has_every_shop_the_arithmetic_and_what_was_assumed():
    block = as_block(REPORT)
    for shop in SHOPS:
        assert re.search(rf"^\| {shop.customers.value:,.0f} \| {shop.events.value:,.0f} \|", block, re.MULTILINE)
    assert "| data in Redis | 1,000,000,000 customers × 400 B | 400 GB |" in block  # noqa: RUF001
    assert "A worker with 64 shards made its first commit 6 s after its start" in block
    for name, given in (PRICES._asdict() | ASSUMED._asdict()).items():
        assert f"| `{name}` | {given.text} | {given.what} |" in block


def test_it_is_written_between_the_marks(tmp_path, monkeypatch):
    page = tmp_path / "scaling.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(scaling_page, "PAGE", page)
    write_scaling(REPORT)
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\n{as_block(REPORT)}\n{END}\nafter\n"


def test_the_page_has_a_place_for_it_and_what_it_links_to_is_there():
    text = PAGE.read_text(encoding="utf-8")
    assert text.index(BEGIN) < text.index(END)
    links = re.findall(r"\]\(([^)#]+)", text)
    assert links
    assert not [link for link in links if "://" not in link and not (PAGE.parent / link).exists()]
    assert "docs/reference/scaling.md" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_every_metric_and_setting_the_page_names_is_one_there_is():
    text = PAGE.read_text(encoding="utf-8")
    metrics = (REPOSITORY / "stream" / "metrics.py").read_text(encoding="utf-8")
    settings = (REPOSITORY / "stream" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r"`scorer_(\w+?)(?:_total)?[`{]", text))
    assert names
    assert not [name for name in names if f'"{name}"' not in metrics]
    assert not [name for name in re.findall(r"`STREAM_(\w+)`", text) if f"    {name.lower()}:" not in settings]


@pytest.mark.parametrize(
    ("formula", "text", "value"),
    [
        (term(6) / (term(2) * term(3)), "6 / (2 * 3)", 1.0),
        ((term(6) - term(2)) * term(3), "(6 - 2) * 3", 12.0),
        (term(6) - (term(2) + term(3)), "6 - (2 + 3)", 1.0),
        (term(6) + term(2) * term(3), "6 + 2 * 3", 12.0),
        (term(6) / term(2) / term(3), "6 / 2 / 3", 1.0),
    ],
)
def test_what_is_written_is_what_was_reckoned(formula, text, value):
    assert formula.text.replace("\N{MULTIPLICATION SIGN}", "*") == text
    assert formula.value == pytest.approx(value)
    assert eval(text) == pytest.approx(value)  # noqa: S307 - of the row above


def test_a_hair_above_a_whole_number_is_that_number():
    sheet = Sheet()
    assert sheet.whole("workers", term(0.1) * term(3) / term(0.1)).value == 3
    assert sheet.whole("workers", term(3.01)).value == 4
    assert [line.result for line in sheet.lines] == ["3", "3.01, so 4"]
