"""What was learned from customers: edges, model parameters, weights of evidence, under one number.

Every score was computed with one calibration, and says which. A calibration is therefore whole and immutable:
it travels as one JSON document on a compacted topic, and a worker that cannot read all of it refuses it,
because two workers that read different parts would score the same customer differently.
"""

from __future__ import annotations

from itertools import pairwise
from math import isclose, isfinite
from typing import Annotated, Final

import msgspec

from stream.scoring.abc import AbcEdges
from stream.scoring.alive import Params
from stream.scoring.churn_model import ChurnCoefficients
from stream.scoring.churn_validation import ChurnNotes
from stream.scoring.gamma_gamma import SpendParams
from stream.scoring.model_notes import ModelNotes
from stream.scoring.rfm import Edges, Five, Four

Positive = Annotated[float, msgspec.Meta(gt=0)]

SHARES_TOLERANCE: Final = 1e-6

# The first records bought at CDNOW in early 1997: 946 customers who came again, in US dollars.
CDNOW_SPEND: Final = SpendParams(p=6.25, q=3.74, v_minor=1_544)
# Round figures, as for the edges of R-F-M: a start until the own customers speak.
CLV_EDGES: Final[Four] = (1_000, 3_000, 8_000, 20_000)
PROFIT_EDGES: Final[Four] = (1_500, 5_000, 12_000, 30_000)
ABC_EDGES: Final = AbcEdges(a_minor=60_000, b_minor=20_000)


class CalibrationError(ValueError):
    """The document is no calibration; the message names the field."""


class BinShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Share of customers with each score 1..5 when the calibration was made: what ties did to the fifths."""

    recency: Five
    frequency: Five
    monetary: Five

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            shares: Five = getattr(self, name)
            if min(shares) < 0 or not isclose(sum(shares), 1, abs_tol=SHARES_TOLERANCE):
                raise ValueError(f"{name} = {shares}: must be five shares that add up to 1")


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """One version of everything that is learned.

    Examples
    --------
    >>> later = msgspec.structs.replace(DEFAULT_CALIBRATION, number=2, source="fit")
    >>> Calibration.from_json(later.to_json()) == later
    True
    >>> Calibration.from_json(b'{"number": 0}')
    Traceback (most recent call last):
    ...
    stream.scoring.calibration.CalibrationError: calibration: Expected `int` >= 1 - at `$.number`
    """

    number: int
    """Rises by one with each calibration; 1 is what is shipped."""
    created_at: int
    """Milliseconds; 0 for what is shipped."""
    rfm: Edges
    alive: Params
    """MBG/NBD, in weeks."""
    churn: ChurnCoefficients
    spend: SpendParams = CDNOW_SPEND
    """Gamma-Gamma, in minor units."""
    clv_edges_minor: Four = CLV_EDGES
    """Customer lifetime value from which scores 2, 3, 4 and 5 are given: fifths of the customers."""
    profit_edges_minor: Four = PROFIT_EDGES
    """The same of profitability; may be negative."""
    returned_share: float = 0.0
    """Share of all orders that were refunded or cancelled; 0 where it was not learned."""
    models: ModelNotes | None = None
    """How the parameters were found; None where they were not learned."""
    abc: AbcEdges = ABC_EDGES
    churn_notes: ChurnNotes | None = None
    """How the weights of the churn evidence were found; None where they were not learned."""
    bin_shares: BinShares | None = None
    customers: int = 0
    """Customers it was learned from."""
    source: str = ""
    """Where it comes from, in words for people."""

    def to_json(self) -> bytes:
        """Write the calibration as one JSON document; parameters by their names."""
        return msgspec.json.encode(msgspec.structs.asdict(self) | {"alive": self.alive._asdict()})

    @classmethod
    def from_json(cls, document: bytes) -> Calibration:
        """Read what `to_json` wrote.

        Raises
        ------
        CalibrationError
            Naming the first field that is missing, unknown or out of bounds.
        """
        try:
            wire = msgspec.json.decode(document, type=_Wire)
        except msgspec.DecodeError as error:
            raise CalibrationError(f"calibration: {error}") from error
        alive = wire.alive
        return cls(
            number=wire.number,
            created_at=wire.created_at,
            rfm=wire.rfm,
            alive=Params(alive.r, alive.alpha, alive.a, alive.b),
            churn=wire.churn,
            spend=wire.spend,
            clv_edges_minor=wire.clv_edges_minor,
            profit_edges_minor=wire.profit_edges_minor,
            returned_share=wire.returned_share,
            models=wire.models,
            abc=wire.abc,
            churn_notes=wire.churn_notes,
            bin_shares=wire.bin_shares,
            customers=wire.customers,
            source=wire.source,
        )

    def __post_init__(self) -> None:
        if not all(value > 0 and isfinite(value) for value in self.alive):
            raise CalibrationError(f"calibration: alive = {self.alive}: each must be above 0")
        for name in ("clv_edges_minor", "profit_edges_minor"):
            edges: Four = getattr(self, name)
            if not all(low <= high for low, high in pairwise(edges)) or not all(map(isfinite, edges)):
                raise CalibrationError(f"calibration: {name} = {edges}: must be four numbers that never fall")


class _WireParams(msgspec.Struct, forbid_unknown_fields=True):
    r: Positive
    alpha: Positive
    a: Positive
    b: Positive


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    """The document, with the bounds of each field."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    created_at: Annotated[int, msgspec.Meta(ge=0)]
    rfm: Edges
    alive: _WireParams
    churn: ChurnCoefficients
    spend: SpendParams = CDNOW_SPEND
    clv_edges_minor: Four = CLV_EDGES
    profit_edges_minor: Four = PROFIT_EDGES
    returned_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    models: ModelNotes | None = None
    # Calibrations of earlier versions have none.
    abc: AbcEdges = ABC_EDGES
    churn_notes: ChurnNotes | None = None
    bin_shares: BinShares | None = None
    customers: Annotated[int, msgspec.Meta(ge=0)] = 0
    source: str = ""


DEFAULT_CALIBRATION: Final = Calibration(
    number=1,
    created_at=0,
    # Round figures of a shop where people buy every few weeks for some tens: a start until the own customers
    # speak.
    rfm=Edges(
        recency_days=(14, 30, 60, 120),
        frequency=(2, 4, 8, 16),
        monetary_minor=(5_000, 15_000, 40_000, 100_000),
    ),
    # MBG/NBD on the CDNOW sample: 2 357 people who bought their first record there in early 1997.
    alive=Params(r=0.525, alpha=6.183, a=0.891, b=1.614),
    # Judgement, not data: one open complaint moves an even chance to 69 in 100, the longest silence to 86.
    churn=ChurnCoefficients(bias=0.0, p_alive=1.0, gap=(0.3, 0.7, 1.2, 1.8), complaint=0.8, detractor=0.9),
    source="default",
)
"""Calibration that is shipped, in force until the first one is made from the own customers."""
