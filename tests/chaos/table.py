"""What many runs came to, fault by fault: for people, for programs, for the docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.mutants import LOOKERS, Verdict
from tests.chaos.play import Report
from tests.chaos.stage import PROGRESS_SECONDS


@dataclass
class Row:
    """One fault over all runs that had it.

    What is lost, doubled or out of order in a run stands at each of its faults: nobody can tell which it was.
    """

    fault: str
    runs: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    longest_stall_seconds: float = 0.0

    @property
    def well(self) -> bool:
        """Whether the fault did happen, and did no harm."""
        harm = self.lost + self.doubled + self.out_of_order
        return self.runs > 0 and harm == 0 and self.longest_stall_seconds <= PROGRESS_SECONDS


def rows_of(reports: Iterable[Report], faults: Iterable[str]) -> list[Row]:
    """A row for every fault, whether it was run or not."""
    rows = {fault: Row(fault) for fault in faults}
    for report in reports:
        for fault, seconds in report.stalls:
            row = rows[fault]
            row.longest_stall_seconds = max(row.longest_stall_seconds, round(seconds, 1))
        for fault in {fault for fault, _ in report.stalls}:
            row = rows[fault]
            row.runs += 1
            row.lost += report.lost
            row.doubled += report.doubled
            row.out_of_order += report.out_of_order
    return list(rows.values())


def as_json(rows: Sequence[Row], reports: Sequence[Report], verdicts: Sequence[Verdict] = ()) -> dict[str, Any]:
    """For programs; `runs` is how each seed did, `mutants` what was seen of each."""
    runs = [
        {
            "seed": report.schedule.seed,
            "workers": report.schedule.workers,
            "faults": [fault for fault, _ in report.stalls],
            "events": report.events,
            "messages": report.messages,
            "seconds": round(report.seconds, 1),
            "worker_ends": [said.partition("\n")[0] for said in report.ends],
            "wrong": {what: str(found) for what, found in report.wrong.items()},
        }
        for report in reports
    ]
    return {
        "faults": [asdict(row) for row in rows],
        "runs": runs,
        "mutants": [{"mutant": verdict.mutant, "seen": verdict.well, **verdict.said} for verdict in verdicts],
    }


def as_text(rows: Sequence[Row]) -> str:
    """For people, in a terminal and in the docs: a table of Markdown."""
    head = ("fault", "runs", "lost", "doubled", "out of order", "longest stall, s")
    return _table([head, *((row.fault, *map(str, list(asdict(row).values())[1:])) for row in rows)])


def mutants_as_text(verdicts: Sequence[Verdict]) -> str:
    """The same for mutants: who was asked, and what it saw; - for one that was not asked."""
    if not verdicts:
        return ""
    rows = [
        (verdict.mutant, *((verdict.said[who] or "NOT SEEN") if who in verdict.said else "-" for who in LOOKERS))
        for verdict in verdicts
    ]
    return _table([("taken out", *LOOKERS), *rows])


def _table(cells: Sequence[Sequence[str]]) -> str:
    head = cells[0]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + " |" for line in cells
    ]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def as_page(rows: Sequence[Row], reports: Sequence[Report], verdicts: Sequence[Verdict] = ()) -> str:
    """The page ``docs/reference/faults.md``."""
    seeds = ", ".join(str(report.schedule.seed) for report in reports)
    smallest = min(report.events for report in reports)
    return f"""# What was broken, and what came of it

Written by `python -m tests.chaos --page`; do not edit. Seeds {seeds}; at least {smallest} events a run, written while
things broke; real Kafka, real Redis, 1 to 3 real workers. After each run every record, table and decision is compared
with the oracle, and a `read_committed` reader has checked every output as it came.

{as_text(rows)}

*Lost*, *doubled*: events and messages accounted for, or read, less or more often than the oracle says. *Out of order*:
messages read after one of a higher version. *Longest stall*: from the end of the fault until every shard has accounted
for more events; at most {PROGRESS_SECONDS:g} s are allowed. What a run has lost stands at each of its faults. A seed
is run again by `python -m tests.chaos --seed N`. What each fault does: `tests/chaos/faults/`.

## What the suite sees

Versions of the code with a check taken out (`tests/chaos/mutants.py`), and who noticed: the model of the protocol
(`tests/property/test_protocol.py`), the tests of the store run on that code, a run of real workers with that code.

{mutants_as_text(verdicts)}
"""
