"""Names of segments as records hold them: in one byte where the policy that comes with the program has the name.

No UTF-8 text is a single byte from `_FIRST` on, so what a stored name is can be seen from itself.
"""

from __future__ import annotations

import sys
from typing import Final

#: Part of the stored form: a name keeps its place for good, new ones come behind. At most 128.
KNOWN: Final = (
    *("hibernating", "at_risk", "cant_lose", "about_to_sleep", "need_attention"),
    *("loyal", "promising", "new", "potential_loyalist", "champions"),
    *("Champions", "Potential Loyalist", "Loyal Customers", "Promising", "New Customers"),
    *("Can't Lose Them", "At Risk", "Need Attention", "About To Sleep", "Lost", "Others", "other"),
    *("important_value", "important_develop", "important_keep", "important_win_back"),
    *("general_value", "general_develop", "general_keep", "general_win_back"),
)
_FIRST: Final = 0x80

_STORED: Final = {name: bytes([_FIRST + place]) for place, name in enumerate(KNOWN)}
_NAMES: Final = {stored: name for name, stored in _STORED.items()}


def stored_name(name: str) -> bytes:
    r"""A name as a record holds it.

    Examples
    --------
    >>> stored_name("champions"), stored_name("our friends"), stored_name("")
    (b'\x89', b'our friends', b'')
    """
    return _STORED.get(name) or name.encode()


def name_of(stored: bytes) -> str:
    """The name that `stored_name` wrote.

    Raises
    ------
    UnicodeDecodeError
        It is no text, nor a name that this version knows.
    """
    return _NAMES.get(stored) or sys.intern(stored.decode())
