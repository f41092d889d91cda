"""Conditions that people write in the policy, as safe as data.

A condition such as ``tier == "high" and region == "north"`` is parsed by the package `rule-engine`, which never
runs Python code. Of its language this is allowed: names of the vocabulary, texts, whole numbers, ``null``, lists,
``== != < <= > >= in not in``, ``and or not`` and brackets. What is refused could surprise: the clock and chance
(``$now``, ``$random``), regular expressions (some take for ever), arithmetic (nothing here is to be computed).
So a condition depends on the classes it names and on nothing else, always comes to an end, and cannot fail:

* A name that is not in the vocabulary is refused, and so is a text that the named class can never be. A misspelt
  condition would otherwise be one that silently never holds.
* Texts are compared for equality only, and may be unknown (``null``); unknown is equal to no text. So
  ``region != "north"`` holds for whoever has no known region; add ``and region != null`` where that is not meant.
* Numbers are never unknown; ``<`` and its kin take numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from rule_engine import (
    Context,
    DataType,
    EngineError,
    Rule,
    RuleSyntaxError,
    SymbolResolutionError,
    type_resolver_from_dict,
)
from rule_engine.ast import (
    ArrayExpression,
    ComparisonExpression,
    ContainsExpression,
    ExpressionBase,
    FloatExpression,
    FuzzyComparisonExpression,
    LogicExpression,
    NullExpression,
    StringExpression,
    SymbolExpression,
    UnaryExpression,
)

from stream.scoring.rule_words import FAILS, HOLDS, Comparison, ExpressionError, Text, Vocabulary, Whole

LENGTH_MAX: Final = 500
"""Characters of a condition."""
DEPTH_MAX: Final = 32
"""Conditions inside conditions."""

_TEXT = re.compile(r'"[^"\\]*"' + r"|'[^'\\]*'")
_PLAIN = re.compile(r"[\w\s()\[\],=!<>.]*")


class Condition:
    """One condition, checked against a vocabulary.

    Parameters
    ----------
    text
        As written in the policy.
    vocabulary
        Names it may use.

    Raises
    ------
    ExpressionError
        When it is too long, not in the language, or cannot mean what it says.

    Examples
    --------
    >>> words = {"tier": Text(("none", "low", "mid", "high")), "region": Text(), "r": Whole(0, 5)}
    >>> condition = Condition('tier in ["mid", "high"] and (r >= 4 or region == "north")', words)
    >>> sorted(condition.names)
    ['r', 'region', 'tier']
    >>> [(one.name, one.then, one.otherwise) for one in condition.comparisons]
    [('region', -1, -2), ('r', -1, 0), ('tier', 1, -2)]
    >>> condition.holds({"tier": "high", "region": None, "r": 3})
    False
    >>> condition.holds({"tier": "high", "region": "north", "r": 3})
    True
    >>> Condition('tier == "hihg"', words)
    Traceback (most recent call last):
    ...
    stream.scoring.rule_words.ExpressionError: tier can never be 'hihg'; it is one of none, low, mid, high
    """

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        if len(text) > LENGTH_MAX:
            raise ExpressionError(f"has {len(text)} characters, at most {LENGTH_MAX} are allowed")
        # Before parsing: the parser computes what is constant, and 9**9**9**9 would keep it busy for ever.
        rest = _TEXT.sub('""', text).replace('""', "")
        if not _PLAIN.fullmatch(rest):
            strange = next(sign for sign in rest if not _PLAIN.fullmatch(sign))
            raise ExpressionError(f"{strange!r} is not allowed here; {_LANGUAGE}")
        types = {name: _type(what) for name, what in vocabulary.items()}
        try:
            self._rule = Rule(text, context=Context(type_resolver=type_resolver_from_dict(types)))
        except SymbolResolutionError as error:
            allowed = ", ".join(vocabulary)
            raise ExpressionError(
                f"{error.symbol_name!r} is no name that is known here; allowed are {allowed}"
            ) from error
        except RuleSyntaxError as error:
            raise ExpressionError(f"{error.message}; {_LANGUAGE}") from error
        except EngineError as error:
            raise ExpressionError(
                f"compares what cannot be compared: a text has no < or >, and a number is no text; {_LANGUAGE}"
            ) from error
        self.names: Final = frozenset(_check(self._rule.statement.expression, vocabulary, DEPTH_MAX))
        """Names that the condition uses."""
        found: list[Comparison] = []
        _compare(self._rule.statement.expression, HOLDS, FAILS, found)
        self.comparisons: Final = tuple(found)
        """The condition one comparison at a time: the last one is the first to be made, each leads to earlier ones."""

    def holds(self, classes: Mapping[str, str | int | None]) -> bool:
        """Whether the condition holds for a customer, given at least the classes that it names."""
        return bool(self._rule.matches(classes))


_LANGUAGE: Final = (
    "a condition has names, texts in quotation marks, whole numbers, null, [lists], "
    "==, !=, <, <=, >, >=, in, and, or, not"
)


def _type(what: Text | Whole) -> object:
    # What may be unknown the package compares for equality only.
    return DataType.NULLABLE(DataType.STRING) if isinstance(what, Text) else DataType.FLOAT


def _check(node: ExpressionBase, vocabulary: Vocabulary, depth: int) -> Iterator[str]:
    """Names used in a condition, after checking that it is one."""
    if depth == 0:
        raise ExpressionError(f"is more than {DEPTH_MAX} conditions deep")
    if isinstance(node, LogicExpression):
        yield from _check(node.left, vocabulary, depth - 1)
        yield from _check(node.right, vocabulary, depth - 1)
    elif isinstance(node, UnaryExpression) and node.type == "not":
        yield from _check(node.right, vocabulary, depth - 1)
    elif isinstance(node, ComparisonExpression) and not isinstance(node, FuzzyComparisonExpression):
        sides = (node.left, node.right)
        if isinstance(node.left, SymbolExpression) == isinstance(node.right, SymbolExpression):
            raise ExpressionError(f"a comparison is between a name and a value; {_LANGUAGE}")
        name, value = sides if isinstance(node.left, SymbolExpression) else sides[::-1]
        yield _compared(name, (value,), vocabulary)
    elif isinstance(node, ContainsExpression) and isinstance(node.container, ArrayExpression):
        yield _compared(node.member, tuple(node.container.value), vocabulary)
    else:
        raise ExpressionError(f"each part must be a comparison of a name with a value; {_LANGUAGE}")


def _compare(node: ExpressionBase, then: int, otherwise: int, found: list[Comparison]) -> int:
    """Add the comparisons of a condition that was checked; gives the number of the one to begin with."""
    if isinstance(node, LogicExpression):
        right = _compare(node.right, then, otherwise, found)
        is_and = node.type == "and"
        return _compare(node.left, right if is_and else then, otherwise if is_and else right, found)
    if isinstance(node, UnaryExpression):
        return _compare(node.right, otherwise, then, found)
    parts = (node.container, node.member) if isinstance(node, ContainsExpression) else (node.left, node.right)
    (name,) = (part.name for part in parts if isinstance(part, SymbolExpression))
    found.append(Comparison(name, lambda value: bool(node.evaluate({name: value})), then, otherwise))
    return len(found) - 1


def _compared(name: ExpressionBase, values: tuple[ExpressionBase, ...], vocabulary: Vocabulary) -> str:
    """The name, after checking that it can be what it is compared with."""
    if not isinstance(name, SymbolExpression):
        raise ExpressionError(f"a comparison is between a name and a value; {_LANGUAGE}")
    # The package has no types; a name that is not in the vocabulary was refused when it was parsed.
    named: str = name.name
    what = vocabulary[named]
    for value in values:
        if isinstance(what, Whole):
            if not isinstance(value, FloatExpression):
                raise ExpressionError(f"{named} is a whole number and can be compared with numbers only")
            number = value.value
            if number % 1 or not what.lowest <= number <= what.highest:
                raise ExpressionError(
                    f"{named} can never be {number}; it is a whole number from {what.lowest} to {what.highest}"
                )
        elif isinstance(value, StringExpression):
            if what.values and value.value not in what.values:
                raise ExpressionError(f"{named} can never be {value.value!r}; it is one of {', '.join(what.values)}")
        elif not isinstance(value, NullExpression):
            raise ExpressionError(f"{named} is a text and can be compared with texts and null only")
    return named
