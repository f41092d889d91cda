"""Which markets is a customer of?  Their profile, and the segments that people define by rules.

A *rule segment* is a name and a condition on the classes of a customer (tier, segment, stage, dominant need …) and
on their profile (kind, region, how long they are registered). A customer is in any number of them. Membership is a
set of bits, one for each rule in the order of the policy, so that who entered and who left is seen by comparing
two numbers. Above the bits, what is *said* of a customer has a mark of the rules' names: policies change, and with them
what a bit means.

Conditions are checked when the policy is read (see `rule_expressions`) and depend on classes alone. There are few
combinations of the classes that the rules name, so each is evaluated once and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil
from operator import itemgetter
from typing import Final, get_args

from xxhash import xxh32_intdigest

from stream.contracts.wire import CustomerKind
from stream.scoring.rule_words import ExpressionError, Text, Vocabulary, Whole
from stream.scoring.table_reader import DAYS_MAX, PolicyError, TableReader
from stream.scoring.units import DAY, NEVER, SECOND

RULES_MAX: Final = 31
"""Rule segments of a policy: their bits fit into a positive 32-bit number."""

MARK_BITS: Final = 24
"""Size of the mark above the bits: some ten lists of names are told apart, all but once in a hundred thousand."""

AGES_MAX: Final = 16
"""Classes of registration age."""

REMEMBERED_MAX: Final = 65_536
"""Combinations of classes whose rule segments are remembered; beyond it the one used longest ago is forgotten."""

SCORE: Final = Whole(0, 5)
"""What r, f and m can be; 0 is who has no order that counts."""

Classes = Mapping[str, str | int | None]
"""The classes of a customer by the names of the vocabulary; ``None`` where a text is unknown."""


@dataclass(frozen=True, slots=True)
class RuleSegment:
    """A name, and the condition to be in."""

    name: str
    when: str


@dataclass(frozen=True, slots=True)
class MarketPolicy:
    """Classes of registration age, and the rule segments."""

    registration_ages: tuple[tuple[str, float], ...]
    """(class, days since registration from which it holds), from 0 on, rising."""
    rules: tuple[RuleSegment, ...]


class MarketTable:
    """The rule segments, checked against a vocabulary and compiled.

    Parameters
    ----------
    policy
        As read.
    vocabulary
        Names that the conditions may use: see `vocabulary`.

    Raises
    ------
    PolicyError
        Naming the rule and what is wrong with its condition.

    Examples
    --------
    >>> policy = MarketPolicy((("new", 0),), (RuleSegment("north", 'region == "north"'),))
    >>> table = MarketTable(policy, vocabulary(policy, {"tier": ("low", "high")}))
    >>> classes = {"tier": "high", "r": 1, "f": 1, "m": 1, "kind": None, "region": "north", "registration_age": None}
    >>> table.bits(classes), table.names(table.bits(classes)), table.bits(classes | {"region": None})
    (1, ('north',), 0)
    >>> table.names(table.said(1)), table.names(mark_of(("south",)) | 1), table.said(0)
    (('north',), (), 0)
    """

    def __init__(self, policy: MarketPolicy, vocabulary: Vocabulary) -> None:
        # The package makes its parser when it is imported, and most commands compile no policy.
        from stream.scoring.rule_expressions import Condition  # noqa: PLC0415

        self.rule_names: Final = tuple(rule.name for rule in policy.rules)
        """Names of the rules, in the order of the policy."""
        self.mark: Final = mark_of(self.rule_names)
        """See `mark_of`."""
        conditions: list[Condition] = []
        for place, rule in enumerate(policy.rules):
            try:
                conditions.append(Condition(rule.when, vocabulary))
            except ExpressionError as error:
                raise PolicyError(
                    f"policy: market_segments.rules[{place}].when = {rule.when[:80]!r}: {error}"
                ) from error
        self.conditions: Final = tuple(conditions)
        """The conditions, in the order of the policy."""
        named = frozenset[str]().union(*(condition.names for condition in conditions))
        self.uses: Final = tuple(name for name in vocabulary if name in named)
        """Names of the vocabulary that any condition depends on."""
        self._key = _picker(self.uses)
        uses = self.uses

        @lru_cache(maxsize=REMEMBERED_MAX)
        def evaluate(key: tuple[str | int | None, ...]) -> int:
            classes = dict(zip(uses, key, strict=True))
            return sum(condition.holds(classes) << bit for bit, condition in enumerate(conditions))

        self._evaluate = evaluate

    def bits(self, classes: Classes) -> int:
        """Rule segments that a customer is in: bit `i` is the rule at place `i` of the policy.

        Parameters
        ----------
        classes
            A value for each name in `uses`; others are passed over.
        """
        return self._evaluate(self._key(classes))

    def said(self, bits: int) -> int:
        """A set of bits as records keep it: with the mark of these rules, where it is not empty."""
        return bits and bits | self.mark

    def names(self, bits: int) -> tuple[str, ...]:
        """Names of the rule segments of a set of bits, in the order of the policy; none where others are marked."""
        if mark_in(bits) not in {0, self.mark}:
            return ()
        return tuple(name for bit, name in enumerate(self.rule_names) if bits >> bit & 1)

    def entered(self, before: int, after: int) -> tuple[str, ...]:
        """Names of the rule segments that are in `after` and not in `before`."""
        return self.names(after & ~before)

    def left(self, before: int, after: int) -> tuple[str, ...]:
        """Names of the rule segments that are in `before` and not in `after`."""
        return self.names(before & ~after)

    def remembered(self) -> tuple[int, int]:
        """How many evaluations were looked up, and how many had to be made."""
        counts = self._evaluate.cache_info()
        return counts.hits, counts.misses


def mark_of(names: Sequence[str]) -> int:
    """What tells lists of names of rules apart: a hash, above the bits of `RULES_MAX` rules, never 0."""
    return (xxh32_intdigest("\0".join(names).encode()) % (2**MARK_BITS - 1) + 1) << RULES_MAX


def mark_in(said: int) -> int:
    """The mark of a set of bits as records keep it; 0 of a set without one.

    >>> mark_in(mark_of(("north",)) | 0b1) == mark_of(("north",))
    True
    """
    return said >> RULES_MAX << RULES_MAX


def read(reader: TableReader) -> MarketPolicy:
    """Read the section ``[market_segments]``; the conditions themselves are checked by `MarketTable`."""
    ages = reader.table("registration_ages")
    classes = tuple((name, ages.number(name, minimum=0, maximum=DAYS_MAX)) for name in ages.names())
    days = [start for _, start in classes]
    if not days or days[0] != 0 or len(days) > AGES_MAX or not all(low < high for low, high in pairwise(days)):
        raise PolicyError(
            f"policy: market_segments.registration_ages = {days}: must be days that start with 0 and rise, "
            f"at most {AGES_MAX} of them"
        )
    rules: list[RuleSegment] = []
    for one in reader.tables("rules") if reader.has("rules") else ():
        rules.append(RuleSegment(one.name_of("name"), one.text("when")))
        one.done()
    if len(rules) > RULES_MAX:
        raise PolicyError(f"policy: market_segments.rules: has {len(rules)} rules, at most {RULES_MAX} fit")
    names = [rule.name for rule in rules]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise PolicyError(f"policy: market_segments.rules[{place}].name = {name!r}: another rule has this name")
    for table in (ages, reader):
        table.done()
    return MarketPolicy(classes, tuple(rules))


def vocabulary(policy: MarketPolicy, classes: Mapping[str, Sequence[str]]) -> Vocabulary:
    """Names that conditions may use.

    Parameters
    ----------
    classes
        All that each class can be: tier, segment, abc, lifecycle, level, need, conduct, and the cells of each
        matrix under the matrix's name. They depend on other sections of the policy.

    Returns
    -------
    The classes, the scores ``r``, ``f`` and ``m``, and the profile: ``kind``, ``region``, ``registration_age``.
    """
    return {
        **{name: Text(tuple(values)) for name, values in classes.items()},
        **dict.fromkeys(("r", "f", "m"), SCORE),
        "kind": Text(get_args(CustomerKind)),
        "region": Text(),
        "registration_age": Text(tuple(name for name, _ in policy.registration_ages)),
    }


def registration_age(policy: MarketPolicy, registered_at: int, as_of: int) -> str:
    """Class of the time since registration; both moments in milliseconds.

    Examples
    --------
    >>> policy = MarketPolicy((("new", 0), ("settled", 90)), ())
    >>> registration_age(policy, 0, 89 * DAY), registration_age(policy, 0, 90 * DAY)
    ('new', 'settled')
    """
    found, *later = policy.registration_ages
    for age in later:
        if _starts(age, registered_at) > as_of:
            break
        found = age
    return found[0]


def next_age_change(policy: MarketPolicy, registered_at: int, as_of: int) -> int:
    """Whole second at which the class of registration age changes next; `NEVER` in the last one.

    Examples
    --------
    >>> policy = MarketPolicy((("new", 0), ("settled", 90)), ())
    >>> next_age_change(policy, 0, 1) == 90 * DAY, next_age_change(policy, 0, 90 * DAY) == NEVER
    (True, True)
    """
    # They rise, so the first that is still to come is the next.
    for age in policy.registration_ages[1:]:
        start = _starts(age, registered_at)
        if start > as_of:
            return start
    return NEVER


def _starts(age: tuple[str, float], registered_at: int) -> int:
    # As `ceil_to_second`, which is a call more.
    return ceil((registered_at + age[1] * DAY) / SECOND) * SECOND


def _picker(names: tuple[str, ...]) -> Callable[[Classes], tuple[str | int | None, ...]]:
    """Picks the values of some classes, always as a tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda classes: tuple(classes[name] for name in names)
