"""What a customer did and said besides ordering: counts, complaints, answers, profile.

Each fact is kept so that neither order nor repetition of events matters: counts dedupe by event id within a bounded
horizon, tickets and answers keep the greatest moment seen.
"""

from __future__ import annotations

from typing import Final

from stream.scoring.churn_signs import CAMPAIGN_ANSWERS, COUNTED, PASSING
from stream.scoring.periods import key_of, period_of
from stream.state.activity import Activity
from stream.state.answers import Answers
from stream.state.customer import UNSET, Customer

#: Number of each interaction type inside the record; part of the stored format, so only ever appended to.
TYPE_CODES: Final[dict[str, int]] = {
    name: code
    for code, name in enumerate(
        (
            "page.viewed",
            "product.viewed",
            "cart.updated",
            "checkout.started",
            "search.performed",
            "consultation.opened",
            "complaint.opened",
            "complaint.resolved",
            "feedback.nps",
            "feedback.csat",
            "feedback.csi",
            "review.posted",
            "campaign.sent",
            "campaign.opened",
            "coupon.redeemed",
            "login",
        )
    )
}
TYPE_NAMES: Final = {code: name for name, code in TYPE_CODES.items()}

#: Types that are about a ticket.
TICKETS: Final = frozenset({"complaint.opened", "complaint.resolved"})

#: Types that a look at the customer follows: they open or close a ticket, answer, touch the cart, or answer a
#: campaign. Others change no class but the need, until their period is over (see `doings`).
TELLING: Final = frozenset(
    {"cart.updated", "checkout.started", "consultation.opened", "feedback.nps", *TICKETS, *CAMPAIGN_ANSWERS}
)

#: Types that cost something, see `worth.contacts`.
SERVICE: Final = frozenset({"complaint.opened", "consultation.opened"})

#: Tickets remembered per customer; beyond it the one touched longest ago is forgotten.
TICKETS_MAX: Final = 64


def first_time(c: Customer, event: int, remembered_max: int) -> bool:
    """Whether this event id is new to the customer; remembers it, forgetting the oldest beyond `remembered_max`."""
    key = event.to_bytes(8, "little")
    if c.seen is None:
        c.seen = bytearray(key)
        return True
    place = c.seen.find(key)
    while place >= 0 and place & 7:
        place = c.seen.find(key, place + 1)
    if place >= 0:
        return False
    c.seen += key
    if len(c.seen) > 8 * remembered_max:
        del c.seen[:8]
    return True


def count(c: Customer, kind: str, at: int) -> None:
    """One more interaction of a type; keeps the time of the latest."""
    if c.counters is None:
        c.counters = {}
    code = TYPE_CODES[kind]
    n, last_at = c.counters.get(code, (0, UNSET))
    c.counters[code] = (n + 1, max(last_at, at))


def note_activity(c: Customer, kind: str, at: int, event: int, channel: str) -> bool:
    """What was done, when and where; whether all of it was taken in, see `activity`."""
    if c.activity is None:
        c.activity = Activity({}, [], {})
    code, periods, known = TYPE_CODES[kind], c.activity.periods, len(c.activity.periods)
    whole = c.activity.note(code, at, event, channel)
    period = period_of(at)
    count = periods.get(key_of(period, code), 0)
    if count == 1 and len(periods) <= known:
        # Old periods were dropped.
        c.need_sums = c.sign_periods = None
    elif count:
        if c.need_sums is not None:
            c.need_sums.add(period, code, 1)
        signs = c.sign_periods
        if signs is not None and kind in COUNTED:
            if signs.may_be:
                signs.forget(at, passing=kind in PASSING)
            else:
                c.sign_periods = None
    return whole


def answers_of(c: Customer) -> Answers:
    """What was answered on satisfaction, to be added to."""
    if c.answers is None:
        c.answers = Answers()
    return c.answers


def note_ticket(c: Customer, ticket: int, kind: str, at: int) -> int | None:
    """A complaint opened or resolved; keeps the greatest moment of each.

    Returns
    -------
    When it was opened, ms, if it was open and no longer is.
    """
    if c.tickets is None:
        c.tickets = {}
    opened, resolved = c.tickets.pop(ticket, (UNSET, UNSET))
    was_open = opened > resolved
    if kind == "complaint.opened":
        opened = max(opened, at)
    else:
        resolved = max(resolved, at)
    c.tickets[ticket] = (opened, resolved)
    if len(c.tickets) > TICKETS_MAX:
        del c.tickets[min(c.tickets, key=lambda t: max(c.tickets[t]) if c.tickets else 0)]
    return opened if was_open and resolved >= opened else None


def open_tickets(c: Customer) -> int:
    """Complaints opened and not resolved since."""
    return 0 if c.tickets is None else sum(opened > resolved for opened, resolved in c.tickets.values())


def note_answer(c: Customer, score: int, at: int) -> None:
    """An answer to "would you recommend us", 0..10; the latest counts, of two at one moment the higher."""
    c.nps_at, c.nps_score = max((c.nps_at, c.nps_score), (at, score))


def note_profile(c: Customer, kind: str, at: int, event: int, form: str, region: str) -> None:
    """Registration and attributes; the earliest registration and the latest given attributes count."""
    if kind == "customer.registered" and (c.registered_at == 0 or at < c.registered_at):
        c.registered_at = at
    if form:
        c.kind = max(c.kind or (at, event, form), (at, event, form))
    if region:
        c.region = max(c.region or (at, event, region), (at, event, region))
