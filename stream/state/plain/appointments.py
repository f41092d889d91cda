"""Follow-ups, outcomes and churn samples of plain customers: as `stream.state.appointments`, the plain form."""

from __future__ import annotations

from math import floor
from typing import Final

from stream.native.jit import native
from stream.scoring.churn_samples import (
    FEATURE_BITS,
    GAP_STEPS_MAX,
    GAP_WEEKS,
    LAST_EDGES,
    LOGIT_MAX,
    MINUTE,
    REPEATS_EDGES,
    RISK_BINS,
    RISK_WIDTH,
    SET_AT,
    SILENCE_AT,
    SILENCE_EDGES,
    STEP_AT,
    TAKEN_AT,
)
from stream.scoring.churn_samples import (
    LAST_AT as SAMPLE_LAST_AT,
)
from stream.scoring.lifecycle import CHURNED, PROSPECT
from stream.scoring.playbook import HASH_SHIFT
from stream.scoring.units import WEEK
from stream.state.customer import NEVER
from stream.state.plain import tables as table
from stream.state.plain.assess import gap_step, growth, log_odds_gone, rhythm
from stream.state.plain.layout import (
    ACTION,
    ACTION_AT,
    AS_OF,
    CONTACTED_AT,
    ID_HASH,
    LAST_AT,
    LEDGER_AT,
    LEVEL,
    LIFECYCLE,
    SAMPLE,
    TIER,
    Longs,
    Memory,
    N,
)
from stream.state.plain.rules import Rules
from stream.state.plain.tables import reached

_SECOND: Final = 1_000
#: Bits of a hash that tell who is held out, and where a grid begins.
_UPPER: Final = (1 << 64 - HASH_SHIFT) - 1

# What became of an action.
WAITING: Final = -1
GONE: Final = 0
CAME_BACK: Final = 1


@native
def is_held_out(rules: Rules, row: Longs) -> bool:
    """Whether the customer is among those who get no action."""
    return bool((row[ID_HASH] >> HASH_SHIFT) & _UPPER < rules.reals[table.HELD_OUT_BELOW])


@native
def next_appointment(row: Longs, rules: Rules) -> int:
    """The first moment after the row's `as_of` at which one of these is due, or `NEVER`."""
    due = NEVER
    if row[ACTION]:
        due = _up_to_second(row[ACTION_AT] + rules.wholes[table.OUTCOME_MS])
    due = min(due, _follow_up_at(row, rules.wholes))
    if row[SAMPLE]:
        return min(due, _next_in_grid(row, rules.wholes[table.HORIZON], (row[SAMPLE] >> TAKEN_AT) * MINUTE))
    moment = _next_in_grid(row, rules.wholes[table.HORIZON], row[AS_OF])
    return min(due, moment) if row[LAST_AT] > moment - rules.window else due


@native
def outcome(row: Longs, as_of: int, rules: Rules) -> int:
    """What became of the action that is waited for, as far as is known at `as_of`; then it is over."""
    if not row[ACTION]:
        return WAITING
    came_back = row[LAST_AT] > row[ACTION_AT]
    if came_back or as_of >= _up_to_second(row[ACTION_AT] + rules.wholes[table.OUTCOME_MS]):
        row[ACTION] = row[ACTION_AT] = 0
        return CAME_BACK if came_back else GONE
    return WAITING


@native
def number_of_action(row: Longs, rules: Rules) -> int:
    """Number of the action that is waited for; 0 of one that the policy has no more."""
    for number in range(1, rules.wholes[table.ACTION_COUNT]):
        if rules.wholes[table.ACTION_HASHES + number] == row[ACTION]:
            return number
    return 0


@native
def note_contact(row: Longs, rules: Rules, action: int) -> None:
    """Something that asks for a contact was said, with an action of this number (0 for none)."""
    row[CONTACTED_AT] = row[AS_OF]
    if action and not row[ACTION]:
        row[ACTION], row[ACTION_AT] = rules.wholes[table.ACTION_HASHES + action], row[AS_OF]


@native
def follow_up_is_due(row: Longs, rules: Rules) -> bool:
    """Whether a follow-up is due at the row's `as_of`."""
    return bool(_follow_up_at(row, rules.wholes) <= row[AS_OF])


@native
def label_and_sample(memory: Memory, row: Longs, rules: Rules) -> int:
    """Give the open sample with its label (the lowest bit) if that is known, 0 otherwise; take one if that is due."""
    as_of, label = row[AS_OF], 0
    if row[SAMPLE]:
        taken = (row[SAMPLE] >> TAKEN_AT) * MINUTE
        if as_of >= _next_in_grid(row, rules.wholes[table.HORIZON], taken):
            label = row[SAMPLE] << 1 | (row[LAST_AT] <= taken)
            row[SAMPLE] = 0
    horizon = rules.wholes[table.HORIZON]
    in_grid = as_of % MINUTE == 0 and (as_of - _grid_offset(row, horizon)) % horizon == 0
    if in_grid and not row[SAMPLE] and row[LAST_AT] > as_of - rules.window:
        row[SAMPLE] = _sampled(memory, row, rules)
    return label


@native
def _sampled(memory: Memory, row: Longs, rules: Rules) -> int:
    """As `stream.scoring.churn_samples.take` of the evidence at the row's `as_of`."""
    first_at = memory.heap[row[LEDGER_AT]]
    repeats, last = row[N] - 1, (row[LAST_AT] - first_at) / WEEK
    silence = ((row[AS_OF] - first_at) / WEEK - last) * (repeats + 1) / (GAP_WEEKS + last)
    step, _ = gap_step(rules, row, first_at)
    features = (
        reached(rules.reals, table.REPEATS, len(REPEATS_EDGES), repeats)
        | reached(rules.reals, table.LAST, len(LAST_EDGES), last) << SAMPLE_LAST_AT
        | reached(rules.reals, table.SILENCE, len(SILENCE_EDGES), silence) << SILENCE_AT
        | min(step, GAP_STEPS_MAX) << STEP_AT
    )
    number = floor((churn_logit(rules, row, first_at) + LOGIT_MAX) / RISK_WIDTH)
    said = min(max(number, 0), RISK_BINS - 1) << 1 | (row[LEVEL] >= rules.warn_level)
    return int(features | said << FEATURE_BITS | 1 << SET_AT | row[AS_OF] // MINUTE << TAKEN_AT)


@native
def churn_logit(rules: Rules, row: Longs, first_at: int) -> float:
    """Log-odds that the customer is lost, summed up as `stream.scoring.churn.logit` does."""
    total = rules.alive_weight * log_odds_gone(rules, row, first_at)
    if rules.reals[table.RHYTHM_WEIGHT]:
        total += rules.reals[table.RHYTHM_WEIGHT] * rhythm(rules, row, first_at)
    if rules.reals[table.QUIET_WEIGHT]:
        total += rules.reals[table.QUIET_WEIGHT] * growth(rules, row, first_at)
    step, _ = gap_step(rules, row, first_at)
    return float(rules.bias + (total + rules.gap_weights[step]))


@native
def _follow_up_at(row: Longs, wholes: Longs) -> int:
    cadence = wholes[table.CADENCE + row[TIER]]
    if not cadence or row[LIFECYCLE] == PROSPECT or row[LIFECYCLE] == CHURNED:
        return NEVER
    return _up_to_second(max(row[LAST_AT], row[CONTACTED_AT]) + cadence)


@native
def _next_in_grid(row: Longs, horizon: int, after: int) -> int:
    offset = _grid_offset(row, horizon)
    return int(offset + ((after - offset) // horizon + 1) * horizon)


@native
def _grid_offset(row: Longs, horizon: int) -> int:
    return int(((row[ID_HASH] >> HASH_SHIFT) & _UPPER) % (horizon // MINUTE) * MINUTE)


@native
def _up_to_second(moment: int) -> int:
    return -(-moment // _SECOND) * _SECOND
