"""The action that follows from what is said of a plain customer: as `stream.state.advice`, the plain form."""

from __future__ import annotations

from typing import Final

from stream.native.jit import inlined, native
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.state.plain import tables as table
from stream.state.plain.appointments import is_held_out
from stream.state.plain.layout import LEVEL, LIFECYCLE, TIER, Longs
from stream.state.plain.rules import Rules

_STAGES: Final = len(STAGES)
_LEVELS: Final = len(LEVELS)


@native
def recommended(rules: Rules, row: Longs) -> int:
    """Number of the action that follows from what is said."""
    return int(rules.wholes[table.ACTIONS + (row[TIER] * _STAGES + row[LIFECYCLE]) * _LEVELS + row[LEVEL]])


@inlined
def advised(rules: Rules, row: Longs) -> int:
    """Number of the action that is told to others, see `stream.state.advice`; 0 for none."""
    return 0 if is_held_out(rules, row) else recommended(rules, row)
