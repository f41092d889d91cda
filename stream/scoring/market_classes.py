"""The classes that the conditions of rule segments may name, with all that each can be.

Put together from the tables of the other modules and from the policy, whose segment table and matrices are its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from stream.scoring.abc import CLASSES
from stream.scoring.churn_policy import LEVELS
from stream.scoring.conduct import CONDUCT
from stream.scoring.lifecycle import STAGES
from stream.scoring.market_segments import MarketPolicy, MarketTable, vocabulary
from stream.scoring.matrix import Matrix
from stream.scoring.needs import NEEDS
from stream.scoring.segments import SegmentTable
from stream.scoring.table_reader import PolicyError
from stream.scoring.tiers import TIERS


def compile_market_segments(policy: MarketPolicy, segments: SegmentTable, matrices: Iterable[Matrix]) -> MarketTable:
    """Check the conditions of the rule segments, and make them ready to be evaluated.

    Parameters
    ----------
    policy
        Section ``[market_segments]``.
    segments
        The active segment table.
    matrices
        All matrices; each is a class under its own name.

    Raises
    ------
    PolicyError
        Naming the rule and what is wrong with its condition, or the matrix that has the name of a class.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> table = compile_market_segments(policy.market_segments, policy.segments, policy.matrices)
    >>> table.uses
    ('tier', 'abc', 'lifecycle', 'level', 'need', 'profitability_tenure', 'kind', 'registration_age')
    """
    classes: dict[str, tuple[str, ...]] = {
        "tier": TIERS,
        "segment": tuple(dict.fromkeys((*(rule.name for rule in segments.rules), segments.rest))),
        "abc": CLASSES,
        "lifecycle": STAGES,
        "level": LEVELS,
        "need": NEEDS,
        "conduct": CONDUCT,
    }
    taken = vocabulary(policy, classes)
    for matrix in matrices:
        if matrix.name in taken:
            raise PolicyError(f"policy: matrix.{matrix.name}: this is the name of a class; the matrix needs another")
        classes[matrix.name] = tuple(dict.fromkeys(name for row in matrix.cells for name in row))
    return MarketTable(policy, vocabulary(policy, classes))
