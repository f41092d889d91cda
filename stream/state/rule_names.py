"""Names of the rule segments of the policies of the past, so that what was said under them is known by name.

A record keeps its rule segments as bits, by place in the policy that it was last looked at under, with a mark that says
which list of names that was (`stream.scoring.market_segments.mark_of`). A shard keeps the lists in its meta hash, with
the positions, in the same commit as the first records that need them. So a policy may have its rules in another order,
with new ones among them: only who enters or leaves is told of. Rules that a policy drops are nobody's any more, and
nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from stream.scoring.market_segments import MarketTable, mark_in, mark_of

#: Field of the meta hash: a list of names for each policy, the newest last.
FIELD: Final = "rule_names"

#: Lists kept; the oldest goes. Everybody is looked at anew under each policy, so few records ever need more than two.
LISTS_MAX: Final = 64


class RuleNames:
    """The lists of one shard.

    Parameters
    ----------
    stored
        Meta hash of the shard.
    market
        The rules in force.

    Examples
    --------
    >>> from stream.scoring.market_segments import MarketPolicy, RuleSegment, vocabulary
    >>> rules = RuleSegment("north", 'region == "north"'), RuleSegment("south", 'region == "south"')
    >>> policies = MarketPolicy((("new", 0),), rules), MarketPolicy((("new", 0),), rules[::-1])
    >>> before, after = (MarketTable(policy, vocabulary(policy, {})) for policy in policies)
    >>> names = RuleNames({}, before)
    >>> names.adopt(after)
    >>> names.changes()
    {'rule_names': '[["north","south"],["south","north"]]'}
    >>> after.names(names.carried(before.said(0b01), after))
    ('north',)
    """

    def __init__(self, stored: Mapping[str, str], market: MarketTable) -> None:
        lists = msgspec.json.decode(stored.get(FIELD, "[]"), type=list[tuple[str, ...]])
        self._lists = {mark_of(names): names for names in lists}
        self._is_changed = False
        self.adopt(market)

    def adopt(self, market: MarketTable) -> None:
        """Keep the names of these rules as the newest."""
        if not market.rule_names or market.mark == next(reversed(self._lists), None):
            return
        self._lists.pop(market.mark, None)
        self._lists[market.mark] = market.rule_names
        while len(self._lists) > LISTS_MAX:
            del self._lists[next(iter(self._lists))]
        self._is_changed = True

    def carried(self, said: int, market: MarketTable) -> int:
        """Rule segments said under any policy, as those of these rules that have the same names."""
        mark = mark_in(said)
        if mark == market.mark:
            return said
        known = self._lists.get(mark, ())
        names = {name for bit, name in enumerate(known) if said >> bit & 1}
        return market.said(sum((name in names) << bit for bit, name in enumerate(market.rule_names)))

    def changes(self) -> dict[str, str]:
        """The field of the meta hash, if it changed since this was last asked."""
        if not self._is_changed:
            return {}
        self._is_changed = False
        return {FIELD: msgspec.json.encode(list(self._lists.values())).decode()}
