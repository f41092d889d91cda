"""A log read by a worker that is stopped and killed again and again, and by one that never is: ``make restarts``.

Whole workers, with Kafka and Redis, read what `stream.simulate` makes: orders with items, interactions, complaints,
answers, refunds, events that are late and events that come twice. In the end both must have left the same: every
record, cell of the rolling tables, histogram and counter, every decision, and what `scorer calibrate` makes of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.simulate import Spec, simulate
from stream.state.codec import decode, encode
from stream.transport.warm_up import warm_up
from tests.kit.datasets import records_in
from tests.kit.live import Kept, Look, sent
from tests.kit.memory import sharded
from tests.kit.place import PARTITIONS, Logs, Place, batches_of, fill, topics_of
from tests.kit.workers import workers

RESTARTS = 10
CUSTOMERS = 200
SEED = 6
#: Every so many-th end is a kill; the others are told to stop.
KILL_EVERY = 3
#: Characters shown of what differs.
SHOWN_MAX = 200
#: Of the one that is interrupted: it must not be at its end before it was ended so often.
BATCH = 10
CALIBRATE_SECONDS_MAX = 60.0
#: The group gives a killed worker up this soon; the shipped 6 s would only be waited for.
SETTINGS: dict[str, object] = {"session_timeout_seconds": 4.0}


@dataclass(frozen=True)
class Left:
    """What one run has left.

    Attributes
    ----------
    decisions
        How often each is sent, the whole message; without scores, of which only a customer's last one counts.
    scores
        Ids of the last of each customer. It tells what is true at the end of a commit, and these differ.
    calibrated
        What ``scorer calibrate --json`` says: the calibration, thresholds that move, and who moves under it.
    """

    kept: Kept
    decisions: Counter[tuple[str, str, str, bytes]]
    scores: dict[str, str]
    calibrated: dict[str, Any]
    seconds: float

    def parts(self) -> dict[str, Any]:
        """Everything that must be equal, by what it is."""
        return {
            "records": {customer: _unarmed(blob) for customer, blob in self.kept.records.items()},
            "rolling tables": self.kept.cells,
            "histograms": self.kept.histograms,
            "counters": self.kept.counters,
            "decisions": self.decisions,
            "last scores": self.scores,
            "calibration": self.calibrated,
        }


def main() -> int:
    """Run both; the exit code says whether they left the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.restarts", description=__doc__)
    parser.add_argument("--restarts", type=int, default=RESTARTS)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    # New topics have no leader yet when they are first written to; the client says so and tries again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logs = logs_of(asked.customers, asked.seed)
    warm_up()
    with tempfile.TemporaryDirectory() as scratch, EmbeddedKafka() as kafka, EmbeddedRedis() as redis:
        steady = Place(kafka.bootstrap, redis.url, settings=SETTINGS)
        ended = Place(kafka.bootstrap, redis.url, settings=SETTINGS | batches_of(BATCH))
        one = asyncio.run(run(steady, logs, Path(scratch), 0))
        other = asyncio.run(run(ended, logs, Path(scratch), asked.restarts))
    return _told(logs, one, other, asked.restarts)


def logs_of(customers: int, seed: int) -> Logs:
    """A year of simulated customers, with late events and duplicates."""
    spec = Spec(customers=customers, late=0.05, late_hours=12.0, duplicates=0.02)
    events: dict[str, list[dict[str, Any]]] = {}
    for told in simulate(spec, seed).events():
        events.setdefault(told.topic, []).append(told.event)
    return sharded(events, PARTITIONS)


async def run(place: Place, logs: Logs, directory: Path, restarts: int) -> Left:
    """Let a worker read the logs, and end it so often on the way; what is left then."""
    look = Look(place, logs)
    began = time.monotonic()
    try:
        async with topics_of(place):
            await fill(place, logs)
            for number in range(restarts):
                with workers(place, directory) as crew:
                    await look.progress((number + 1) / (restarts + 2), crew)
                    if number % KILL_EVERY == KILL_EVERY - 1:
                        crew[0].kill()
                    else:
                        assert crew[0].stop() == 0, crew[0].end_of_log()
                assert await look.accounted() < look.total, "it was at its end before it was ended so often"
            with workers(place, directory) as crew:
                await look.settle(crew)
                assert crew[0].stop() == 0, crew[0].end_of_log()
            seconds = time.monotonic() - began
            kept, messages = await look.read(), await sent(place)
            decisions = Counter((m.topic, m.id, m.key, m.value) for m in messages if m.type != "customer.scores")
            scores = {message.key: message.id for message in messages if message.type == "customer.scores"}
            return Left(kept, decisions, scores, calibrated(place), seconds)
    finally:
        await look.close()


def calibrated(place: Place) -> dict[str, Any]:
    """Make a calibration and put it in force, as a person would."""
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", "calibrate", "--json"],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=CALIBRATE_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _unarmed(blob: bytes) -> bytes:
    """A record but for the moment that its timer is armed with: any that is not after the true one will do."""
    c = decode("x", blob)
    c.armed = 0
    return encode(c)


def _told(logs: Logs, one: Left, other: Left, restarts: int) -> int:
    cells = sum(len(fields) for of_shard in one.kept.cells.values() for fields in of_shard.values())
    print(
        f"{records_in(logs)} events of {len(one.kept.records)} customers in {PARTITIONS} partitions: "
        f"{one.seconds:.0f} s without a restart, {other.seconds:.0f} s with {restarts}"
    )
    sizes = {"rolling tables": cells, "histograms": sum(map(len, one.kept.histograms.values()))}
    theirs, wrong = other.parts(), 0
    for what, part in one.parts().items():
        same = part == theirs[what]
        wrong += not same
        print(f"{what:16} {sizes.get(what, len(part)):8}  {'equal' if same else 'DIFFERENT'}", flush=True)
        if not same:
            print(*_apart(part, theirs[what])[:5], sep="\n")
    return 1 if wrong else 0


def _apart(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two of a kind differ, and in what."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for key in sorted(one.keys() | other.keys(), key=str)
            if one.get(key) != other.get(key)
            for line in _apart(one.get(key), other.get(key), f"{where} {key}")
        ]
    return [f"{where}: {one!r:.{SHOWN_MAX}} and {other!r:.{SHOWN_MAX}}"]


if __name__ == "__main__":
    sys.exit(main())
