"""Break everything, seed by seed, and compare with the oracle: ``make chaos SEEDS=20``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace

from tests.chaos.faults import FAULTS
from tests.chaos.load import EVENTS
from tests.chaos.mutants import MUTANTS, Mutant, Unfit, Verdict, look_at
from tests.chaos.play import Report, play
from tests.chaos.schedule import schedule_of
from tests.chaos.table import as_json, as_page, as_text, mutants_as_text, rows_of
from tests.kit.folders import REPOSITORY

BUILD = REPOSITORY / "build"
PAGE = REPOSITORY / "docs" / "reference" / "faults.md"
SEEDS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="run seeds 1 to N; six deal every fault")
    parser.add_argument("--seed", type=int, help="run this one only")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, metavar="FAULT", help="these, in place of the seed's")
    parser.add_argument("--events", type=int, default=EVENTS, help="in each run, at least")
    parser.add_argument(
        "--mutants",
        choices=("too", "only", "not"),
        help="versions of the code with a check less; by default with --seeds",
    )
    parser.add_argument("--page", action="store_true", help="write docs/reference/faults.md too, if all is well")
    asked = parser.parse_args(arguments)
    # Clients, and the relays of the model, say at length that a server is away: that is what is done here.
    for name in ("aiokafka", "asyncio", "stream"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    whole = asked.seed is None and asked.faults is None
    mutants = asked.mutants or ("too" if whole else "not")
    seeds = [asked.seed] if asked.seed is not None else range(1, asked.seeds + 1)
    if mutants == "only":
        whole, seeds = False, []
    # First: it takes minutes, and what a suite says that cannot see is worth nothing.
    verdicts = [_look_at(mutant) for mutant in MUTANTS] if mutants != "not" else []
    reports = [_run(seed, asked.events, asked.faults) for seed in seeds]
    rows = rows_of(reports, FAULTS)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "chaos.json").write_text(json.dumps(as_json(rows, reports, verdicts), indent=1) + "\n")
    print(f"\n{as_text(rows)}\n\n{mutants_as_text(verdicts)}")
    never = [row.fault for row in rows if whole and not row.runs]
    if never:
        print(f"never run, for which it takes more seeds: {', '.join(never)}")
    well = not any(report.wrong for report in reports) and all(row.well for row in rows if row.runs)
    well = well and all(verdict.well for verdict in verdicts)
    if asked.page and well and not never:
        # Zeros of a run that was broken off would say nothing.
        PAGE.write_text(as_page(rows, reports, verdicts))
    return 0 if well else 1


def _look_at(mutant: Mutant) -> Verdict:
    try:
        return look_at(mutant, BUILD / "mutant")
    except Unfit as unfit:
        print(f"mutant: {unfit}", flush=True)
        return Verdict(mutant.name)


def _run(seed: int, events: int, faults: Sequence[str] | None) -> Report:
    schedule = schedule_of(seed, list(FAULTS))
    if faults:
        schedule = replace(schedule, faults=tuple(faults))
    directory = BUILD / "chaos" / f"seed-{seed}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    report = asyncio.run(play(schedule, events, directory))
    stalls = ", ".join(f"{fault} ({seconds:.1f} s)" for fault, seconds in report.stalls)
    print(
        f"seed {seed}: {report.events} events, {report.messages} messages, {schedule.workers} workers,"
        f" {report.seconds:.0f} s: {'as the oracle says' if not report.wrong else 'WRONG'}; {stalls}",
        flush=True,
    )
    if report.wrong:
        for what, found in report.wrong.items():
            print(f"  {what}: {found}")
        print(f"  logs: {directory}; again: python -m tests.chaos --seed {seed} --events {events}", flush=True)
    else:
        shutil.rmtree(directory)
    return report


if __name__ == "__main__":
    sys.exit(main())
