"""What feedback is about, and which theme rises.

Complaints, questions, reviews and low answers carry *themes*: the tags they came with, or, where they came with
none, the themes whose keywords their text holds. Keywords are a table of the policy, matched in any case from the
start of a word on, so that "deliver" finds "delivery" and "late" does not find "chocolate".

A theme *rises* when its count in the last period is more than its own past explains. If nothing had changed, each
mention would be as likely to fall into any of the periods; the chance that so many fell into the last is a tail of
the binomial distribution, whatever the rate is. A least count and a least ratio keep what is significant and
does not matter out.

References
----------
Przyborowski, Wilenski (1940), "Homogeneity of results in testing samples from Poisson series", Biometrika 31(3/4):
the conditional test of two Poisson counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Final, NamedTuple

from stream.scoring.table_reader import PolicyError, TableReader

THEMED: Final = frozenset({"complaint.opened", "consultation.opened", "review.posted"})
"""Types of interaction that carry themes whatever they say."""

ANSWERS: Final = {"nps": "feedback.nps", "csat": "feedback.csat", "csi": "feedback.csi"}
"""Answers that carry themes when they are low: their name in the policy, and their type."""

THEMES_MAX: Final = 64
"""Themes that the keyword table may have."""
KEYWORDS_MAX: Final = 64
"""Keywords that one theme may have."""
TAGS_MAX: Final = 8
"""Themes of one event; those after, by the order given or by the policy's, are dropped."""
TAG_LENGTH_MAX: Final = 64
"""Characters of a theme; a longer tag is cut."""


@dataclass(frozen=True, slots=True)
class ThemesPolicy:
    """Keywords of each theme, which answers are low, and what rising means."""

    keywords: tuple[tuple[str, tuple[str, ...]], ...]
    """(theme, keywords)."""
    low: tuple[tuple[str, float], ...]
    """(answer, highest that is low) for each of `ANSWERS`."""
    count_min: int
    """Mentions in the last period that it takes to rise."""
    ratio_min: float
    """Last period against the mean of the past, from which a theme rises; above 1."""
    chance_max: float
    """Chance of so many in the last period if nothing had changed, up to which a theme rises; inside (0, 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class ThemesTable:
    """The policy, compiled."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    low: dict[str, float]
    """Highest low answer by type of interaction."""


class Rise(NamedTuple):
    """How much a theme rose."""

    mentions: int
    """In the last period."""
    usual: float
    """Mean mentions of a period in the past."""
    ratio: float | None
    """Mentions over usual; none for a theme without a past."""
    chance: float
    """Chance of so many if nothing had changed."""


def read(reader: TableReader) -> ThemesPolicy:
    """Read the section ``[themes]``."""
    keywords = reader.table("keywords")
    if len(keywords.names()) > THEMES_MAX:
        raise PolicyError(f"policy: themes.keywords: has {len(keywords.names())} themes, at most {THEMES_MAX} fit")
    themes: list[tuple[str, tuple[str, ...]]] = []
    for theme in keywords.names():
        words = keywords.texts(theme)
        if len(words) > KEYWORDS_MAX:
            raise keywords.wrong(theme, len(words), f"at most {KEYWORDS_MAX} keywords fit")
        if theme != normal(theme):
            raise keywords.wrong(
                theme, words, f"a theme is written in small letters, in at most {TAG_LENGTH_MAX} characters"
            )
        themes.append((theme, words))
    low = reader.table("low")
    policy = ThemesPolicy(
        keywords=tuple(themes),
        low=tuple((answer, low.number(answer, minimum=0, maximum=100)) for answer in ANSWERS),
        count_min=reader.integer("count_min", minimum=1, maximum=1_000_000),
        ratio_min=reader.number("ratio_min", above=1),
        chance_max=reader.number("chance_max", above=0, below=1),
    )
    for table in (low, reader):
        table.done()
    return policy


def compile_themes(policy: ThemesPolicy) -> ThemesTable:
    """Make one pattern for each theme, and the low answers by type."""
    return ThemesTable(
        patterns=tuple(
            (theme, re.compile("|".join(_from_word_start(word.strip().casefold()) for word in words)))
            for theme, words in policy.keywords
        ),
        low={ANSWERS[answer]: highest for answer, highest in policy.low},
    )


def normal(tag: str) -> str:
    """A tag as it is counted: small letters, single spaces, cut to `TAG_LENGTH_MAX`.

    Examples
    --------
    >>> normal("  Late   Delivery ")
    'late delivery'
    """
    return " ".join(tag.casefold().split())[:TAG_LENGTH_MAX].rstrip()


def carries_themes(table: ThemesTable, kind: str, answer: float | None = None) -> bool:
    """Whether an interaction is feedback with themes.

    Parameters
    ----------
    kind
        Its type.
    answer
        Of a ``feedback.*``: NPS 0 to 10, CSAT 1 to 5, CSI 0 to 100.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> table = compile_themes(default_policy().themes)
    >>> [carries_themes(table, "complaint.opened"), carries_themes(table, "feedback.nps", 3)]
    [True, True]
    >>> [carries_themes(table, "login"), carries_themes(table, "feedback.nps", 9)]
    [False, False]
    """
    if kind in THEMED:
        return True
    return answer is not None and kind in table.low and answer <= table.low[kind]


def themes_of(table: ThemesTable, tags: Iterable[str], text: str) -> tuple[str, ...]:
    """Themes of one piece of feedback, each once: its tags, or without any those whose keywords the text holds.

    Parameters
    ----------
    tags, text
        As the event has them; both are bounded when it is decoded.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> table = compile_themes(default_policy().themes)
    >>> themes_of(table, (), "The parcel came LATE and it was broken.")
    ('delivery', 'quality')
    >>> themes_of(table, ["Returns", "returns "], "late"), themes_of(table, (), "chocolate")
    (('returns',), ())
    """
    given = dict.fromkeys(tag for tag in map(normal, tags) if tag)
    if given:
        return tuple(given)[:TAGS_MAX]
    searched = text.casefold()
    return tuple(theme for theme, pattern in table.patterns if pattern.search(searched))[:TAGS_MAX]


def rise(policy: ThemesPolicy, count: int, past: Sequence[int]) -> Rise | None:
    """How much a theme rose in the last period; none where it did not.

    Parameters
    ----------
    count
        Mentions in the last period.
    past
        Mentions in the periods before, of the same length; their order does not matter.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy().themes
    >>> found = rise(policy, 12, [3, 5, 4, 4])
    >>> found.usual, found.ratio, round(found.chance, 4)
    (4.0, 3.0, 0.005)
    >>> rise(policy, 6, [3, 5, 4, 4]) is None, rise(policy, 12, []) is None
    (True, True)
    """
    if not past or count < policy.count_min:
        return None
    total = sum(past)
    usual = total / len(past)
    if count < policy.ratio_min * usual:
        return None
    chance = _chance(count, total, len(past))
    if chance > policy.chance_max:
        return None
    return Rise(count, usual, count / usual if usual else None, chance)


def _chance(last: int, past: int, periods: int) -> float:
    """Chance that the last of some periods has `last` mentions or more, of `last + past` that are spread evenly.

    A tail of the binomial distribution, added up from its first and greatest term on: each further one is the one
    before times ``remaining / (hits * periods)``, which is below 1 where the last period is above the mean.
    """
    trials = last + past
    logarithm = lgamma(trials + 1) - lgamma(last + 1) - lgamma(past + 1)
    term = exp(logarithm + past * log(periods) - trials * log(1 + periods))
    total, hits = 0.0, last
    while total + term > total:
        total += term
        term *= (trials - hits) / ((hits + 1) * periods)
        hits += 1
    return min(1.0, total)


def _from_word_start(word: str) -> str:
    """Pattern of a keyword; scripts that put no spaces between words have no word start to look for."""
    return (r"\b" if word[0].isascii() and word[0].isalnum() else "") + re.escape(word)
