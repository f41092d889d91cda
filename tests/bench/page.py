"""The figures of a run, written into the page that speaks of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures, written by make bench -->", "<!-- end of the figures -->"
TITLES = {
    "evenly": "A day's backlog, customers drawn evenly",
    "zipf": "The same, customers drawn by Zipf's law with 1.1",
    "year": "A year's history",
}


def write_page(page: Path, report: dict[str, Any]) -> None:
    """Put the figures between the marks of a page.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{page} has no place for the figures: a line {BEGIN!r}, and later one {END!r}")
    page.write_text(f"{before}{BEGIN}\n{as_page(report)}\n{END}{after}", encoding="utf-8")


def as_page(report: dict[str, Any]) -> str:
    """Tables in Markdown."""
    machine = report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines = [f"Machine: {machine['cores']} cores, {machine['cpu']}, {machine['system']}. {versions}.", ""]
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
    if "latency_ms" in report:
        lines += [
            "**From an order to its decision**, ms",
            "",
            "| orders/s | p50 | p99 | p99.9 | highest | decisions |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {int(rate):,} | {seen['p50']:.0f} | {seen['p99']:.0f} | {seen['p999']:.0f} | {seen['highest']:.0f}"
            f" | {seen['decisions']:,} |"
            for rate, seen in report["latency_ms"].items()
        ]
    return "\n".join(lines).rstrip()
