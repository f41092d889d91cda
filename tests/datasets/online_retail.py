"""Online Retail (UCI 352): a year of a British wholesaler's invoices, 2010-12-01 to 2011-12-09, in pounds.

An invoice with a customer is one order. An invoice whose number starts with C gives goods back; the data does not
say which purchase they came from, so each of its lines is linked, in this order of preference, to

1. the customer's latest earlier invoice that holds the stock code with enough of it not yet given back,
2. the customer's latest earlier invoice,
3. nothing known (bought before the data begins): an order id that never comes, the C invoice's own number.

Lines linked to the same invoice become one ``order.refunded``. "Earlier" includes the same minute, because times
are whole minutes. A refund is not limited to what the invoice was worth: that is for the scorer to do.
"""

from __future__ import annotations

import csv
import io
import lzma
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

CURRENCY = "GBP"
FILE = "online_retail.csv.xz"
_CENT = Decimal("0.01")

Event = dict[str, Any]


@dataclass
class Counts:
    """What was in the file, and what was made of it."""

    lines: int = 0
    lines_without_customer: int = 0
    lines_without_price: int = 0
    lines_without_quantity: int = 0
    refund_lines: int = 0
    refund_lines_of_an_invoice_with_the_goods: int = 0
    refund_lines_of_an_earlier_invoice: int = 0
    refund_lines_of_nothing_known: int = 0
    orders: int = 0
    free_orders: int = 0
    refunds: int = 0
    refunds_of_nothing_known: int = 0
    refund_invoices: int = 0
    customers: int = 0
    customers_without_order: int = 0
    orders_per_customer_max: int = 0


@dataclass(frozen=True)
class Dataset:
    """Canonical events by plain topic name, each topic in order of time."""

    events: dict[str, list[Event]]
    counts: Counts
    currency: str = CURRENCY


@dataclass
class _Invoice:
    number: str
    customer: str
    at: str
    amount: Decimal = Decimal(0)
    left: Counter[str] = field(default_factory=Counter)


def load(shared_data: Path) -> Dataset:
    """All events of ``online_retail.csv.xz`` in that folder.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    with lzma.open(shared_data / FILE, "rt", encoding="utf-8", newline="") as file:
        return build(file)


def build(file: Iterable[str] | io.TextIOBase) -> Dataset:
    """Make the events of CSV lines with the heading of the data set; any order of lines."""
    counts = Counts()
    bought: dict[str, _Invoice] = {}
    returned: list[tuple[str, str, str, str, int, Decimal]] = []
    for row in csv.DictReader(file):
        counts.lines += 1
        number, customer, stock = row["InvoiceNo"], row["CustomerID"], row["StockCode"]
        at, quantity, price = row["InvoiceDate"], int(row["Quantity"]), Decimal(row["UnitPrice"])
        if not customer:
            counts.lines_without_customer += 1
        elif number.startswith("C"):
            counts.refund_lines += 1
            returned.append((at, number, customer, stock, -quantity, -quantity * price))
        else:
            invoice = bought.setdefault(number, _Invoice(number, customer, at))
            # 31 invoices were written over two minutes.
            invoice.at = min(invoice.at, at)
            # A line of no price or quantity adds nothing, but the invoice it is on was a purchase.
            counts.lines_without_price += price <= 0
            counts.lines_without_quantity += quantity <= 0
            if quantity > 0:
                invoice.left[stock] += quantity
                invoice.amount += max(price, Decimal(0)) * quantity

    orders = sorted(bought.values(), key=lambda invoice: (invoice.at, invoice.number))
    refunds = _refunds(orders, returned, counts)
    _count(orders, refunds, returned, counts)
    events = [*map(_order_event, orders), *(_refund_event(*key, amount) for key, amount in refunds.items())]
    # In one minute: purchases before what is given back.
    events.sort(key=lambda event: (event["occurred_at"], event["type"], event["event_id"]))
    return Dataset({"orders": events}, counts)


def _refunds(
    orders: list[_Invoice], returned: list[tuple[str, str, str, str, int, Decimal]], counts: Counts
) -> dict[tuple[str, str, str, str], Decimal]:
    """Sums given back, by (moment, C invoice, customer, order id)."""
    of_customer: dict[str, list[_Invoice]] = defaultdict(list)
    for invoice in orders:
        of_customer[invoice.customer].append(invoice)
    moments: dict[str, str] = {}
    for at, number, *_ in returned:
        moments[number] = min(at, moments.get(number, at))
    refunds: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for _, number, customer, stock, quantity, amount in sorted(returned, key=lambda line: line[:2]):
        at = moments[number]
        earlier = [invoice for invoice in of_customer[customer] if invoice.at <= at]
        holding = [invoice for invoice in earlier if invoice.left[stock] >= quantity]
        if holding:
            counts.refund_lines_of_an_invoice_with_the_goods += 1
            holding[-1].left[stock] -= quantity
            order_id = holding[-1].number
        elif earlier:
            counts.refund_lines_of_an_earlier_invoice += 1
            order_id = earlier[-1].number
        else:
            counts.refund_lines_of_nothing_known += 1
            order_id = number
        refunds[at, number, customer, order_id] += amount
    return refunds


def _count(
    orders: list[_Invoice],
    refunds: dict[tuple[str, str, str, str], Decimal],
    returned: list[tuple[str, str, str, str, int, Decimal]],
    counts: Counts,
) -> None:
    buyers = Counter(invoice.customer for invoice in orders)
    customers = {line[2] for line in returned} | set(buyers)
    counts.orders = len(orders)
    counts.free_orders = sum(invoice.amount == 0 for invoice in orders)
    counts.refunds = len(refunds)
    counts.refunds_of_nothing_known = sum(number == order_id for _, number, _, order_id in refunds)
    counts.refund_invoices = len({number for _, number, _, _ in refunds})
    counts.customers = len(customers)
    counts.customers_without_order = len(customers) - len(buyers)
    counts.orders_per_customer_max = max(buyers.values(), default=0)


def _order_event(invoice: _Invoice) -> Event:
    return {
        "event_id": f"order-{invoice.number}",
        "type": "order.completed",
        "customer_id": invoice.customer,
        "order_id": invoice.number,
        "occurred_at": _time(invoice.at),
        "amount": _amount(invoice.amount),
        "currency": CURRENCY,
    }


def _refund_event(at: str, number: str, customer: str, order_id: str, amount: Decimal) -> Event:
    return {
        "event_id": f"refund-{number}-{order_id}",
        "type": "order.refunded",
        "customer_id": customer,
        "order_id": order_id,
        "occurred_at": _time(at),
        "amount": _amount(amount),
        "currency": CURRENCY,
    }


def _time(at: str) -> str:
    return f"{at.replace(' ', 'T')}Z"


def _amount(amount: Decimal) -> str:
    return str(amount.quantize(_CENT, ROUND_HALF_EVEN))
