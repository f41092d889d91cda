"""How the parameters of a calibration were found, for the people who look at it.

Nothing is computed from these notes; they say which model was taken, what was tried before it, and how well it fits.
"""

from __future__ import annotations

import msgspec


class FitNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fit of one model."""

    model: str
    """Name of the model, as ``MBG/NBD``."""
    params: dict[str, float]
    """By name; weeks, minor units."""
    customers: int
    log_likelihood: float
    misplaced: float | None = None
    """Share of customers that the model puts into a wrong column of the table of repeat orders, 0 to 1."""
    flags: tuple[str, ...] = ()
    """What is wrong with the fit, in words; empty where it can be used."""


class ModelNotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which parameters are in force, and why."""

    sample: int
    """Customers they were learned from."""
    alive: str
    """Where the parameters of P(alive) are from, in words, with what was tried before."""
    spend: str
    """The same of expected spend."""
    fits: tuple[FitNote, ...] = ()
    """Everything that was tried."""
