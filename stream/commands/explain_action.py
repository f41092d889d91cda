"""Why this action is recommended for a customer: what is said of them, and the row of the playbook that matches."""

from __future__ import annotations

from typing import Any

from stream.commands.explain_words import DECIMALS
from stream.contracts.times import format_time
from stream.scoring.lifecycle import STAGES
from stream.scoring.needs import NEEDS
from stream.scoring.playbook import NO_ACTION, PlaybookPolicy, follow_up_at, lot
from stream.scoring.policy import LEVELS
from stream.scoring.tiers import TIERS
from stream.scoring.units import NEVER, ceil_to_second
from stream.state.advice import action_name, is_held_out, recommended
from stream.state.customer import Customer
from stream.state.interactions import open_tickets
from stream.state.model import Model


def explain_action(c: Customer, model: Model) -> dict[str, Any]:
    """The section of an explanation that is about the recommended action, follow-ups and the outcome waited for."""
    playbook, found = model.policy.playbook, recommended(c, model)
    said: dict[str, Any] = {
        "tier": TIERS[c.tier],
        "lifecycle": STAGES[c.lifecycle],
        "level": LEVELS[c.level],
        "need": NEEDS[c.need],
        "open_complaint": open_tickets(c) > 0,
    }
    rule, conditions = _row(said, playbook)
    last_at = c.last_at if c.n else 0
    due = follow_up_at(playbook.cadence_days, c.tier, c.lifecycle, last_at, c.contacted_at)
    said |= {
        "rule": rule,
        "conditions": conditions,
        "action": found.action if found else NO_ACTION,
        "channel": found.channel if found else None,
        "deadline_days": found.deadline_days if found else None,
        "lot": round(lot(c.id_hash), DECIMALS),
        "hold_out": playbook.hold_out,
        "held_out": is_held_out(c, model),
        "cadence_days": playbook.cadence_days[c.tier],
        "contacted_at": format_time(c.contacted_at) if c.contacted_at else None,
        "follow_up_at": format_time(due) if due != NEVER else None,
    }
    if c.action:
        said["waiting_for"] = {
            "action": action_name(c.action, model),
            "since": format_time(c.action_at),
            "outcome_days": playbook.outcome_days,
            "until": format_time(ceil_to_second(c.action_at + model.outcome_ms)),
        }
    return said


def _row(said: dict[str, Any], playbook: PlaybookPolicy) -> tuple[int, dict[str, Any]]:
    """Number of the first row that matches, from 1 on, and its conditions; the last row matches all."""
    number, row = next(
        (number, row)
        for number, row in enumerate(playbook.rows, 1)
        if (not row.tier or said["tier"] in row.tier)
        and (not row.lifecycle or said["lifecycle"] in row.lifecycle)
        and (not row.level or said["level"] in row.level)
        and (not row.need or said["need"] in row.need)
        and row.open_complaint in {None, said["open_complaint"]}
    )
    lists = {"tier": row.tier, "lifecycle": row.lifecycle, "level": row.level, "need": row.need}
    conditions: dict[str, Any] = {name: list(names) for name, names in lists.items() if names}
    if row.open_complaint is not None:
        conditions["open_complaint"] = row.open_complaint
    return number, conditions
