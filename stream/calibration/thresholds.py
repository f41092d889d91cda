"""Which thresholds and parameters differ between two calibrations, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from stream.scoring.calibration import Calibration

#: Fields that tell where a calibration comes from; nothing is scored with them.
_ABOUT: Final = frozenset({"number", "created_at", "customers", "source", "bin_shares", "models", "churn_notes"})


class Moved(NamedTuple):
    """One figure that customers are scored with, in the calibration before and in the one after; None where absent."""

    name: str
    before: float | None
    after: float | None


def moved(before: Calibration, after: Calibration) -> list[Moved]:
    """Every figure that is another one, in the order of the document.

    Examples
    --------
    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION as before
    >>> edges = msgspec.structs.replace(before.rfm, frequency=(2, 4, 8, 20))
    >>> moved(before, msgspec.structs.replace(before, number=2, rfm=edges))
    [Moved(name='rfm.frequency[4]', before=16.0, after=20.0)]
    """
    was, now = (dict(_figures(_document(one))) for one in (before, after))
    names = [*was, *(name for name in now if name not in was)]
    return [Moved(name, was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)]


def _document(calibration: Calibration) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(calibration.to_json())
    return {name: value for name, value in found.items() if name not in _ABOUT}


def _figures(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a document with its path; places in a list count from 1, as the edges of scores do."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _figures(one, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for place, one in enumerate(value, 1):
            yield from _figures(one, f"{name}[{place}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)
