"""What a run has come to beside what the oracle says: everything that Redis holds and everything that was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from stream.contracts.decisions import Message
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.model import compile_model
from tests.kit.compare import (
    cells_of,
    compare_decisions,
    compare_records,
    histogram_of,
    places_of,
    plain,
    stages_of,
)
from tests.kit.live import ACCOUNTED, Kept
from tests.kit.place import PARTITIONS
from tests.oracle import Oracle, Result, last_scores

MODEL = compile_model(default_policy(), DEFAULT_CALIBRATION)


def expected_of(events: Mapping[str, Iterable[dict[str, Any]]], currency: str) -> Result:
    """What the oracle says."""
    return Oracle(default_policy(), DEFAULT_CALIBRATION, PARTITIONS, currency=currency).run(events)


def differences(
    kept: Kept,
    messages: list[Message],
    expected: Result,
    *,
    said: bool = True,
    duplicates: int = 0,
    dead_letters: int = 0,
) -> dict[str, Any]:
    """Whatever is not as the oracle has it, by what it is; empty if all is well.

    Parameters
    ----------
    kept, messages
        What Redis holds, and what a read_committed reader finds.
    expected
        What the oracle says.
    said
        False: facts only, because the events came in another order than that of time.
    duplicates, dead_letters
        Of records that the oracle was not given.
    """
    wrong: dict[str, Any] = {}
    records = compare_records(kept.records, expected, MODEL, said=said)
    if records:
        wrong["records"] = (len(records), records[:3])
    wrong |= _doubled(messages)
    # Churn samples are taken at looks, and these depend on the order of events.
    histograms = {
        shard: _histogram(kept, shard) | (expected.samples.get(shard, {}) if said else {}) for shard in kept.customers
    }
    counted = {shard: places_of(found, "fmlsyv" if said else "fmls") for shard, found in kept.histograms.items()}
    if counted != histograms:
        wrong["histograms"] = [shard for shard in histograms if counted[shard] != histograms[shard]]
    accounted = {name: kept.counters[name] for name in ACCOUNTED}
    # The oracle has no duplicates of its own in these data sets: what is more than `duplicates` is wrong.
    right = {
        "applied": expected.accounting["applied"],
        "duplicates": expected.accounting["duplicates"] + duplicates,
        "dead_letters": expected.accounting["dead_letters"] + dead_letters,
    }
    if accounted != right:
        wrong["accounting"] = (accounted, right)
    if not said:
        return wrong
    decided = compare_decisions(map(plain, messages), expected)
    if decided:
        wrong["decisions"] = (len(decided), decided[:2])
    last = {message.key: message.id for message in messages if message.type == "customer.scores"}
    theirs = {customer: decision["id"] for customer, decision in last_scores(expected.decisions).items()}
    if last != theirs:
        wrong["last scores"] = [
            customer for customer in last.keys() | theirs.keys() if last.get(customer) != theirs.get(customer)
        ][:5]
    for shard, cells in kept.cells.items():
        if cells != cells_of(expected, shard):
            wrong.setdefault("tables", []).append(shard)
    return wrong


def _doubled(messages: list[Message]) -> dict[str, Any]:
    """Ids that are in a topic twice, and customers whose versions do not rise by one."""
    wrong: dict[str, Any] = {}
    ids = Counter((message.topic, message.id) for message in messages)
    twice = [place for place, n in ids.items() if n > 1]
    if twice:
        wrong["ids twice"] = (len(twice), twice[:5])
    versions: dict[tuple[str, str], list[int]] = {}
    for message in messages:
        if message.type not in {"customer.scores", "record.refused"}:
            versions.setdefault((message.topic, message.key), []).append(plain(message)["version"])
    gaps = [place for place, seen in versions.items() if seen != list(range(1, len(seen) + 1))]
    if gaps:
        wrong["versions"] = (len(gaps), [(place, versions[place]) for place in gaps[:5]])
    return wrong


def _histogram(kept: Kept, shard: int) -> dict[str, int]:
    blobs = {customer: kept.records[customer] for customer in kept.customers[shard]}
    return histogram_of(blobs, MODEL) | stages_of(blobs)
