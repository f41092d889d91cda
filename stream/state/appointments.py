"""Moments at which a customer is looked at though no class changes: a follow-up, an outcome, a churn sample.

A *follow-up* is due when neither an order nor a contact came for the cadence of the customer's tier. The *outcome* of
an action is known when an order comes, or when the days for it are over. A *sample* of the churn evidence is taken at
the moments of the customer's own grid, and has its label at the next of them; see `stream.scoring.churn_samples`.
"""

from __future__ import annotations

from stream.scoring.churn import contributions, evidence, weighed
from stream.scoring.churn_samples import grid_offset, next_moment, outcome_fields, take, taken_at
from stream.scoring.units import SECOND, ceil_to_second
from stream.state.advice import recommended
from stream.state.customer import NEVER, UNSET, Customer
from stream.state.doings import activity_of
from stream.state.interactions import open_tickets
from stream.state.model import Model


def next_appointment(c: Customer, model: Model) -> int:
    """The first of these moments after the customer's `as_of`, ms, or `NEVER`; what is due by then has been done."""
    # Without min: it is a call, and this is asked after every order.
    due = ceil_to_second(c.action_at + model.outcome_ms) if c.action else NEVER
    if c.n:
        follow_up = _follow_up_at(c, model)
        if follow_up < due:  # noqa: PLR1730
            due = follow_up
    sample = _next_sample(c, model)
    return sample if sample < due else due  # noqa: FURB136


def outcome(c: Customer, as_of: int, model: Model) -> bool | None:
    """Whether a customer came back after the action waited for; None where there is none, or that is not known yet.

    What is known is no longer waited for.
    """
    if not c.action:
        return None
    came_back = c.n > 0 and c.last_at > c.action_at
    if came_back or as_of >= ceil_to_second(c.action_at + model.outcome_ms):
        c.action = c.action_at = 0
        return came_back
    return None


def note_contact(c: Customer, model: Model) -> None:
    """Something that asks for a contact was said; where the playbook has an action for it, its outcome is waited for.

    Whoever is held out is treated alike, and so can be compared.
    """
    c.contacted_at = c.as_of
    found = recommended(c, model)
    if found is not None and not c.action:
        c.action, c.action_at = model.action_hashes[model.playbook.actions.index(found)], c.as_of


def follow_up_is_due(c: Customer, model: Model) -> bool:
    """Whether a follow-up is due at the customer's `as_of`."""
    return c.n > 0 and _follow_up_at(c, model) <= c.as_of


def label_and_sample(c: Customer, model: Model) -> tuple[str, str] | None:
    """Count the open sample, if its label is known at the customer's `as_of`, and take one, if that is in the grid.

    Returns
    -------
    Fields of the histogram that count the old sample; None where none was counted.
    """
    horizon, upto = model.churn.horizon, _grid_to(c, model)
    if upto - horizon < c.as_of and (not c.sample or taken_at(c.sample) >= upto - horizon):
        # Between two moments of the grid, and the open sample is of the first of them.
        return None
    fields = None
    if c.sample and c.as_of >= next_moment(_offset(c, model), horizon, taken_at(c.sample)):
        fields = outcome_fields(c.sample, c.last_at if c.n else UNSET)
        c.sample = 0
    if not c.sample and c.n and is_in_grid(c, c.as_of, model) and c.last_at > c.as_of - model.window:
        known = (c.n, c.first_at, c.last_at, c.as_of, open_tickets(c), c.nps_score, max(0, c.nps_at))
        reasons = contributions(model.churn, *known, activity=activity_of(c, model))
        found = evidence(model.churn, reasons, *known[:5])
        c.sample = take(found, weighed(model.churn, reasons), c.as_of, warned=c.level >= model.warn_level)
    return fields


def is_in_grid(c: Customer, at: int, model: Model) -> bool:
    """Whether a moment is in the customer's grid."""
    return (at - _offset(c, model)) % model.churn.horizon == 0


def _offset(c: Customer, model: Model) -> int:
    return grid_offset(c.id_hash, model.churn.horizon)


def _grid_to(c: Customer, model: Model) -> int:
    """The first moment of the customer's grid after their `as_of`, ms."""
    upto, horizon = c.grid_to, model.churn.horizon
    if not upto - horizon <= c.as_of < upto:
        upto = c.grid_to = next_moment(_offset(c, model), horizon, c.as_of)
    return upto


def _follow_up_at(c: Customer, model: Model) -> int:
    wait = model.follow_up_ms[c.tier][c.lifecycle]
    if not wait:
        return NEVER
    since = c.last_at if c.last_at > c.contacted_at else c.contacted_at  # noqa: FURB136 - max is a call
    return -(-(since + wait) // SECOND) * SECOND


def _next_sample(c: Customer, model: Model) -> int:
    moment, horizon = _grid_to(c, model), model.churn.horizon
    if c.sample:
        taken = taken_at(c.sample)
        return moment if taken >= moment - horizon else next_moment(_offset(c, model), horizon, taken)
    return moment if c.n and c.last_at > moment - model.window else NEVER
