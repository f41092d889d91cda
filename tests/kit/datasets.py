"""The three data sets as logs, with what the oracle makes of them; each worked out once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stream.demo import completejourney
from tests.datasets import cdnow, online_retail
from tests.kit.folders import shared_data
from tests.kit.memory import sharded
from tests.kit.place import PARTITIONS, Logs
from tests.kit.verdict import expected_of
from tests.oracle import Result

Event = dict[str, Any]


@dataclass(frozen=True)
class Filled:
    """Events by plain topic name, in order of time, and the logs they make."""

    name: str
    currency: str
    events: dict[str, list[Event]]
    logs: Logs

    @property
    def expected(self) -> Result:
        """What the oracle says."""
        return _expected(self.name)

    def mixed(self, duplicates: float = 0.05, seed: int = 7) -> Logs:
        """The same events in any order, some of them twice."""
        rng = random.Random(seed)
        mixed = {}
        for topic, events in self.events.items():
            again = rng.sample(events, round(duplicates * len(events)))
            mixed[topic] = rng.sample([*events, *again], len(events) + len(again))
        return sharded(mixed, PARTITIONS)


def records_in(logs: Logs) -> int:
    """How many records these logs hold."""
    return sum(len(records) for topics in logs.values() for records in topics.values())


def every_tenth(filled: Filled) -> Filled:
    """The same for every tenth customer only."""
    customers = sorted({event["customer_id"] for of_topic in filled.events.values() for event in of_topic})
    return _of(filled, frozenset(customers[::10]), "every tenth customer")


def _of(filled: Filled, customers: frozenset[str], what: str) -> Filled:
    events = {
        topic: [event for event in of_topic if event["customer_id"] in customers]
        for topic, of_topic in filled.events.items()
    }
    return _kept(f"{filled.name}, {what}", filled.currency, events)


_loaded: dict[str, Filled] = {}


@cache
def _expected(name: str) -> Result:
    filled = _loaded[name]
    return expected_of(filled.events, filled.currency)


def _kept(name: str, currency: str, events: dict[str, list[Event]]) -> Filled:
    _loaded[name] = Filled(name, currency, events, sharded(events, PARTITIONS))
    return _loaded[name]


@cache
def cdnow_of(which: str) -> Filled:
    """CDNOW, ``sample`` or ``master``."""
    return _kept(f"cdnow-{which}", cdnow.CURRENCY, cdnow.load(which).events)


@cache
def journey() -> Filled:
    """The Complete Journey."""
    return _told(completejourney.load(), "completejourney")


@cache
def journey_of(households: int) -> Filled:
    """The same for the first so many households only."""
    return _told(completejourney.load().first(households), f"completejourney, {households} households")


def _told(year: completejourney.Year, name: str) -> Filled:
    events: dict[str, list[Event]] = {}
    for topic, event in year.events():
        events.setdefault(topic, []).append(event)
    return _kept(name, completejourney.CURRENCY, events)


@cache
def retail(folder: Path) -> Filled:
    """Online Retail, from the folder of public data sets."""
    return _kept("online-retail", online_retail.CURRENCY, online_retail.load(folder).events)


def present() -> list[Filled]:
    """All data sets that are here, whole: Online Retail is no part of the repository."""
    found = [journey(), cdnow_of("master")]
    return [*found, retail(shared_data())] if shared_data().is_dir() else found
