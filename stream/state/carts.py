"""The cart that a customer left, or may be about to leave: what the record knows of it."""

from __future__ import annotations

from typing import Final

from stream.scoring import carts
from stream.scoring.units import NEVER
from stream.state.customer import Customer
from stream.state.interactions import TYPE_CODES
from stream.state.model import Model

_CART: Final = TYPE_CODES["cart.updated"]
_CHECKOUT: Final = TYPE_CODES["checkout.started"]
_NOTHING: Final = (0, -1)


def touched_at(c: Customer) -> int:
    """When the cart was last changed, or a checkout begun, ms; negative where neither ever was."""
    counters = c.counters or {}
    return max(counters.get(_CART, _NOTHING)[1], counters.get(_CHECKOUT, _NOTHING)[1])


def step(c: Customer) -> str:
    """How far the customer came with the cart: ``cart`` or ``checkout``."""
    counters = c.counters or {}
    return "checkout" if counters.get(_CHECKOUT, _NOTHING)[1] >= counters.get(_CART, _NOTHING)[1] else "cart"


def left_at(c: Customer, model: Model) -> int:
    """When the cart is, or was, left behind, ms; `NEVER` without an open one.

    An order that is no longer kept one by one closed its cart all the same; one that was cancelled does too.
    """
    touched = touched_at(c)
    return NEVER if touched < 0 else carts.left_at(model.policy.carts, touched, _ordered_at(c))


def _ordered_at(c: Customer) -> int:
    """When the last order came, ms, whether it counts or not; negative without one."""
    return max(c.times[-1] if c.times else -1, c.folded[-1][1] if c.folded else -1)
