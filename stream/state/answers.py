"""Answers on satisfaction: the latest of each kind, of two at one moment the greater.

Answers to "would you recommend us" are with the evidence of the churn score, see `interactions.note_answer`.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from stream.scoring.satisfaction import SatisfactionPolicy, acsi, csi

#: Dimensions that are the three questions of the ACSI.
ACSI_ITEMS: Final = ("overall", "expectations", "ideal")

#: Scores of the dimensions of an index, sorted by name.
Values = tuple[tuple[str, float], ...]


class Answers(Struct, array_like=True):
    """The latest answers, each with its moment in ms first; None where none was given.

    Attributes
    ----------
    csat
        The score, 1 to 5.
    csi
        The index, 0 to 100, or -1 where there are dimensions; and their scores, 1 to 10.
    """

    csat: tuple[int, int] | None = None
    csi: tuple[int, int, Values] | None = None

    def note_csat(self, at: int, score: int) -> None:
        """An answer on a scale of five.

        >>> answers = Answers()
        >>> for at, score in ((5, 2), (4, 5), (5, 3)):
        ...     answers.note_csat(at, score)
        >>> answers.csat
        (5, 3)
        """
        self.csat = max(self.csat or (at, score), (at, score))

    def note_csi(self, at: int, score: int, values: Values) -> None:
        """An index, or the dimensions that make one."""
        self.csi = max(self.csi or (at, score, values), (at, score, values))


def indices(score: int, values: Values, policy: SatisfactionPolicy) -> dict[str, float]:
    """The indices, 0 to 100, that the answer of a `feedback.csi` comes to.

    Parameters
    ----------
    score
        The index itself, where there are no dimensions.
    values
        Scores of the dimensions. Where the three of the ACSI are among them, there is that index as well.

    Examples
    --------
    >>> indices(-1, (("expectations", 7.0), ("ideal", 7.0), ("overall", 4.0)), SatisfactionPolicy(()))
    {'csi': 60.0, 'acsi': 55.55555555555556}
    """
    dimensions = dict(values)
    index = csi(policy, dimensions)
    found = {"csi": float(score) if index is None else index}
    if all(name in dimensions for name in ACSI_ITEMS):
        found["acsi"] = acsi(*(dimensions[name] for name in ACSI_ITEMS))
    return found
