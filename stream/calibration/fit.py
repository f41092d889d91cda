"""The next calibration from the histograms of all shards: no pass over customers.

Frequency and monetary edges are quantiles of what customers did in the window, recency edges quantiles of the ages of
their last orders at `as_of`. Where many customers share one figure, two edges fall together and a score between them
stays empty; that is reported, not repaired, because moving an edge would put equal customers into different scores.
The edges of A and B are the revenues from which customers bring the policy's shares of all revenue.

Weights of the churn evidence are learned from samples whose outcome is known, see `stream.calibration.churn`.
Parameters of the models come from a sample of the customers, see `stream.calibration.models`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from stream.calibration.churn import churn_weights
from stream.calibration.models import Models
from stream.scoring.abc import fit_edges
from stream.scoring.calibration import BinShares, Calibration
from stream.scoring.policy import Policy
from stream.scoring.quantiles import RECENCY_BUCKET, Histogram, figure_edges, recency_edges, representative
from stream.scoring.rfm import SCORES, Edges, Five
from stream.scoring.units import DAY

CUSTOMERS_MIN: Final = 20
"""Customers in the window below which fifths say nothing: four in each at the least."""


class FitRefused(ValueError):
    """No calibration can be made from these histograms; the message says why and what helps."""


class CollapsedBin(NamedTuple):
    """A score that no customer has, because a fifth or more of them share one figure."""

    figure: str
    score: int


class Fitted(NamedTuple):
    """The next calibration, and the scores that are empty under it."""

    calibration: Calibration
    collapsed: tuple[CollapsedBin, ...]


def fit(
    histograms: Mapping[int, Mapping[str, int]],
    as_of: int,
    previous: Calibration,
    policy: Policy,
    models: Models | None = None,
    customers_min: int = CUSTOMERS_MIN,
) -> Fitted:
    """Make the calibration that follows `previous`.

    Parameters
    ----------
    histograms
        Shard to field to count, fields as in `stream.state.histograms`: ``f:`` orders, ``m:`` revenue, ``l:`` time of
        the last order, each with the number of its bucket.
    as_of
        Moment at which recency is taken, ms; also the new calibration's `created_at`.
    previous
        Gives the number before, and all that is not fitted here.
    policy
        Gives the shares of the classes A, B and C.
    models
        Parameters of the models; None takes those of `previous`.
    customers_min
        Fewer customers are refused.

    Raises
    ------
    FitRefused
        Too few customers, or histograms that do not belong together.

    Examples
    --------
    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION
    >>> from stream.scoring.policy import default_policy
    >>> shard = {f"f:{n}": 1 for n in range(1, 41)} | {"m:100": 40} | {f"l:{4 * day}": 1 for day in range(40)}
    >>> made = fit({0: shard}, 40 * DAY, DEFAULT_CALIBRATION, default_policy())
    >>> made.calibration.number, [round(edge, 6) for edge in made.calibration.rfm.frequency]
    (2, [9.8, 17.6, 25.4, 33.2])
    >>> made.collapsed[0]
    CollapsedBin(figure='monetary', score=2)
    """
    orders, revenue, last = (_merged(histograms, name) for name in "fml")
    customers = sum(orders.values())
    if not customers == sum(revenue.values()) == sum(last.values()):
        raise FitRefused(
            f"the histograms do not belong together: {customers} customers by orders, {sum(revenue.values())} by "
            f"revenue, {sum(last.values())} by last order. Were they read in the middle of a reset?"
        )
    if customers < customers_min:
        raise FitRefused(
            f"{customers} customers have an order in the window, and cut-points from fewer than {customers_min} would "
            "be chance. Wait for more orders, or replay older ones"
        )
    edges = Edges(
        recency_days=recency_edges(last, as_of),
        frequency=figure_edges(Histogram(orders)),
        monetary_minor=figure_edges(Histogram(revenue)),
    )
    shares = _bin_shares(orders, revenue, last, edges, as_of)
    taken = models or previous
    churn = churn_weights(histograms.values(), as_of, previous, taken.alive, policy.churn)
    calibration = msgspec.structs.replace(
        previous,
        number=previous.number + 1,
        created_at=as_of,
        rfm=edges,
        abc=fit_edges(revenue, policy.abc),
        **(models._asdict() if models else {}),
        churn=churn.coefficients,
        churn_notes=churn.notes,
        bin_shares=shares,
        customers=customers,
        source=f"edges from {customers} customers"
        + (f", models from a sample of {models.models.sample}" if models else ""),
    )
    return Fitted(calibration, tuple(_collapsed(shares)))


def bin_shares(histograms: Mapping[int, Mapping[str, int]], edges: Edges, as_of: int) -> BinShares | None:
    """Share of customers with each score under these edges at `as_of` (ms); None where nobody has an order.

    Examples
    --------
    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION
    >>> shard = {"f:3": 4, "m:100": 4, "l:0": 4}
    >>> bin_shares({0: shard}, DEFAULT_CALIBRATION.rfm, 1 * DAY).frequency
    (0.0, 1.0, 0.0, 0.0, 0.0)
    """
    orders, revenue, last = (_merged(histograms, name) for name in "fml")
    return _bin_shares(orders, revenue, last, edges, as_of) if orders and revenue and last else None


def _bin_shares(
    orders: Mapping[int, int], revenue: Mapping[int, int], last: Mapping[int, int], edges: Edges, as_of: int
) -> BinShares:
    ages = _shares(last, lambda bucket: _age_days(bucket, as_of), edges.recency_days)
    return BinShares(
        # A long time since the last order is a low score.
        recency=(ages[4], ages[3], ages[2], ages[1], ages[0]),
        frequency=_shares(orders, representative, edges.frequency),
        monetary=_shares(revenue, representative, edges.monetary_minor),
    )


def _merged(histograms: Mapping[int, Mapping[str, int]], name: str) -> dict[int, int]:
    """Customers by bucket over all shards, of one of the three figures."""
    sums: dict[int, int] = {}
    for shard, fields in histograms.items():
        for field, count in fields.items():
            figure, _, bucket = field.partition(":")
            if figure == name:
                sums[int(bucket)] = sums.get(int(bucket), 0) + count
                if count < 0:
                    raise FitRefused(f"shard {shard} holds {count} customers in bucket {field}: its state is damaged")
    return sums


def _shares(counts: Mapping[int, int], middle: Callable[[int], float], edges: Sequence[float]) -> Five:
    """Share of customers from each edge to the next, by the figure that stands for their bucket."""
    found = [0] * len(SCORES)
    for bucket, count in counts.items():
        found[bisect_right(edges, middle(bucket))] += count
    one, two, three, four, five = (count / sum(found) for count in found)
    return (one, two, three, four, five)


def _age_days(bucket: int, as_of: int) -> float:
    return max(0.0, as_of - (bucket + 0.5) * RECENCY_BUCKET) / DAY


def _collapsed(shares: BinShares) -> list[CollapsedBin]:
    return [
        CollapsedBin(figure, score)
        for figure in shares.__struct_fields__
        for score, share in zip(SCORES, getattr(shares, figure), strict=True)
        if share == 0
    ]
