"""What the playbook recommends for a customer, by what is said of them."""

from __future__ import annotations

from typing import Final

from stream.scoring.playbook import Action, action, held_out
from stream.state.customer import Customer
from stream.state.interactions import open_tickets
from stream.state.model import Model

#: Name of an action that the policy has no more.
OTHER: Final = "other"


def recommended(c: Customer, model: Model) -> Action | None:
    """The action that follows from what is said of a customer; None where that is none."""
    complaint = int(c.tickets is not None and open_tickets(c) > 0)
    number = action(model.playbook, c.tier, c.lifecycle, c.level, c.need, complaint)
    return model.playbook.actions[number] if number else None


def action_name(hashed: int, model: Model) -> str:
    """Name of the action with this hash, or `OTHER`."""
    known = model.action_hashes
    return model.playbook.actions[known.index(hashed)].action if hashed in known else OTHER


def is_held_out(c: Customer, model: Model) -> bool:
    """Whether a customer is among those who get no action, so that its effect can be told."""
    return held_out(c.id_hash, model.policy.playbook.hold_out)


def advised(c: Customer, model: Model) -> Action | None:
    """The action that is told to others; None where there is none, or the customer is held out."""
    found = recommended(c, model)
    return None if found is None or is_held_out(c, model) else found
