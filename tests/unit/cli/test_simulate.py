"""What ``scorer simulate`` writes into files."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from stream.cli import app
from stream.commands import simulate
from stream.commands.failures import CommandFailed
from stream.commands.replay import _address
from stream.settings import Settings

NAMES = {"profiles": "profiles", "orders": "orders", "interactions": "interactions"}


def population(**options):
    return simulate.population(
        Settings(), **{"start": datetime(2025, 1, 1, tzinfo=UTC), "seed": 1, "customers": 6, "days": 60, **options}
    )


def test_a_file_holds_what_a_replay_reads(tmp_path):
    path = tmp_path / "events.ndjson.gz"
    sent = simulate.to_file(population(), path)
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert len(lines) == sum(sent.values()) > 100
    assert {_address(line, None, NAMES)[0] for line in lines} == set(sent) == set(NAMES)


def test_the_truth_is_told_of_every_customer(tmp_path):
    path = tmp_path / "truth.ndjson"
    simulate.write_truths(population(customers=30), path)
    truths = [json.loads(line) for line in path.read_text().splitlines()]
    assert [truth["customer_id"] for truth in truths] == [f"s{number}" for number in range(30)]
    assert all(("dropout_at" in truth) == ("cause" in truth) for truth in truths)
    assert {truth.get("cause") for truth in truths} > {"silent"}
    assert all(truth["joined_at"].endswith("Z") and float(truth["spend"]) > 0 for truth in truths)


def test_the_command_writes_both(tmp_path):
    out, truth = tmp_path / "e.ndjson", tmp_path / "t.ndjson"
    done = CliRunner().invoke(
        app, ["simulate", "--customers", "3", "--days", "30", "--out", str(out), "--truth", str(truth)]
    )
    assert done.exit_code == 0, done.output
    assert len(truth.read_text().splitlines()) == 3
    assert f"{len(out.read_text().splitlines())} events of 3 customers" in done.output


def test_an_option_out_of_bounds_is_told_by_its_name():
    with pytest.raises(CommandFailed, match="days = 100000: must be from 1"):
        population(days=100_000)


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CommandFailed, match="cannot be written"):
        simulate.to_file(population(), tmp_path / "no" / "such.ndjson")


async def test_events_of_the_future_are_not_sent():
    with pytest.raises(CommandFailed, match="events from the future are refused"):
        await simulate.to_kafka(Settings(), population(start=datetime(2999, 1, 1, tzinfo=UTC)), None)
