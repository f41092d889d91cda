"""The changes that one message tells of, as text: segment, class, stage and cells, in this order."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
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


def said_of(c: Customer) -> Said:
    """What was last said of a customer."""
    return Said(c.tier, c.segment, c.level, c.abc, c.lifecycle, c.matrix)


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
    return ",".join(found)


@lru_cache(maxsize=4_096)
def move_text(what: str, was: str | None, became: str | None, name: str | None = None) -> str:
    """One change; None stands for none.

    >>> move_text("segment", None, "new")
    '{"what":"segment","from":null,"to":"new"}'
    """
    named = "" if name is None else f',"name":{quote(name)}'
    return f'{{"what":"{what}"{named},"from":{_quoted(was)},"to":{_quoted(became)}}}'


def _quoted(text: str | None) -> str:
    return "null" if text is None else quote(text)


#: By rank that was said and rank that is.
ABC_MOVES = tuple(
    tuple(move_text("abc", CLASSES[was] if was else None, CLASSES[now] if now else None) for now in range(len(CLASSES)))
    for was in range(len(CLASSES))
)
STAGE_MOVES = tuple(tuple(move_text("lifecycle", was, now) for now in STAGES) for was in STAGES)
