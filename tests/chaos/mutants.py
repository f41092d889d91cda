"""The scorer with a check taken out: does anybody notice? A suite that sees nothing there would see nothing ever.

A mutant is a copy of the code with some lines changed. Three look at it, cheapest first: the model of the protocol with
the same checks left out, the tests of the store run on the copy, and a run of real workers with its code and a fault.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from stream.testing import LOADED, TAIL
from tests.chaos.faults import FAULTS
from tests.chaos.play import Report, play
from tests.chaos.schedule import schedule_of
from tests.kit.folders import REPOSITORY
from tests.property.test_protocol import test_a_protocol_with_a_check_less_is_found_out as model_finds

EVENTS = 6_000
WORKERS = 1
#: What a mutant has lost never comes.
SETTLE_SECONDS = 30.0
TESTS_SECONDS = 120.0
#: Exit codes of pytest.
PASSED, FAILED = 0, 1
STORE = "stream/store"
OWNER = ("if stored[1] ~= ARGV[1] then", "if false then")


class Edit(NamedTuple):
    """Text of a file that is replaced; it is there once."""

    path: str
    old: str
    new: str


class Unfit(Exception):
    """A mutant could not be made, or does not work at all: that nobody notices it would mean nothing."""


@dataclass(frozen=True)
class Mutant:
    """A version of the code with a check less.

    Attributes
    ----------
    name
        What is taken out.
    edits
        How.
    checks
        The same in the model of the protocol.
    tests
        Tests that are run on the copy; none for no path.
    fault
        What real workers with this code meet.
    """

    name: str
    edits: tuple[Edit, ...]
    checks: frozenset[str]
    tests: tuple[str, ...] = ()
    fault: str = ""


STORE_PY = f"{STORE}/shard_store.py"
OWNERS = tuple(Edit(f"{STORE}/{script}.lua", *OWNER) for script in ("commit", "head", "trim"))
POSITION = Edit(f"{STORE}/commit.lua", "if at ~= positions[i + 1] then", "if false then")
NUMBER = Edit(f"{STORE}/commit.lua", "if landed ~= expected then", "if false then")
#: What a worker looks at besides: before it writes on what it has read, and when nothing happens.
OWNER_READ = Edit(STORE_PY, "if owner != self.owner:", "if False:")
OWNER_RESUMED = Edit(STORE_PY, "if meta.owner != self.owner:", "if False:")
NUMBER_READ = Edit(STORE_PY, "if landed not in names:", "if False:")
STORE_TESTS = tuple(f"tests/integration/test_store{what}.py" for what in ("", "_claims", "_outbox"))

MUTANTS = (
    # Real workers do no harm without it: whatever one writes, the position and the number of the commit have to fit.
    # So they meet the mutant below, which has neither.
    Mutant(
        "the owner is not checked",
        OWNERS,
        frozenset({"commit owner", "head owner", "trim owner"}),
        STORE_TESTS,
    ),
    Mutant(
        "neither the owner, nor positions, nor the number of the commit are checked",
        (*OWNERS, POSITION, NUMBER, OWNER_READ, OWNER_RESUMED, NUMBER_READ),
        frozenset({"commit owner", "head owner", "trim owner", "commit position", "commit sequence", LOADED}),
        fault="two workers told to own one shard",
    ),
    Mutant(
        "positions and the number of the commit are not checked",
        (POSITION, NUMBER, NUMBER_READ),
        frozenset({"commit position", "commit sequence", LOADED}),
        STORE_TESTS,
        "Redis rolled back",
    ),
    Mutant("positions are not checked", (POSITION,), frozenset({"commit position"}), STORE_TESTS),
    Mutant("the number of the commit is not checked", (NUMBER,), frozenset({"commit sequence"}), STORE_TESTS),
    Mutant(
        "what is delivered is not read back",
        (
            Edit(
                "stream/transport/relay_tail.py",
                "                delivered.read(record)\n",
                "                pass\n",
            ),
        ),
        frozenset({TAIL}),
        fault="worker killed between relay and trim",
    ),
)


@dataclass
class Verdict:
    """Who noticed a mutant: for each that looked, whether it did, and what it saw."""

    mutant: str
    seen: dict[str, bool] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether anybody noticed."""
        return any(self.seen.values())


def copy_of(mutant: Mutant, directory: Path) -> None:
    """Write the code and its tests, with the mutant's edits, to a directory, in the place of what is there.

    Raises
    ------
    Unfit
        A text that is to be replaced is not there once: the code has changed, and so has the mutant to.
    """
    # Always the same directory: numba keeps machine code by the path of its source, and by the time of it.
    shutil.rmtree(directory, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__")
    for part in ("stream", "tests"):
        shutil.copytree(REPOSITORY / part, directory / part, ignore=without)
    shutil.copy2(REPOSITORY / "pyproject.toml", directory)
    for edit in mutant.edits:
        path = directory / edit.path
        text = path.read_text()
        if (times := text.count(edit.old)) != 1:
            raise Unfit(f"{mutant.name}: {edit.old.strip()!r} is {times} times in {edit.path}, not once")
        path.write_text(text.replace(edit.old, edit.new))


def look_at(mutant: Mutant, directory: Path, say: Callable[[str], None] = print) -> Verdict:
    """Let everybody look at a mutant.

    Parameters
    ----------
    mutant
        Which.
    directory
        Where its code and its logs go.
    say
        Told what was seen as it is seen.

    Raises
    ------
    Unfit
        It could not be made, or does not work at all.
    """
    verdict = Verdict(mutant.name)
    code = directory / "code"
    copy_of(mutant, code)
    for who, look in LOOKERS.items():
        said = look(mutant, code)
        if said is not None:
            verdict.seen[who], verdict.said[who] = bool(said), said
            say(f"mutant: {mutant.name}: {who}: {said or 'NOT SEEN'}")
    return verdict


def _model(mutant: Mutant, code: Path) -> str | None:
    del code
    try:
        model_finds(mutant.checks)
    except pytest.fail.Exception:
        return ""
    return "an event or a decision too many or too few"


def _tests(mutant: Mutant, code: Path) -> str | None:
    if not mutant.tests:
        return None
    done = _run(code, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *mutant.tests)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode not in {PASSED, FAILED} or not re.search(r"\d+ passed", last):
        raise Unfit(f"{mutant.name}: its tests do not run\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return last.strip("= ") if done.returncode == FAILED else ""


def _real(mutant: Mutant, code: Path) -> str | None:
    if not mutant.fault:
        return None
    done = _run(code, "-m", "stream.transport.warm_up")
    if done.returncode:
        raise Unfit(f"{mutant.name}: it does not even start\n{done.stderr[-2000:]}")
    directory = code.parent / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    schedule = replace(schedule_of(1, list(FAULTS)), faults=(mutant.fault,), workers=WORKERS)
    report = asyncio.run(play(schedule, EVENTS, directory, code, SETTLE_SECONDS))
    # The first fault comes when a share of the events is accounted for: so workers with this code do work.
    if not report.stalls:
        raise Unfit(f"{mutant.name}: workers with this code do nothing\n{report.wrong}")
    return harm(report)


LOOKERS = {"model": _model, "tests": _tests, "real workers": _real}
"""Who looks at a mutant, the cheapest first; each says what it saw, nothing, or None if it was not asked."""


def harm(report: Report) -> str:
    """What of a run is not as the oracle says; a run that was merely broken off does not count."""
    found = [
        f"{number} {what}"
        for what, number in (
            ("lost", report.lost),
            ("doubled", report.doubled),
            ("out of order", report.out_of_order),
        )
        if number
    ]
    found += [what for what in report.wrong if what not in {"failed", "workers"} and not found]
    return ", ".join(found)


def _run(code: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=code,
        env=environment | {"PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TESTS_SECONDS,
    )
