"""The changes that one message tells of, as text: segment, class, stage, cells, need, rule segments, conduct."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stream.scoring.abc import CLASSES
from stream.scoring.conduct import CONDUCT
from stream.scoring.lifecycle import STAGES
from stream.scoring.needs import NEEDS
from stream.state.customer import Customer
from stream.state.model import Model
from stream.state.wording import quote
from stream.state.worth import cell_in, name_of


class Said(NamedTuple):
    """What was said of a customer before a look."""

    tier: int
    segment: str
    level: int
    abc: int
    lifecycle: int
    matrix: int
    need: int
    market_segments: int
    conduct: int


def said_of(c: Customer) -> Said:
    """What was last said of a customer."""
    return Said(c.tier, c.segment, c.level, c.abc, c.lifecycle, c.matrix, c.need, c.market_segments, c.conduct)


def changes_text(was: Said, c: Customer, model: Model) -> str:
    """The list of changes between what was said and what the record says now; empty where nothing changed."""
    found = []
    if c.segment != was.segment:
        found.append(move_text("segment", was.segment or None, c.segment or None))
    if c.abc != was.abc:
        found.append(ABC_MOVES[was.abc][c.abc])
    if c.lifecycle != was.lifecycle:
        found.append(STAGE_MOVES[was.lifecycle][c.lifecycle])
    if c.matrix != was.matrix:
        for number, (name, names) in enumerate(zip(model.matrices.matrices, model.matrices.names, strict=True)):
            before, after = cell_in(was.matrix, number), cell_in(c.matrix, number)
            if before != after:
                found.append(move_text("matrix", name_of(names, before), name_of(names, after), name))
    if c.need != was.need:
        found.append(move_text("need", _rank(NEEDS, was.need), _rank(NEEDS, c.need)))
    if c.market_segments != was.market_segments:
        before, after, market = was.market_segments, c.market_segments, model.market
        found += [move_text("market_segment", name, None, name) for name in market.left(before, after)]
        found += [move_text("market_segment", None, name, name) for name in market.entered(before, after)]
    if c.conduct != was.conduct:
        found.append(move_text("conduct", _rank(CONDUCT, was.conduct), _rank(CONDUCT, c.conduct)))
    return ",".join(found)


@lru_cache(maxsize=4_096)
def move_text(what: str, was: str | None, became: str | None, name: str | None = None) -> str:
    """One change; None stands for none.

    >>> move_text("segment", None, "new")
    '{"what":"segment","from":null,"to":"new"}'
    """
    named = "" if name is None else f',"name":{quote(name)}'
    return f'{{"what":"{what}"{named},"from":{_quoted(was)},"to":{_quoted(became)}}}'


def _rank(names: tuple[str, ...], rank: int) -> str | None:
    """Name of a rank; the first stands for none."""
    return names[rank] if rank else None


def _quoted(text: str | None) -> str:
    return "null" if text is None else quote(text)


#: By rank that was said and rank that is.
ABC_MOVES = tuple(
    tuple(move_text("abc", CLASSES[was] if was else None, CLASSES[now] if now else None) for now in range(len(CLASSES)))
    for was in range(len(CLASSES))
)
STAGE_MOVES = tuple(tuple(move_text("lifecycle", was, now) for now in STAGES) for was in STAGES)
