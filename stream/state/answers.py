"""Answers on satisfaction: the latest of each kind, of two at one moment the greater.

Answers to "would you recommend us" are with the evidence of the churn score, see `interactions.note_answer`.
"""

from __future__ import annotations

from msgspec import Struct

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
