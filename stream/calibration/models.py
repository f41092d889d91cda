"""The models of a calibration, learned from a sample: P(alive), expected spend, and fifths of what follows from them.

P(alive) is MBG/NBD: one-time buyers must fade. Where its fit cannot be used, there is a chain of what is taken instead,
and the notes say which link it was:

1. MBG/NBD as fitted;
2. the parameters of BG/NBD, where only that one sees customers leave;
3. the rates of orders (r, alpha) as fitted, with the inclination to leave (a, b) of the calibration before, where
   neither model sees anybody leave;
4. all parameters of the calibration before, where too few customers ordered again, or the fit ended at a bound.

Expected spend is Gamma-Gamma as fitted, or that of the calibration before.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from stream.calibration.sample import Sample
from stream.scoring.alive import Params
from stream.scoring.bg_nbd import BG, MBG, Family, Floats, p_alive
from stream.scoring.bg_nbd_fit import LEAVING_FLAG, Fit, Grouped, fit, grouped, misplaced, repeat_counts
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.clv import clv, discounted_orders, orders_table
from stream.scoring.gamma_gamma import SpendParams, expected_spend
from stream.scoring.gamma_gamma_fit import fit_spend, spend_misplaced
from stream.scoring.model_notes import FitNote, ModelNotes
from stream.scoring.policy import ClvPolicy
from stream.scoring.quantiles import FIFTHS
from stream.scoring.rfm import Four, edges_from_quantiles

REPEATERS_MIN: Final = 50
"""Customers who ordered again, and customers with a mean order: fewer teach no model."""

CORRELATION_MAX: Final = 0.3
"""Beyond it, between orders and mean order of customers, the notes say so: Gamma-Gamma takes them for independent."""

ORDERS_MIN: Final = 200
"""Orders it takes to learn which share of them comes back."""

DIGITS: Final = 6
"""Significant digits of what is learned: more would be noise, and hard to read."""


class Models(NamedTuple):
    """What is learned from a sample, as fields of a calibration."""

    alive: Params
    spend: SpendParams
    clv_edges_minor: Four
    profit_edges_minor: Four
    returned_share: float
    models: ModelNotes


def learn(sample: Sample, previous: Calibration, policy: ClvPolicy) -> Models:
    """Learn from these customers.

    Parameters
    ----------
    previous
        Gives what cannot be learned.
    policy
        How far ahead lifetime value looks.
    """
    alive, alive_words, alive_fits = _alive(sample, previous)
    spend, spend_words, spend_fits = _spend(sample, previous)
    # Fifths of the same customers as those of R-F-M: who has an order in the window.
    inside = sample.frequency > 0
    values = _lifetime_values(sample, alive, spend, policy)[inside]
    return Models(
        alive=alive,
        spend=spend,
        clv_edges_minor=_fifths(values) if len(values) else previous.clv_edges_minor,
        profit_edges_minor=_fifths(sample.profit[inside].astype(float)) if len(values) else previous.profit_edges_minor,
        returned_share=_returned_share(sample, previous),
        models=ModelNotes(len(sample), alive_words, spend_words, (*alive_fits, *spend_fits)),
    )


def _alive(sample: Sample, previous: Calibration) -> tuple[Params, str, list[FitNote]]:
    """Parameters, where they are from, and what was tried."""
    kept = _named(previous)
    again = int((sample.repeats > 0).sum())
    if again < REPEATERS_MIN:
        return previous.alive, f"{kept}: {again} customers ordered again, {REPEATERS_MIN} are needed", []
    customers = grouped(sample.repeats, sample.last, sample.age)
    mbg, bg = (_tried(family, customers) for family in (MBG, BG))
    notes = [_note(family, one, customers) for family, one in ((MBG, mbg), (BG, bg))]
    likely = f"log-likelihood {mbg.log_likelihood:.1f}, that of BG/NBD {bg.log_likelihood:.1f}"
    if not mbg.flags:
        return mbg.params, f"MBG/NBD fitted to {len(sample)} customers; {likely}", notes
    because = "; ".join(mbg.flags)
    if not bg.flags:
        return bg.params, f"BG/NBD fitted to {len(sample)} customers, because of MBG/NBD: {because}", notes
    if mbg.flags[0].startswith(LEAVING_FLAG):
        mixed = mbg.params._replace(a=previous.alive.a, b=previous.alive.b)
        words = f"rates of orders fitted to {len(sample)} customers; leaving (a, b): {kept}, because {because}"
        return mixed, words, notes
    return previous.alive, f"{kept}, because of MBG/NBD: {because}", notes


def _tried(family: Family, customers: Grouped) -> Fit:
    found = fit(family, customers)
    return found._replace(params=Params(*map(_rounded, found.params)))


def _note(family: Family, found: Fit, customers: Grouped) -> FitNote:
    return FitNote(
        model=family.name,
        params=found.params._asdict(),
        customers=int(customers.alike.sum()),
        log_likelihood=_rounded(found.log_likelihood),
        misplaced=_rounded(misplaced(*repeat_counts(family, found.params, customers))),
        flags=found.flags,
    )


def _spend(sample: Sample, previous: Calibration) -> tuple[SpendParams, str, list[FitNote]]:
    """Parameters, where they are from, and what was tried."""
    known = sample.monetary > 0
    frequency = sample.frequency[known]
    if len(frequency) < REPEATERS_MIN:
        few = f"{len(frequency)} customers brought something in the window, {REPEATERS_MIN} are needed"
        return previous.spend, f"{_named(previous)}: {few}", []
    mean = sample.monetary[known] / frequency
    found = fit_spend(mean, frequency)
    params = SpendParams(*map(_rounded, (found.params.p, found.params.q, found.params.v_minor)))
    note = FitNote(
        model="Gamma-Gamma",
        params=msgspec.structs.asdict(params),
        customers=len(mean),
        log_likelihood=_rounded(found.log_likelihood),
        misplaced=_rounded(spend_misplaced(params, mean, frequency)),
        flags=found.flags,
    )
    if found.flags:
        return previous.spend, f"{_named(previous)}, because of Gamma-Gamma: {'; '.join(found.flags)}", [note]
    words = f"Gamma-Gamma fitted to {len(mean)} customers"
    together = _correlation(frequency.astype(float), mean)
    if abs(together) > CORRELATION_MAX:
        words += f"; who orders more often spends {'more' if together > 0 else 'less'} each time (correlation "
        words += f"{together:.2f}), which the model leaves out"
    return params, words, [note]


def _lifetime_values(sample: Sample, alive: Params, spend: SpendParams, policy: ClvPolicy) -> Floats:
    table = orders_table(alive, policy.horizon_months, policy.discount_yearly)
    active = p_alive(MBG, alive, sample.repeats, sample.last, sample.age).tolist()
    mean = (sample.monetary / np.maximum(sample.frequency, 1)).tolist()
    columns = zip(active, sample.repeats.tolist(), sample.age.tolist(), mean, sample.frequency.tolist(), strict=True)
    return np.array(
        [
            clv(there, discounted_orders(table, repeats, age), expected_spend(spend, order, frequency))
            for there, repeats, age, order, frequency in columns
        ],
        np.float64,
    )


def _returned_share(sample: Sample, previous: Calibration) -> float:
    """Share of orders that were refunded or cancelled, to hold a customer's own against."""
    orders = int(sample.orders.sum())
    return _rounded(int(sample.returned.sum()) / orders) if orders >= ORDERS_MIN else previous.returned_share


def _fifths(values: Floats) -> Four:
    return edges_from_quantiles(np.quantile(values, FIFTHS).tolist())


def _correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where one of them is the same for all."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _named(calibration: Calibration) -> str:
    if calibration.number == DEFAULT_CALIBRATION.number:
        return "as shipped"
    return f"as in calibration {calibration.number}"


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
