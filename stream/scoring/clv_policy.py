"""What the business decides about lifetime value: how far ahead it looks, and what the future is worth today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.scoring.table_reader import TableReader

HORIZON_MONTHS_MAX: Final = 60
DISCOUNT_YEARLY_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class ClvPolicy:
    """How far ahead customer lifetime value looks, and what the future is worth today."""

    horizon_months: int
    discount_yearly: float
    """0.10 where what comes in a year is worth 1 / 1.10 of what comes today."""


def read(reader: TableReader) -> ClvPolicy:
    """Read the section ``[clv]``."""
    clv = ClvPolicy(
        horizon_months=reader.integer("horizon_months", minimum=1, maximum=HORIZON_MONTHS_MAX),
        discount_yearly=reader.number("discount_yearly", minimum=0, maximum=DISCOUNT_YEARLY_MAX),
    )
    reader.done()
    return clv
