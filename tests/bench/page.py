"""The figures of a run, written into the page that speaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures, written by make bench -->", "<!-- end of the figures -->"
TITLES = {
    "evenly": "A day's backlog, customers drawn evenly",
    "zipf": "The same, customers drawn by Zipf's law with 1.1",
    "year": "A year's history",
}


def write_page(page: Path, report: dict[str, Any]) -> None:
    """Put the tables of a report between the marks of a page; errors as in `put`."""
    put(page, as_page(report))


def put(page: Path, figures: str, begin: str = BEGIN) -> None:
    """Put figures between the marks of a page; the one at the beginning says which command writes them.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{page} has no place for the figures: a line {begin!r}, and later one {END!r}")
    page.write_text(f"{before}{begin}\n{figures}\n{END}{after}", encoding="utf-8")


def as_page(report: dict[str, Any]) -> str:
    """Tables in Markdown."""
    machine = report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines = [
        f"Machine: {machine['cores']} cores, {machine['cpu']}, {machine['system']}. {versions}.",
        f"Rounds: {report['rounds']}.",
        "",
    ]
    for name, load in report.get("loads", {}).items():
        lines += [
            f"**{TITLES[name]}** ({load['events']} orders of {load['bytes']} B, {load['customers']} customers)",
            "",
            "| | events/s | lowest | highest | ours / it | CPU µs an event |",
            "|---|---|---|---|---|---|",
        ]
        for system, rate in load["rates"].items():
            lowest, highest = load["spread"][system]
            ratio = load["ratios"].get(f"ours / {system}")
            lines.append(
                f"| {system} | {rate:,.0f} | {lowest:,.0f} | {highest:,.0f} | {'' if ratio is None else f'{ratio:.2f}'}"
                f" | {load['cpu_microseconds'][system]:.1f} |"
            )
        lines.append("")
    for table in (_latency, _sizes, _sweep, _cpu):
        lines += table(report)
    return "\n".join(lines).rstrip()


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and the empty line after it; nothing without rows."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    rule = "|" + "---|" * len(heads)
    return [f"**{title}**", "", f"| {' | '.join(heads)} |", rule, *body, ""] if body else []


def _latency(report: dict[str, Any]) -> list[str]:
    names = ("p50", "p99", "p999", "highest")
    rows = [
        (f"{int(rate):,}", *(f"{seen[name]:.0f}" for name in names), f"{seen['decisions']:,}")
        for rate, seen in report.get("latency_ms", {}).items()
    ]
    heads = ("orders/s", "p50", "p99", "p99.9", "highest", "decisions")
    return table("From an order to its decision, as a `read_committed` reader gets it, ms", heads, rows)


def _sizes(report: dict[str, Any]) -> list[str]:
    rows = [
        (
            *(f"{one['customers']:,}", f"{one['cached_max']:,}", f"{one['cold']:,.0f}", f"{one['warm']:,.0f}"),
            *(
                f"{one['cached']:,}",
                f"{one['resident_mb']:.0f}",
                f"{one['peak_mb']:.0f}",
                f"{one['claim_seconds']:.2f}",
            ),
        )
        for one in report.get("sizes", [])
    ]
    heads = (
        *("customers", "`cached_customers_max`", "events/s, all to be loaded", "events/s, in memory"),
        *("in memory", "MB", "MB at most", "s from claim to first event"),
    )
    lines = table("By number of customers, of eight orders each, who order on in turn", heads, rows)
    if lines:
        sizes = ", ".join(f"{size:.0f} B at {orders} orders" for orders, size in report["redis_bytes"].items())
        ratio, cached = report["warm_ratio"], report["cached_bytes"]
        said = (
            f"A million in memory are read at {ratio:.2f} of the rate of 50 000, each in {cached:.0f} B of the worker"
        )
        lines += [f"{said}. A customer's Redis, timer and index included: {sizes}.", ""]
    return lines


def _sweep(report: dict[str, Any]) -> list[str]:
    rows = [
        (
            *(f"{one['armed']:,}", *(f"{one[name]:.1f}" for name in ("elapsed", "worker", "redis"))),
            f"{one['idle']:.2f}",
        )
        for one in report.get("sweep_ms", [])
    ]
    heads = ("timers armed", "elapsed", "worker CPU", "Redis CPU", "a look with none due")
    return table("1 000 timers due a second: ms for each second", heads, rows)


def _cpu(report: dict[str, Any]) -> list[str]:
    rows = [
        (
            *(f"{one['workers']}", f"{one['shards']}", f"{one['rate']:,.0f}"),
            *(f"{one[name]:.2f}" for name in ("worker", "kafka", "redis")),
            f"{one['start']:.1f}",
        )
        for one in report.get("cpu_by_workers", []) + report.get("cpu_by_shards", [])
    ]
    heads = ("workers", "shards", "events/s", "workers", "Kafka", "Redis", "s to start")
    return table("CPU seconds a million events, by process, from the first commit to the last delivery", heads, rows)
