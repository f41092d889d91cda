"""Churn samples of quarters that are no longer learned from go, however events are batched; each is counted once."""

from __future__ import annotations

from collections import Counter

import pytest

from stream.contracts.events import NO_SCORE, NO_TICKET, InteractionEvent
from stream.scoring import churn_samples
from stream.scoring.churn_samples import QUARTER, QUARTERS_KEPT, quarter
from stream.scoring.units import DAY
from tests.kit.memory import MemoryShard
from tests.unit.state_kit import NOW, order

MONTHS = 60
LAST_AT = NOW + 30 * DAY * MONTHS


def history():
    """Five years of two customers, of whom one is an object; one more is heard of again at the end only."""
    events = []
    for number in range(MONTHS):
        at = NOW + 30 * DAY * number
        events += [order("plain", number, at), order("other", 100 + number, at + 1)]
    events += [order("late", 300, NOW + 3), order("late", 301, LAST_AT)]
    login = InteractionEvent("login", NOW + 2, "other", 200, "200", NO_TICKET, NO_SCORE, "", 200)
    return sorted([*events, login], key=lambda event: event.at)


def applied(batch, restart_every=0, sweep_every=0):
    shard, events = MemoryShard(), history()
    for number, start in enumerate(range(0, len(events), batch), 1):
        shard.apply(events[start : start + batch])
        if sweep_every and number % sweep_every == 0:
            shard.sweep(shard.state.clock)
        if restart_every and number % restart_every == 0:
            shard.forget()
    shard.sweep(shard.state.clock)
    return shard.memory


def samples(memory):
    return Counter({name: count for name, count in memory.histograms.items() if name[0] in "yv"})


def test_what_is_kept_is_what_is_learned_from():
    memory = applied(7)
    quarters = {int(name.split(":")[1]) for name in samples(memory)}
    newest = quarter(LAST_AT)
    assert newest - quarter(NOW) > QUARTERS_KEPT + 4
    assert max(quarters) >= newest - 1
    assert min(quarters) > newest - QUARTERS_KEPT


def test_each_sample_that_goes_is_counted_once(monkeypatch):
    memory = applied(7)
    kept = sum(count for name, count in samples(memory).items() if name[0] == "y")
    monkeypatch.setattr(churn_samples, "QUARTERS_KEPT", LAST_AT // QUARTER)
    whole = applied(7)
    assert "samples_outdated" not in whole.counters
    assert memory.counters["samples_outdated"] > 20
    assert kept + memory.counters["samples_outdated"] == sum(
        count for name, count in samples(whole).items() if name[0] == "y"
    )
    assert samples(memory) == {
        name: count
        for name, count in samples(whole).items()
        if int(name.split(":")[1]) > quarter(LAST_AT) - QUARTERS_KEPT
    }


@pytest.mark.parametrize(("batch", "restart_every", "sweep_every"), [(1, 0, 0), (1, 3, 1), (10, 1, 0), (1_000, 0, 0)])
def test_batches_restarts_and_sweeps_do_not_matter(batch, restart_every, sweep_every):
    straight, other = applied(7), applied(batch, restart_every, sweep_every)
    assert samples(other) == samples(straight)
    assert other.counters["samples_outdated"] == straight.counters["samples_outdated"]
