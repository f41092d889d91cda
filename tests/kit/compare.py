"""Puts what the scorer ends with beside what the oracle computes, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stream.contracts.decisions import ANOMALY, CUSTOMER_CHANGED, FOLLOW_UP_DUE, Message
from stream.contracts.money import to_minor
from stream.contracts.times import parse_time
from stream.scoring.abc import CLASSES
from stream.scoring.conduct import CONDUCT
from stream.scoring.lifecycle import STAGES
from stream.scoring.needs import NEEDS
from stream.scoring.policy import LEVELS
from stream.state import ledger
from stream.state.codec import decode
from stream.state.customer import TIER_NAMES, Customer
from stream.state.histograms import buckets_of
from stream.state.interactions import TYPE_NAMES, open_tickets
from stream.state.model import Model
from stream.state.view import reasons, rfm
from stream.state.worth import cell_names, worth
from tests.oracle import Result
from tests.oracle.looks import TOLD, Decision
from tests.oracle.view import SAID

#: Cells of the oracle are named by three parts; the store's fields are text.
_DIMENSIONS = {
    "total": "",
    "tier": "|tier=",
    "segment": "|segment=",
    "channel": "|channel=",
    "region": "|region=",
    "category": "|category=",
    "move": "|",
}


MODELLED = {"clv", "value_at_stake"}
"""Money that follows from a model: both sides compute it in their own way, and may round it to the next cent."""


def at_moment(customer_id: str, blob: bytes, as_of: int, model: Model) -> Customer:
    """A stored record, moved to a moment that is not before its own."""
    c = decode(customer_id, blob)
    ledger.rebuild(c, model.window)
    ledger.advance(c, max(as_of, c.as_of), model.window)
    return c


def facts_of(c: Customer, model: Model) -> dict[str, Any]:
    """The facts of a record under the oracle's names."""
    known: dict[str, Any] = {
        "customer": c.customer_id,
        "n": c.n,
        "first_at": c.first_at if c.n else None,
        "last_at": c.last_at if c.n else None,
        "frequency": c.frequency,
        "monetary_minor": c.monetary,
        "open_tickets": open_tickets(c),
        "nps": (c.nps_at, c.nps_score) if c.nps_score >= 0 else None,
        "counters": {
            TYPE_NAMES[code]: {"count": n, "last_at": last_at}
            for code, (n, last_at) in sorted((c.counters or {}).items(), key=lambda item: TYPE_NAMES[item[0]])
        },
        "registered_at": c.registered_at or None,
        "kind": c.kind[2] if c.kind else None,
        "region": c.region[2] if c.region else None,
        "r": None,
        "f": None,
        "m": None,
        "logit": None,
        "contributions": {},
        "loyalty": None,
        "clv": None,
        "value_at_stake": None,
        "profit": None,
    }
    if c.n:
        scores = rfm(c, model, 2)
        known |= {name: scores[name] for name in "rfm"}
        parts = reasons(c, model)
        known["contributions"] = {part.code: part.weight for part in parts}
        known["logit"] = model.bias + sum(part.weight for part in parts)
        figures = worth(c, model)
        known |= {"loyalty": figures.loyalty, "profit": figures.profit}
        known |= {"clv": figures.clv, "value_at_stake": figures.at_stake}
    return known


def said_of(c: Customer, model: Model) -> dict[str, Any]:
    """What was said of a customer, under the oracle's names."""
    versions = {
        "tier-changes": c.tier_version,
        "churn-warnings": c.churn_version,
        "customer-changes": c.changes_version,
        "follow-ups": c.follow_version,
    }
    return {
        "tier": TIER_NAMES[c.tier],
        "tier_since": c.tier_since,
        "level": LEVELS[c.level],
        "segment": c.segment or None,
        "abc": CLASSES[c.abc],
        "lifecycle": STAGES[c.lifecycle],
        "lifecycle_since": c.lifecycle_since,
        "cells": cell_names(c.matrix, model),
        "need": NEEDS[c.need],
        "conduct": CONDUCT[c.conduct],
        "market_segments": list(model.market.names(c.market_segments)),
        "versions": {topic: version for topic, version in versions.items() if version},
    }


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields of `mine` that differ from the oracle's; floats within 1e-9."""
    return {name: (value, theirs[name]) for name, value in mine.items() if not _same(value, theirs[name], name)}


def _same(one: Any, other: Any, name: str = "") -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key], key) for key in one)
    if isinstance(one, float) and isinstance(other, (float, int)):
        return abs(one - other) <= 1e-9 * max(1.0, abs(other))
    if name in MODELLED and one is not None and other is not None:
        return abs(one - other) <= 1
    return bool(one == other)


def compare_records(
    blobs: Mapping[str, bytes],
    result: Result,
    model: Model,
    *,
    said: bool = True,
) -> list[tuple[str, dict[str, tuple[Any, Any]]]]:
    """Customers whose record differs from the oracle's, with the fields that do.

    `said=False`: facts only.
    """
    wrong: list[tuple[str, dict[str, tuple[Any, Any]]]] = []
    if blobs.keys() != result.records.keys():
        extra, lost = blobs.keys() - result.records.keys(), result.records.keys() - blobs.keys()
        wrong.append(("customers", {"extra, lost": (sorted(extra)[:5], sorted(lost)[:5])}))
    for customer in blobs.keys() & result.records.keys():
        theirs = result.records[customer]
        c = at_moment(customer, blobs[customer], theirs["as_of"], model)
        fields = differences(facts_of(c, model), theirs)
        if said:
            fields |= differences(said_of(c, model), {name: theirs[name] for name in SAID})
        if fields:
            wrong.append((customer, fields))
    return wrong


def plain(message: Message | Mapping[str, Any]) -> Decision:
    """A decision as it was sent, in the oracle's form."""
    value = msgspec.json.decode(message.value)
    plain = {
        "customer": message.key,
        "kind": message.type,
        "topic": message.topic,
        "from": value.get("from", value.get("from_level")),
        "to": value.get("to", value.get("level")),
        "effective_at": message.time,
        "cause": value.get("cause"),
        "origin": value.get("origin"),
        "version": value.get("version"),
        "id": message.id,
    }
    if message.type == CUSTOMER_CHANGED:
        plain["changes"] = value["changes"]
    elif message.type == ANOMALY:
        plain |= {name: value[name] for name in ("figure", "value", "usual_from", "usual_to")}
    elif message.type in TOLD:
        plain["action"] = value.get("action")
        if "rfm" in value:
            plain["abc"] = value.get("abc")
    elif message.type == FOLLOW_UP_DUE:
        plain |= {name: value[name] for name in ("tier", "lifecycle", "action", "channel") if name in value}
        plain |= {"deadline": parse_time(value["deadline"])} if "deadline" in value else {}
    return plain | {name: to_minor(value[name]) for name in ("clv", "value_at_stake") if name in value}


def compare_decisions(sent: Iterable[Decision], result: Result) -> list[tuple[str, list[Decision], list[Decision]]]:
    """Customers whose decisions differ, in number, order or content; scores aside."""
    mine: dict[str, list[Decision]] = {}
    theirs: dict[str, list[Decision]] = {}
    for decisions, by_customer in ((sent, mine), (result.decisions, theirs)):
        for decision in decisions:
            if decision["kind"].startswith("customer.") and decision["kind"] != "customer.scores":
                by_customer.setdefault(decision["customer"], []).append(decision)
    wrong = []
    for customer in mine.keys() | theirs.keys():
        # Topics are read one by one, so only the order within a topic is known from outside.
        one, other = (
            sorted(side.get(customer, []), key=lambda it: (it["topic"], it["version"])) for side in (mine, theirs)
        )
        if len(one) != len(other) or not all(map(_same, one, other)):
            wrong.append((customer, one, other))
    return wrong


def histogram_of(blobs: Mapping[str, bytes], model: Model) -> dict[str, int]:
    """The histograms of a shard, counted anew from its records."""
    counts: Counter[str] = Counter()
    for customer, blob in blobs.items():
        c = decode(customer, blob)
        ledger.rebuild(c, model.window)
        buckets = buckets_of(c)
        if buckets is not None:
            counts.update(f"{name}:{index}" for name, index in zip("fml", buckets, strict=True))
    return dict(counts)


def stages_of(blobs: Mapping[str, bytes]) -> dict[str, int]:
    """How many customers are at each stage of life but the first, counted anew from records, as the store has it."""
    counts = Counter(STAGES[decode(customer, blob).lifecycle] for customer, blob in blobs.items())
    return {f"s:{stage}": n for stage, n in counts.items() if stage != STAGES[0]}


def places_of(histograms: Mapping[str, int], names: str = "fml") -> dict[str, int]:
    """Histograms of these names, those of figures by default."""
    return {field: count for field, count in histograms.items() if field[0] in names}


def cells_of(result: Result, shard: int) -> dict[str, dict[str, int]]:
    """The oracle's rolling tables of a shard, under the store's names."""
    from stream.state.tables import DAY, HOUR, day_key, hour_key  # noqa: PLC0415 - names only

    named: dict[str, dict[str, int]] = {}
    for (grain, start), cells in result.tables.get(shard, {}).items():
        key = hour_key(start // HOUR) if grain == "hour" else day_key(start // DAY)
        fields = {
            f"{measure}{_DIMENSIONS[dimension]}{value}": amount
            for (measure, dimension, value), amount in cells.items()
            if amount
        }
        if fields:
            named[key] = fields
    return named
