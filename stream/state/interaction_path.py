"""What a new interaction leaves on the record of its customer and in the rolling tables."""

from __future__ import annotations

from stream.contracts.events import NO_SCORE, InteractionEvent
from stream.scoring.themes import carries_themes, themes_of
from stream.state import interactions
from stream.state.answers import indices
from stream.state.customer import TIER_NAMES, Customer
from stream.state.model import Model
from stream.state.tables import TableDeltas, Who


def take_in(c: Customer, event: InteractionEvent, model: Model, tables: TableDeltas, who: Who) -> bool:
    """Note an interaction that was not seen before.

    Parameters
    ----------
    tables
        What the batch adds to the rolling tables.
    who
        The customer before the event, as the tables count it.

    Returns
    -------
    Whether the record had room for all of it, see `activity`.
    """
    at, kind, channel = event.at, event.type, event.channel
    interactions.count(c, kind, at)
    whole = interactions.note_activity(c, kind, at, event.event, channel)
    answer: float | None = None if event.score == NO_SCORE else event.score
    if kind == "feedback.nps":
        interactions.note_answer(c, event.score, at)
        tables.add_nps(at, event.score, who, channel)
    elif kind == "feedback.csat":
        interactions.answers_of(c).note_csat(at, event.score)
        tables.add_csat(at, event.score, who, channel)
    elif kind == "feedback.csi":
        interactions.answers_of(c).note_csi(at, event.score, event.values)
        found = indices(event.score, event.values, model.policy.satisfaction)
        for name, index in found.items():
            tables.add_index(at, name, index, who, channel)
        answer = found["csi"]
    elif kind in interactions.TICKETS:
        opened_at = interactions.note_ticket(c, event.ticket, kind, at)
        if kind == "complaint.opened":
            tables.add_complaint(at, who, channel)
        elif opened_at is not None:
            tables.add_resolved(at, opened_at, who, channel)
    else:
        tables.add_step(at, kind, who, channel)
    if carries_themes(model.themes, kind, answer):
        for theme in themes_of(model.themes, event.tags, event.text):
            tables.add_theme(at, theme, event.category, TIER_NAMES[c.tier])
    return whole
