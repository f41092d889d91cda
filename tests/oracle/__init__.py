"""The batch oracle: what the scorer must say, computed once more, slowly and plainly.

Made from ``docs/reference/semantics.md`` alone; it shares no code with ``stream.state``, ``stream.store`` or the
functions of ``stream.scoring``. Policy and calibration are taken as data. It reads all events at once and walks
through them one customer at a time.

Where the scorer is clever, the oracle is not: it keeps sorted lists and sums them again each time; it compares
decimals as exact fractions; and it finds the moment at which a silent customer reaches a churn level by bisection
over whole seconds, where the scorer has a closed form.
"""

from __future__ import annotations

from tests.oracle.partition import shard_of
from tests.oracle.run import Oracle, Result, last_scores
from tests.oracle.view import SAID, facts

__all__ = ["SAID", "Oracle", "Result", "facts", "last_scores", "shard_of"]
