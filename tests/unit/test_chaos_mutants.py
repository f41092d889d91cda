"""Mutants of the code: made as they say, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos import mutants
from tests.chaos.mutants import LOOKERS, MUTANTS, Edit, Unfit, Verdict, copy_of, harm, look_at
from tests.chaos.play import Report
from tests.chaos.schedule import Schedule
from tests.chaos.table import as_json, mutants_as_text
from tests.kit.folders import REPOSITORY


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_differs_from_the_code_in_its_lines_alone(mutant, tmp_path):
    copy_of(mutant, tmp_path)
    edited = {edit.path for edit in mutant.edits}
    originals = [path for path in (REPOSITORY / "stream").rglob("*") if path.suffix in {".py", ".lua"}]
    differ = {
        str(path.relative_to(REPOSITORY))
        for path in originals
        if path.read_bytes() != (tmp_path / path.relative_to(REPOSITORY)).read_bytes()
    }
    assert differ == edited


@pytest.mark.parametrize("old", ["nothing of the kind", "redis.call("])
def test_a_mutant_whose_lines_are_not_there_once_is_not_made(old, tmp_path):
    mutant = replace(MUTANTS[0], edits=(Edit("stream/store/commit.lua", old, ""),))
    with pytest.raises(Unfit, match="not once"):
        copy_of(mutant, tmp_path)


def report(**found):
    return Report(Schedule(1, (), 1), **found)


def test_a_run_that_was_only_broken_off_has_seen_nothing():
    assert harm(report(wrong={"failed": ["a worker does not start"], "workers": ["not ended"]})) == ""
    assert harm(report(lost=2, doubled=1)) == "2 lost, 1 doubled"
    assert harm(report(wrong={"records": 3})) == "records"


def test_a_mutant_that_nobody_notices_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(mutants, "LOOKERS", dict.fromkeys(LOOKERS, lambda *_: ""))
    said = []
    verdict = look_at(MUTANTS[0], tmp_path, said.append)
    assert not verdict.well
    assert all(line.endswith("NOT SEEN") for line in said)


def test_the_table_tells_who_looked_and_who_saw():
    verdict = Verdict("a check", {"model": False, "tests": True}, {"model": "", "tests": "1 failed"})
    assert verdict.well
    assert mutants_as_text([verdict]).splitlines()[2].split("|")[1:-1] == [
        " a check   ",
        " NOT SEEN ",
        " 1 failed ",
        "            - ",
    ]
    assert as_json([], [], [verdict])["mutants"] == [
        {"mutant": "a check", "seen": True, "model": "", "tests": "1 failed"}
    ]
