"""The demo's summary says what the figures say, and never more."""

import io
import signal
import subprocess
import sys

import msgspec
import pytest
from rich.console import Console

from stream.calibration.dry_run import Moves
from stream.calibration.fit import CollapsedBin, Fitted
from stream.commands.calibrate import Calibrated
from stream.commands.explain import explain
from stream.demo import worker as demo_worker
from stream.demo.counts import Counts
from stream.demo.decisions import Decisions
from stream.demo.summary import Replay, calibration_summary, replay_summary
from stream.demo.worker import WorkerFailed, WorkerProcess
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.state.packed import unpack_records
from tests.unit.state_kit import NOW, SHIPPED, order, shard_of


def decided(kind, customer, at, **payload):
    common = {"customer_id": customer, "effective_at": at, "origin": "live", "cause": {"kind": "event", "id": "e"}}
    return kind, common | payload


def tier(customer, at, was, became, origin="live"):
    direction = "up" if became > was else "down"
    return decided(
        "customer.tier.changed", customer, at, **{"from": was, "to": became, "direction": direction, "origin": origin}
    )


def churn(kind, customer, at, level):
    return decided(f"customer.churn.{kind}", customer, at, level=level, risk=0.75)


@pytest.fixture
def decisions():
    found = Decisions()
    for kind, payload in (
        tier("dull", "2017-01-01T00:00:00Z", "none", "low"),
        tier("returned", "2017-01-01T00:00:00Z", "none", "low"),
        churn("warning", "returned", "2017-02-01T00:00:00Z", "high"),
        churn("recovered", "returned", "2017-03-01T00:00:00Z", "none"),
        churn("warning", "left", "2017-02-01T00:00:00Z", "churned"),
        tier("dull", "2018-01-01T00:00:00Z", "low", "mid", origin="recalibration"),
    ):
        found.add(kind, payload)
    return found


def text(renderable):
    console = Console(file=io.StringIO(), width=110)
    console.print(renderable)
    return console.file.getvalue()


def explained(customer):
    ((_, blob),) = unpack_records(shard_of([order(customer, 1, NOW)])[1].records)
    return explain(blob, customer, NOW, SHIPPED, currency="EUR", exponent=2)


def replay(decisions, **changes):
    counts = Counts(read=100, applied=90, duplicates=7, dead_letters=3, undelivered=0, due=0)
    given = {
        "sent": 100,
        "seconds": 2.0,
        "counts": counts,
        "decisions": decisions,
        "tiers": {"low": 1, "mid": 3},
        "story": decisions.story(),
        "explained": explained("returned"),
    }
    return Replay(**given | changes)


def test_a_customer_who_was_warned_about_and_came_back_is_the_story(decisions):
    assert decisions.story() == "returned"
    assert Decisions().story() is None


def test_moves_by_a_calibration_are_kept_apart(decisions):
    assert decisions.moves == {("none", "low"): 2}
    assert decisions.recalibrated == {("low", "mid"): 1}


def test_everything_is_said(decisions):
    said = text(replay_summary(replay(decisions)))
    assert "100 events and 6 decisions in 2.0 s: 50 events/s" in said
    assert "read 100 = applied 90 + duplicates 7 + dead letters 3 ✓" in said
    assert "churn warning: high, risk 0.75" in said
    assert "Customer returned at" in said
    assert "75.0%" in said


@pytest.mark.parametrize(
    "counts",
    [
        Counts(read=100, applied=90, duplicates=7, dead_letters=2, undelivered=0, due=0),
        Counts(read=99, applied=90, duplicates=7, dead_letters=2, undelivered=0, due=0),
    ],
)
def test_an_event_that_is_missing_is_not_passed_over(decisions, counts):
    short = replay(decisions, counts=counts)
    assert not short.accounted
    assert "NOT EQUAL" in text(replay_summary(short))


def test_a_calibration_shows_both_sets_of_edges(decisions):
    made = msgspec.structs.replace(DEFAULT_CALIBRATION, number=2, customers=4)
    done = Calibrated(DEFAULT_CALIBRATION, Fitted(made, (CollapsedBin("recency", 5),)), Moves(), published=True)
    said = text(calibration_summary(done, decisions.recalibrated))
    assert "recency, days (1)" in said
    assert "recency, days (2)" in said
    assert "nobody has recency score 5" in said


def stand_in(monkeypatch, script):
    """Have a script run in the place of the worker."""
    real = subprocess.Popen

    def start(command, **options):
        return real([sys.executable, "-c", script] if "worker" in command else command, **options)

    monkeypatch.setattr(demo_worker.subprocess, "Popen", start)


def test_a_worker_that_dies_is_started_again_once(tmp_path, monkeypatch):
    stand_in(monkeypatch, "import time; print('I run', flush=True); time.sleep(60)")
    with WorkerProcess({}, tmp_path) as process:
        assert process.revive() is None
        for _ in range(2):
            process._process.kill()
            process._process.wait()
            if process.starts == 1:
                assert process.revive() == f"was killed by signal {signal.SIGKILL.value}"
        with pytest.raises(WorkerFailed, match="again"):
            process.revive()


def test_what_the_worker_said_last_is_quoted(tmp_path, monkeypatch):
    stand_in(monkeypatch, "import sys; sys.exit('no such thing')")
    with WorkerProcess({}, tmp_path) as process:
        process._process.wait()
        assert process.revive() == "ended with exit code 1"
        process._process.wait()
        with pytest.raises(WorkerFailed, match="no such thing"):
            process.revive()


def test_the_worker_gets_no_setting_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAM_TOPIC_PREFIX", "mine.")
    script = "import os; print(sorted(name for name in os.environ if name.startswith('STREAM_')))"
    stand_in(monkeypatch, script)
    with WorkerProcess({"STREAM_CLOCK": "event"}, tmp_path) as process:
        process._process.wait()
    assert process.log_file.read_text() == "['STREAM_CLOCK']\n"
