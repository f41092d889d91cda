"""What the demo prints at its end, from figures alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream.commands import explain_text
from stream.commands.calibrate import Calibrated
from stream.contracts.decisions import ANOMALY, CHURN_RECOVERED, CHURN_WARNING, CUSTOMER_CHANGED, TIER_CHANGED
from stream.demo.counts import Counts
from stream.demo.decisions import Decisions, Said
from stream.scoring.policy import LEVELS
from stream.scoring.tiers import TIERS

STORY_LINES_MAX = 12
_KINDS = {
    TIER_CHANGED: "tier changes",
    CHURN_WARNING: "churn warnings",
    CHURN_RECOVERED: "churn recoveries",
    CUSTOMER_CHANGED: "changes of segment, class, stage, cell or need",
    ANOMALY: "unusual figures",
}


@dataclass(frozen=True, slots=True)
class Replay:
    """What one replay came to. `sent` events within `seconds`; `tiers` holds customers by the tier said of them."""

    sent: int
    seconds: float
    counts: Counts
    decisions: Decisions
    tiers: Mapping[str, int]
    story: str | None
    explained: Mapping[str, Any] | None

    @property
    def accounted(self) -> bool:
        """Whether every event sent was read, and ended in exactly one of applied, duplicate, dead letter."""
        return self.counts.read == self.sent and self.counts.accounted


def replay_summary(replay: Replay) -> RenderableType:
    """Events, decisions, tiers, moves, warnings and one customer."""
    parts: list[RenderableType] = [
        _accounting(replay),
        _beside(_tiers(replay), _moves(replay.decisions.moves, "tier moves of the year")),
    ]
    parts += [_beside(_warnings(replay.decisions), _kinds(replay.decisions))]
    if replay.story is not None and replay.explained is not None:
        said = replay.decisions.customers[replay.story]
        lines = [*_story(said), "", *explain_text.lines(dict(replay.explained))]
        parts += [Panel(Text("\n".join(lines)), title=f"one customer: {replay.story}", title_align="left")]
    return Group(*parts)


def calibration_summary(done: Calibrated, moved: Mapping[tuple[str, str], int]) -> RenderableType:
    """The new cut-points beside the old ones, and who moved."""
    made, before = done.fitted.calibration, done.previous
    table = _table(f"cut-points (calibration), now from {made.customers:,} customers", "20 %", "40 %", "60 %", "80 %")
    for name, label, scale in (
        ("recency_days", "recency, days", 1),
        ("frequency", "frequency, orders", 1),
        ("monetary_minor", "monetary", 100),
    ):
        for number, edges in ((before.number, before.rfm), (made.number, made.rfm)):
            table.add_row(f"{label} ({number})", *(f"{edge / scale:,.1f}" for edge in getattr(edges, name)))
    collapsed = [f"nobody has {figure} score {score}" for figure, score in done.fitted.collapsed]
    return Group(
        table,
        Text("\n".join(collapsed), style="yellow") if collapsed else Text(),
        _moves(moved, title=f"tier moves by calibration {made.number}"),
    )


def _accounting(replay: Replay) -> Text:
    counts, decisions = replay.counts, replay.decisions
    mark = ("✓", "bold green") if replay.accounted else ("✗ NOT EQUAL", "bold red")
    return Text.assemble(
        (f"{replay.sent:,} events", "bold"),
        " and ",
        (f"{decisions.total:,} decisions", "bold"),
        f" in {replay.seconds:.1f} s: {replay.sent / replay.seconds:,.0f} events/s, "
        f"{decisions.total / replay.seconds:,.0f} decisions/s\n",
        f"read {counts.read:,} = applied {counts.applied:,} + duplicates {counts.duplicates:,} + "
        f"dead letters {counts.dead_letters:,} ",
        mark,
    )


def _tiers(replay: Replay) -> Table:
    table = _table("tier", "customers", "share")
    total = sum(replay.tiers.values()) or 1
    for tier in reversed(TIERS):
        count = replay.tiers.get(tier, 0)
        table.add_row(tier, f"{count:,}", f"{count / total:.1%}")
    return table


def _moves(moves: Mapping[tuple[str, str], int], title: str) -> Table:
    table = _table(title, *(f"to {tier}" for tier in TIERS))
    for was in TIERS:
        cells = ("·" if was == became else f"{moves.get((was, became), 0):,}" for became in TIERS)
        table.add_row(f"from {was}", *cells)
    return table


def _warnings(decisions: Decisions) -> Table:
    table = _table("churn level", "warnings")
    for level in reversed(LEVELS):
        if decisions.warnings.get(level):
            table.add_row(level, f"{decisions.warnings[level]:,}")
    table.add_row("recovered", f"{decisions.kinds[CHURN_RECOVERED]:,}")
    return table


def _kinds(decisions: Decisions) -> Table:
    table = _table("decisions delivered", "")
    for kind, label in _KINDS.items():
        table.add_row(label, f"{decisions.kinds[kind]:,}")
    return table


def _story(said: list[Said]) -> Iterator[str]:
    """The last decisions on one customer, one a line."""
    if len(said) > STORY_LINES_MAX:
        yield f"… {len(said) - STORY_LINES_MAX} decisions before"
    for one in sorted(said, key=lambda one: one[:2])[-STORY_LINES_MAX:]:
        payload = one.payload
        if one.kind == TIER_CHANGED:
            what = f"tier {payload['from']} → {payload['to']}"
        elif one.kind == CUSTOMER_CHANGED:
            what = ", ".join(
                f"{change.get('name', change['what'])} {change['from'] or 'none'} → {change['to'] or 'none'}"
                for change in payload["changes"]
            )
        else:
            risk = f", risk {payload['risk']:.2f}" if "risk" in payload else ""
            what = f"churn {'warning' if one.kind == CHURN_WARNING else 'recovered'}: {payload['level']}{risk}"
        cause = payload["cause"]["kind"]
        yield f"{one.at}  {what}  ({'silence' if cause == 'timer' else cause})"


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column(first)
    for other in others:
        table.add_column(other, justify="right")
    return table


def _beside(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 4))
    grid.add_row(left, right)
    return grid
