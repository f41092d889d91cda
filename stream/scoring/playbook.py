"""One recommended action for each state a customer may be in, and when to be in touch again.

The playbook is a table of rows tried in order. A row names any of tier, lifecycle stage, churn level, dominant need and
open complaint; what it does not name matches all. Its last row must match everybody, so that nobody is without an
answer; the answer may be `none`. Compiled, it is one flat table over all combinations, and the action is a look-up.

To know whether an action does anything, a share of the customers gets none: they are *held out*, chosen by the hash of
their id, so that one who is held out stays so. What becomes of them is counted all the same, and compared.

A *follow-up* is due when neither an order nor a contact came for the cadence of the customer's tier.

References
----------
Ascarza (2018), "Retention futility: targeting high-risk customers might be ineffective", Journal of Marketing Research
55(1): why a hold-out, and not the risk, tells what an action is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

from stream.scoring.churn_policy import LEVELS
from stream.scoring.lifecycle import CHURNED, PROSPECT, STAGES
from stream.scoring.needs import NEEDS
from stream.scoring.table_reader import DAYS_MAX, PolicyError, TableReader
from stream.scoring.tiers import TIERS
from stream.scoring.units import DAY, NEVER, ceil_to_second

NO_ACTION: Final = "none"
_NOT_FOLLOWED: Final = frozenset({PROSPECT, CHURNED})
ROWS_MAX: Final = 64

# A hash of 64 bits as a number from 0 to 1 that a double names exactly.
HASH_SHIFT: Final = 11
HASH_RANGE: Final = 2.0**53


class Action(NamedTuple):
    """What is recommended, over which channel, and within how many days."""

    action: str
    channel: str
    deadline_days: int


@dataclass(frozen=True, slots=True)
class PlaybookRow:
    """Conditions, each a list of names that match (none: all), and the action."""

    action: Action
    tier: tuple[str, ...] = ()
    lifecycle: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    need: tuple[str, ...] = ()
    open_complaint: bool | None = None


@dataclass(frozen=True, slots=True)
class PlaybookPolicy:
    """Rows in the order in which they are tried, and how their effect is measured.

    Raises
    ------
    PolicyError
        The last row does not match everybody.
    """

    rows: tuple[PlaybookRow, ...]
    hold_out: float
    """Share of the customers who get no action, below 1."""
    outcome_days: int
    """Days after an action within which an order counts as coming back."""
    cadence_days: tuple[int, int, int, int]
    """Days without order and contact after which a follow-up is due, by rank of the tier; 0 for never."""

    def __post_init__(self) -> None:
        if len(self.rows) > ROWS_MAX:
            raise PolicyError(f"policy: playbook.rows: {len(self.rows)} rows, at most {ROWS_MAX} are read")
        if not self.rows or self.rows[-1] != PlaybookRow(self.rows[-1].action):
            raise PolicyError('policy: playbook.rows: the last row must match all: only action (it may be "none")')
        if not 0 <= self.hold_out < 1:
            raise PolicyError(f"policy: playbook.hold_out = {self.hold_out:g}: must be at least 0 and below 1")


class CompiledPlaybook(NamedTuple):
    """The playbook as a table.

    Attributes
    ----------
    actions
        All actions; number 0 is no action.
    table
        Number of the action by tier, stage, level, need and open complaint (0 or 1), the last changing fastest.
    plain
        The part of `table` for who has shown no need and has no open complaint, by tier, stage and level.
    """

    actions: tuple[Action, ...]
    table: tuple[int, ...]
    plain: tuple[int, ...]


def compile_playbook(policy: PlaybookPolicy) -> CompiledPlaybook:
    """Find the row of every combination.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> compiled = compile_playbook(default_policy().playbook)
    >>> len(compiled.table), len(compiled.plain), compiled.actions[0]
    (1600, 160, Action(action='none', channel='none', deadline_days=0))
    """
    actions = [Action(NO_ACTION, "none", 0)]
    table = []
    for tier, stage, level, need, complaint in product(TIERS, STAGES, LEVELS, NEEDS, (False, True)):
        for row in policy.rows:
            if (
                (not row.tier or tier in row.tier)
                and (not row.lifecycle or stage in row.lifecycle)
                and (not row.level or level in row.level)
                and (not row.need or need in row.need)
                and row.open_complaint in {None, complaint}
            ):
                if row.action not in actions:
                    actions.append(row.action)
                table.append(actions.index(row.action))
                break
    return CompiledPlaybook(tuple(actions), tuple(table), tuple(table[:: 2 * len(NEEDS)]))


def action(
    compiled: CompiledPlaybook, tier: int, stage: int, level: int, need: int = 0, open_complaint: int = 0
) -> int:
    """Number of the recommended action in `CompiledPlaybook.actions`; 0 for none. All arguments are ranks.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> compiled = compile_playbook(default_policy().playbook)
    >>> compiled.actions[action(compiled, TIERS.index("high"), STAGES.index("at_risk"), LEVELS.index("high"))]
    Action(action='personal_call', channel='phone', deadline_days=3)
    """
    place = (tier * len(STAGES) + stage) * len(LEVELS) + level
    return compiled.table[(place * len(NEEDS) + need) * 2 + open_complaint]


def lot(id_hash: int) -> float:
    """The lot of a customer, from 0 to below 1: by the hash of the id, so that it is always the same.

    Parameters
    ----------
    id_hash
        XXH3-64 of the customer's id.

    Examples
    --------
    >>> lot(2**63)
    0.5
    """
    return (id_hash >> HASH_SHIFT) / HASH_RANGE


def held_out(id_hash: int, share: float) -> bool:
    """Whether a customer is among those who get no action.

    Parameters
    ----------
    id_hash
        XXH3-64 of the customer's id.
    share
        `PlaybookPolicy.hold_out`.

    Examples
    --------
    >>> held_out(2**63, 0.5), held_out(2**63 - 1, 0.5), held_out(0, 0.0)
    (False, True, False)
    """
    return lot(id_hash) < share


def follow_up_at(cadence_days: Sequence[int], tier: int, stage: int, last_at: int, contacted_at: int) -> int:
    """First whole second at which a follow-up is due; `NEVER` for prospects, the churned, and tiers without a cadence.

    Parameters
    ----------
    cadence_days
        By rank of the tier.
    tier, stage
        Ranks of what was said.
    last_at, contacted_at
        Time of the last order, and of the last follow-up that was said (0 for none), milliseconds.

    Examples
    --------
    >>> follow_up_at((0, 120, 60, 30), TIERS.index("high"), STAGES.index("loyal"), 10 * DAY, 0) // DAY
    40
    """
    days = cadence_days[tier]
    if not days or stage in _NOT_FOLLOWED:
        return NEVER
    return ceil_to_second(max(last_at, contacted_at) + days * DAY)


def follow_up_waits(cadence_days: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """How long a follow-up is waited for by rank of tier and stage, milliseconds; 0 where there is none."""
    return tuple(
        tuple(0 if stage in _NOT_FOLLOWED else days * DAY for stage in range(len(STAGES))) for days in cadence_days
    )


def read(reader: TableReader, cadence: TableReader) -> PlaybookPolicy:
    """Read the sections ``[playbook]`` and ``[cadence]``."""
    policy = PlaybookPolicy(
        rows=tuple(map(_read_row, reader.tables("rows"))),
        hold_out=reader.number("hold_out", minimum=0, below=1),
        outcome_days=reader.integer("outcome_days", minimum=1, maximum=DAYS_MAX),
        cadence_days=(
            0,
            cadence.integer("low", minimum=0, maximum=DAYS_MAX),
            cadence.integer("mid", minimum=0, maximum=DAYS_MAX),
            cadence.integer("high", minimum=0, maximum=DAYS_MAX),
        ),
    )
    reader.done()
    cadence.done()
    return policy


def _read_row(reader: TableReader) -> PlaybookRow:
    name = reader.name_of("action")
    if name == NO_ACTION:
        action = Action(NO_ACTION, "none", 0)
    else:
        action = Action(name, reader.name_of("channel"), reader.integer("deadline_days", minimum=0, maximum=DAYS_MAX))
    row = PlaybookRow(
        action=action,
        tier=reader.texts("tier", allowed=TIERS),
        lifecycle=reader.texts("lifecycle", allowed=STAGES),
        level=reader.texts("level", allowed=LEVELS),
        need=reader.texts("need", allowed=NEEDS),
        open_complaint=reader.flag("open_complaint") if reader.has("open_complaint") else None,
    )
    reader.done()
    return row
