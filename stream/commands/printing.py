"""What commands give, as lines for a person or as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from stream.calibration.dry_run import leaving
from stream.calibration.thresholds import moved
from stream.commands.calibrate import Calibrated
from stream.commands.positions import NEVER_READ, Place


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


def calibrations_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """All calibrations, one a line, the newest first.

    Examples
    --------
    >>> one = {"number": 2, "created_at": "2025-01-01T00:00:00Z", "customers": 40, "source": "edges from 40 customers"}
    >>> rescored = {"customers": 50, "done": 25, "share": 0.5}
    >>> for line in calibrations_lines({"in_force": 2, "rescored": rescored, "calibrations": [one]}):
    ...     print(line)
    Calibration 2 is in force; 25 of 50 customers (50 %) were looked at under it.
    <BLANKLINE>
    number                created   customers  source
         2   2025-01-01T00:00:00Z          40  edges from 40 customers
    """
    rescored = found["rescored"]
    yield (
        f"Calibration {found['in_force']} is in force; {rescored['done']} of {rescored['customers']} customers "
        f"({rescored['share']:.0%}) were looked at under it.".replace("%)", " %)")
    )
    yield ""
    yield f"{'number':>6}{'created':>23}{'customers':>12}  source"
    for one in found["calibrations"]:
        yield f"{one['number']:>6}{one['created_at'] or '-':>23}{one['customers']:>12}  {one['source']}"


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
    if made.models is not None:
        yield f"P(alive): {made.models.alive}."
        yield f"Spend: {made.models.spend}."
    yield from _threshold_lines(done)
    yield ""
    yield from _moves(done)


def _moves(done: Calibrated) -> Iterator[str]:
    moves = done.moves
    levels, abc, stages = leaving(moves.levels), leaving(moves.abc), leaving(moves.lifecycle)
    yield (
        f"Of {moves.customers} customers {moves.moved} change tier, {moves.segments} segment, {levels} level, {abc} "
        f"class by revenue, {stages} stage of life."
    )
    yield from matrix_lines(moves.tiers)
    for matrix in (moves.levels, moves.abc, moves.lifecycle):
        if leaving(matrix):
            yield ""
            yield from matrix_lines(matrix)
    if moves.held_back:
        yield f"{moves.held_back} more fall to a lower tier when their minimum stay is over."


def matrix_lines(matrix: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Class by class: from the row to the column; classes that nobody is in are left out."""
    used = [name for name in matrix if any(matrix[name].values()) or any(row[name] for row in matrix.values())]
    yield f"{'from / to':<16}" + "".join(f"{name:>12}" for name in used)
    for was in used:
        yield f"{was:<16}" + "".join(f"{matrix[was][became]:>12}" for became in used)


def _threshold_lines(done: Calibrated) -> Iterator[str]:
    """The thresholds and parameters that are other ones, each with what it was."""
    found = moved(done.previous, done.fitted.calibration)
    if found:
        yield ""
        yield f"{'what moves':<36}{'from':>16}{'to':>16}"
    for name, before, after in found:
        was, now = ("-" if one is None else f"{one:.6g}" for one in (before, after))
        yield f"{name:<36}{was:>16}{now:>16}"


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


def table_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A rolling table, one row a line; what nothing is said of in any row has no column.

    Examples
    --------
    >>> rows = [{"tier": "high", "orders": 2, "revenue": "9.00"}, {"tier": "low", "orders": 1, "revenue": "4.00"}]
    >>> for line in table_lines({"table": "sales", "window": "1h", "by": "tier", "from": "…", "to": "…", "rows": rows}):
    ...     print(line)
    sales by tier, from … to …
    tier  orders  revenue
    high       2     9.00
    low        1     4.00
    """
    rows = [{name: _cell(value) for name, value in row.items()} for row in found["rows"]]
    period = f"from {found['from']} to {found['to']}" if "from" in found else "no event was applied yet"
    yield f"{found['table']} by {found['by']}, {period}"
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        yield "Nothing happened."
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
    for row in [{name: name for name in names}, *rows] if rows else []:
        cells = [row.get(name, "") for name in names]
        words = {name for name in names if name in found["by"].split(",")}
        yield "  ".join(
            f"{cell:<{widths[name]}}" if name in words else f"{cell:>{widths[name]}}"
            for name, cell in zip(names, cells, strict=True)
        ).rstrip()
    if "left_out" in found:
        yield f"{found['left_out']} more rows are left out."


def _cell(value: object) -> str:
    """A figure of a table in few characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(one)}" for name, one in value.items())
    return str(value)


def dead_letter_lines(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Refused records, two lines each."""
    none = True
    for one in found:
        none = False
        yield f"{one['topic']} {one['partition']}@{one['offset']}  {one['field']}: {one['reason']}"
        yield f"    {one['value'] if one['value'] is not None else '(no value)'}"
    if none:
        yield "There are no dead letters."
