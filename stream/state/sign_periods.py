"""The churn signs of each period that follow from counts, worked out once until what they look back at changes."""

from __future__ import annotations

from stream.scoring.churn_signs import SignRules
from stream.scoring.periods import PERIOD


class SignPeriods:
    """Of one customer, under one table of rules. Not part of the record.

    Attributes
    ----------
    rules
        By which they are signs.
    may_be
        Whether there were ever enough visits, campaigns or complaints for a sign.
    signs
        By number of the period: bits, see `churn_signs.counted_signs`.
    """

    __slots__ = ("may_be", "rules", "signs")

    def __init__(self, rules: SignRules, *, may_be: bool) -> None:
        self.rules = rules
        self.may_be = may_be
        self.signs: dict[int, int] = {}

    def forget(self, at: int, *, passing: bool) -> None:
        """Something was counted at a moment, ms; if it is `passing`, it speaks only once its period is over.

        >>> known = SignPeriods(None, may_be=True)
        >>> known.signs |= {0: 0, 1: 0, 2: 0}
        >>> known.forget(PERIOD + 5, passing=True)
        >>> known.signs
        {0: 0, 1: 0}
        """
        first = at // PERIOD + passing
        later = [period for period in self.signs if period >= first]
        for period in later:
            del self.signs[period]
