"""Names of segments in records: one byte for those of the policy that comes with the program, never taken for text."""

from __future__ import annotations

import pytest

from stream.scoring.policy import default_policy
from stream.state.stored_names import KNOWN, name_of, stored_name


def test_every_name_of_the_default_policy_takes_one_byte():
    tables = default_policy().segment_tables
    names = [name for table in tables for name in (table.rest, *(rule.name for rule in table.rules))]
    assert len(names) > len(tables)
    assert {len(stored_name(name)) for name in names} == {1}


def test_a_name_that_is_known_is_no_text_and_one_that_is_not_stays_what_it_is():
    assert len({stored_name(name) for name in KNOWN}) == len(KNOWN)
    for name in KNOWN:
        with pytest.raises(UnicodeDecodeError):
            stored_name(name).decode()
        assert name_of(stored_name(name)) == name
    for name in ("", "é", "\x80", "our friends"):
        assert stored_name(name) == name.encode()
        assert name_of(name.encode()) == name
    with pytest.raises(UnicodeDecodeError):
        name_of(bytes([0x80 + len(KNOWN)]))
