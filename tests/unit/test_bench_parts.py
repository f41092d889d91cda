"""What the speeds are judged by, and what is written of them."""

from collections import Counter

import orjson
import pytest

from tests.bench import quick
from tests.bench.__main__ import BARS, P99_MS_MAX, below
from tests.bench.cpu import Reading, middle
from tests.bench.latency import Paced
from tests.bench.page import BEGIN, END, write_page
from tests.bench.throughput import OURS, Rates
from tests.bench.workload import Workload


def test_every_bar_that_was_missed_is_named():
    slow = {"ratios": {name: bar - 0.01 for name, bar in BARS.items()}}
    late = {"latency_ms": {str(rate): {"p99": bar + 1} for rate, bar in P99_MS_MAX.items()}}
    assert len(below(slow | late)) == len(BARS) + len(P99_MS_MAX)
    assert below({"ratios": dict(BARS), "latency_ms": {"10000": {"p99": 100.0}}}) == []
    assert below({}) == []


def test_ratios_are_of_the_same_round():
    seen = Rates({"raw": [100.0, 50.0], OURS: [50.0, 50.0]}, {}, 0, {})
    assert seen.ratios() == {"ours / raw": [0.5, 1.0]}


def test_figures_are_written_where_the_page_has_a_place_for_them(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    load = {
        "rates": {"raw": 2e5, "ours": 1e5},
        "ratios": {"ours / raw": 0.5},
        "cpu_microseconds": {"raw": 2, "ours": 4},
    }
    spread = {"spread": {"raw": [1e5, 3e5], "ours": [1e5, 1e5]}, "bytes": 211, "events": 10, "customers": 2}
    machine = {"cpu": "one", "cores": 2, "system": "Linux"}
    write_page(page, {"machine": machine, "versions": {"python": "3"}, "rounds": 3, "loads": {"evenly": load | spread}})
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| raw | 200,000 | 100,000 | 300,000 | 0.50 | 2.0 |" in text


def test_a_page_without_a_place_is_not_touched(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for the figures"):
        write_page(page, {"machine": {"cpu": "", "cores": 1, "system": ""}, "versions": {}, "rounds": 1})
    assert page.read_text(encoding="utf-8") == "nothing here"


def test_by_zipfs_law_few_have_most():
    load = Workload(events=4_000, customers=1_000, zipf=1.1)
    counts = Counter(customer for customer, _, _ in load.orders())
    top = sum(n for _, n in counts.most_common(10))
    assert 0.3 < top / load.events < 0.7
    assert max(Counter(customer for customer, _, _ in Workload(4_000, 1_000).orders()).values()) < 20


def test_a_paced_order_happened_when_it_was_due():
    paced = Paced(1_000, customers=50)
    orders = [orjson.loads(value) for _, _, value in paced.records(100, 300, 1_700_000_000.0, paced.parties())]
    assert [order["occurred_at"] for order in orders[:2]] == [1_700_000_000.1, 1_700_000_000.101]
    assert len({order["customer_id"] for order in orders}) == 50
    assert len({order["event_id"] for order in orders}) == 200


def test_of_several_readings_the_medians_are_kept_each_of_its_own():
    one, two, three = (Reading(2, 16, *figures) for figures in ((1.0,) * 7, (2.0, 9.0, *(2.0,) * 5), (3.0,) * 7))
    assert middle([one, two, three]) == Reading(2, 16, 2.0, 3.0, *(2.0,) * 5)
    assert middle([one, two])[:3] == (2, 16, 1.5)


@pytest.mark.parametrize(
    ("tries", "code"),
    [
        ([[0.72]], 0),
        ([[0.68], [0.71, 0.75]], 0),
        ([[0.68], [0.69]], 1),
        ([[0.1, 0.72, 0.72, 0.9]], 0),
    ],
    ids=["not far", "busy once", "slower", "one bad round"],
)
def test_a_fall_of_the_ratio_by_more_than_30_percent_fails(tries, code, monkeypatch, capsys):
    left = iter(tries)

    def read(_load, peers, _rounds, _directory):
        shares = next(left)
        ours = [quick.RATIO * share for share in shares]
        return Rates({peers[0].name: [1.0] * len(shares), OURS: ours}, {}, 0, {})

    monkeypatch.setattr(quick, "throughput", read)
    assert quick.main() == code
    assert next(left, None) is None
    assert ("fell by more than 30%" in capsys.readouterr().err) == bool(code)
