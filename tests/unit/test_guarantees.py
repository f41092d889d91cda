"""The page of guarantees names nothing that is not there, and leaves no fault out."""

from __future__ import annotations

import re

import pytest

from tests.chaos.faults import FAULTS
from tests.kit.folders import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "guarantees.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def test_the_page_names_tests():
    assert len(TESTS) > 10


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_a_test_that_is_named_exists(path, name):
    assert re.search(rf"^(async )?def {name}\(", (REPOSITORY / path).read_text(), re.MULTILINE)


def test_every_fault_of_the_chaos_suite_is_named_and_no_other():
    named = {
        name
        for line in PAGE.splitlines()
        for cell in re.findall(r"faults? (`.*)", line)
        for name in re.findall(r"`([^`]+)`", cell)
    }
    assert {name for name in named if "::" not in name} == set(FAULTS)
