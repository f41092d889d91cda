"""The part of an explanation that is about the recommended action, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.commands.explain_words import conditions, number, yes


def action_lines(action: dict[str, Any]) -> Iterator[str]:
    """The lines of what `explain_action` gives."""
    yield ""
    yield "Action"
    yield (
        f"  tier {action['tier']}, stage {action['lifecycle']}, churn level {action['level']}, need {action['need']}, "
        f"open complaint {yes(action['open_complaint'])}"
    )
    told = f"  rule {action['rule']} ({conditions(action['conditions'])}): {action['action']}"
    if action["channel"]:
        told += f" by {action['channel']} within {action['deadline_days']} days"
    yield told
    yield (
        f"  lot {action['lot']:.6f}, and whoever is below {number(action['hold_out'])} is held out and hears of no "
        f"action: {yes(action['held_out'])}"
    )
    last = action["contacted_at"] or "none so far"
    yield (
        f"  follow-up due {action['cadence_days']} days (0: never) after the last order or follow-up ({last}), but not "
        f"of prospects and the churned: {action['follow_up_at'] or 'none'}"
    )
    if "waiting_for" in action:
        waiting = action["waiting_for"]
        yield (
            f"  The outcome of {waiting['action']}, given at {waiting['since']}, is waited for: "
            f"{waiting['outcome_days']} days, until {waiting['until']}"
        )
