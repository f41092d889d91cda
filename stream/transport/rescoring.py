"""How far the customers of a shard are brought to the model in force, a few at a time."""

from __future__ import annotations

from collections.abc import Mapping

from stream.calibration.progress import CURSOR, DONE, MODEL, RESCORED
from stream.store.shard_reads import BEGINNING


class Rescoring:
    """Whose turn it is, and when. Pure: time is an argument, what is remembered is put into the commit.

    Parameters
    ----------
    meta
        What the shard's meta hash holds.
    pause_seconds
        Between two steps.

    Attributes
    ----------
    cursor
        Where the next step scans on.
    done
        Customers looked at so far.

    Examples
    --------
    >>> rescoring = Rescoring({}, pause_seconds=2.0)
    >>> [rescoring.due(model, now) for model, now in ((7, 0.0), (7, 1.0))]
    [True, True]
    >>> rescoring.step("run:4", 500, 1.0)
    {'model': '7', 'cursor': 'run:4', 'rescored': '500'}
    >>> [rescoring.due(7, now) for now in (2.0, 3.0)]
    [False, True]
    >>> rescoring.step(BEGINNING, 20, 3.0)
    {'model': '7', 'cursor': 'done', 'rescored': '520'}
    >>> rescoring.due(7, 9.0), rescoring.due(8, 9.0)
    (False, True)
    """

    def __init__(self, meta: Mapping[str, str], *, pause_seconds: float) -> None:
        self._model = meta.get(MODEL)
        self.cursor = meta.get(CURSOR, DONE)
        self.done = int(meta.get(RESCORED, 0))
        self._pause_seconds = pause_seconds
        self._stepped_at = -pause_seconds

    def due(self, fingerprint: int, now: float) -> bool:
        """Whether a step is to be made under a model, at this time in seconds."""
        if self._model != str(fingerprint):
            self._model, self.cursor, self.done = str(fingerprint), BEGINNING, 0
        if self.cursor == DONE:
            return False
        return self.cursor == BEGINNING or now - self._stepped_at >= self._pause_seconds

    def step(self, following: str, customers: int, now: float) -> dict[str, str]:
        """A step was made with so many customers, and the scan goes on there; what is to be remembered of it."""
        self.cursor = DONE if following == BEGINNING else following
        self.done += customers
        self._stepped_at = now
        return {MODEL: str(self._model), CURSOR: self.cursor, RESCORED: str(self.done)}
