"""A customer's record as the oracle gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.oracle.customer import Customer
from tests.oracle.reading import DAY
from tests.oracle.scores import Scores, risk_of

SAID = (
    *("tier", "tier_since", "level", "segment", "abc", "lifecycle", "lifecycle_since", "cells"),
    *("need", "conduct", "market_segments"),
    *("versions", "said_as_of", "next_change_at"),
)
"""Fields of a record that depend on the order in which events came. All others are facts."""


def facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that depends only on the set of the customer's events and on `as_of`."""
    return {name: value for name, value in record.items() if name not in SAID}


def record_of(scores: Scores, customer: Customer, as_of: int, shard: int) -> dict[str, Any]:
    """What is known of the customer at `as_of` (the facts), and what was said of them.

    Money in minor units, times in milliseconds; None where there is nothing to say.
    """
    window = customer.window(as_of, scores.window)
    rfm = scores.rfm(customer, as_of)
    parts = scores.contributions(customer, as_of)
    r, f, m = rfm or (None, None, None)
    worth = scores.worth(customer, as_of)
    return {
        "customer": customer.id,
        "shard": shard,
        # Facts.
        "as_of": as_of,
        "n": customer.n,
        "first_at": customer.first_at if customer.n else None,
        "last_at": customer.last_at if customer.n else None,
        "lifetime_net_minor": sum(net for _, net in customer.counted),
        "frequency": len(window),
        "monetary_minor": sum(net for _, net in window),
        "recency_days": (as_of - customer.last_at) / DAY if customer.n else None,
        "r": r,
        "f": f,
        "m": m,
        "value_score": float(scores.value_score(rfm)) if rfm else None,
        "segment_now": scores.segment(rfm),
        "level_now": scores.level(parts),
        "contributions": parts,
        "logit": scores.logit(parts) if parts else None,
        "risk": risk_of(scores.logit(parts)) if parts else None,
        "loyalty": worth.loyalty if worth else None,
        "clv": worth.clv if worth else None,
        "value_at_stake": worth.at_stake if worth else None,
        "profit": worth.profit if worth else None,
        "orders_known": len(customer.orders),
        "open_tickets": customer.open_tickets,
        "nps": customer.nps,
        "counters": {
            kind: {"count": count, "last_at": customer.last_of_type[kind]}
            for kind, count in sorted(customer.counts.items())
        },
        "registered_at": customer.registered_at,
        "kind": customer.kind[1] if customer.kind else None,
        "region": customer.region[1] if customer.region else None,
        # Said.
        "said_as_of": customer.as_of,
        "tier": customer.tier,
        "tier_since": customer.tier_since,
        "level": customer.level,
        "segment": customer.segment,
        "abc": customer.abc,
        "lifecycle": customer.lifecycle,
        "lifecycle_since": customer.lifecycle_since,
        "cells": {name: cell for name, cell in customer.cells.items() if cell is not None},
        "need": customer.need,
        "conduct": customer.conduct,
        "market_segments": customer.market_segments,
        "versions": dict(customer.versions),
        "next_change_at": scores.next_change(customer),
    }
