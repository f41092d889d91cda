"""What commands give, as lines for a person or as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from stream.commands.calibrate import Calibrated
from stream.commands.positions import NEVER_READ, Place
from stream.scoring.tiers import TIERS


def as_json(content: object) -> str:
    """JSON, indented."""
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()


def record_lines(record: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A record, one field a line, nested ones further in.

    Examples
    --------
    >>> list(record_lines({"tier": "mid", "rfm": {"r": 3}, "reasons": [{"code": "gap", "weight": 0.7}]}))
    ['tier: mid', 'rfm:', '  r: 3', 'reasons:', '  - code: gap', '    weight: 0.7']
    """
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from record_lines(value, f"{indent}  ")
        elif isinstance(value, list):
            yield f"{indent}{name}:"
            for item in value:
                first, *rest = record_lines(item, f"{indent}    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{name}: {value}"


def calibration_lines(done: Calibrated) -> Iterator[str]:
    """A calibration beside the one before, and who moves."""
    made, before = done.fitted.calibration, done.previous
    state = "is in force" if done.published else "was only tried"
    yield f"Calibration {made.number}, from {made.customers} customers, {state}; before it {before.number}."
    yield ""
    yield f"{'edges':<16}{'20 %':>12}{'40 %':>12}{'60 %':>12}{'80 %':>12}"
    for name in made.rfm.__struct_fields__:
        for label, edges in (("", getattr(before.rfm, name)), ("now ", getattr(made.rfm, name))):
            yield f"{label or 'was '}{name:<12.12}" + "".join(f"{edge:>12.2f}" for edge in edges)
    yield ""
    if made.bin_shares is not None:
        yield f"{'customers with':<16}" + "".join(f"{f'score {score}':>12}" for score in range(1, 6))
        for name in made.bin_shares.__struct_fields__:
            yield f"{name:<16}" + "".join(f"{share:>12.1%}" for share in getattr(made.bin_shares, name))
    for figure, score in done.fitted.collapsed:
        yield f"Nobody has {figure} score {score}: too many customers share one figure."
    yield ""
    yield from _moves(done)


def _moves(done: Calibrated) -> Iterator[str]:
    moves = done.moves
    yield f"Of {moves.customers} customers {moves.moved} change tier, {moves.segments} segment, {moves.levels} level."
    yield from matrix_lines(moves.tiers)
    if moves.held_back:
        yield f"{moves.held_back} more fall to a lower tier when their minimum stay is over."


def matrix_lines(tiers: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Tier by tier: from the row to the column."""
    used = [tier for tier in TIERS if any(tiers[tier].values()) or any(row[tier] for row in tiers.values())]
    yield f"{'from / to':<16}" + "".join(f"{tier:>12}" for tier in used)
    for was in used:
        yield f"{was:<16}" + "".join(f"{tiers[was][became]:>12}" for became in used)


def position_lines(found: Iterable[Place]) -> Iterator[str]:
    """Stored positions beside their logs, one topic-partition a line.

    Examples
    --------
    >>> _, cut, new = position_lines([Place("orders", 0, 5, 7, 9), Place("orders", 1, -1, 0, 0)])
    >>> cut.split(maxsplit=4), new.split()
    (['orders/0', '5', '7', '9', '2 offsets were deleted before they were read'], ['orders/1', '-', '0', '0', 'fine'])
    """
    yield f"{'topic-partition':<36}{'position':>14}{'beginning':>14}{'end':>14}"
    for one in found:
        stored = "-" if one.stored == NEVER_READ else one.stored
        place = f"{one.topic}/{one.partition}"
        yield f"{place:<36}{stored:>14}{one.beginning:>14}{one.end:>14}  {one.detail or one.verdict}"


def dead_letter_lines(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Refused records, two lines each."""
    none = True
    for one in found:
        none = False
        yield f"{one['topic']} {one['partition']}@{one['offset']}  {one['field']}: {one['reason']}"
        yield f"    {one['value'] if one['value'] is not None else '(no value)'}"
    if none:
        yield "There are no dead letters."
