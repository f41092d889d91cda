"""The command line tells trouble in one sentence, and prints what it found for people and for programs."""

import gzip
import lzma
import os
import subprocess
import sys

import msgspec
import orjson
import pytest
from aiokafka.errors import UnsupportedCodecError
from typer.testing import CliRunner

from stream import cli
from stream.calibration.dry_run import Moves
from stream.calibration.fit import CollapsedBin, Fitted
from stream.commands import parts, printing
from stream.commands.calibrate import Calibrated
from stream.commands.failures import CommandFailed, told_plainly
from stream.commands.replay import LINE_BYTES_MAX, Unfit, _address, _lines, _opened
from stream.embedded.ports import free_ports
from stream.scoring.calibration import DEFAULT_CALIBRATION, BinShares
from stream.settings import Settings

NAMES = {"orders": "orders", "profiles": "profiles"}


def scorer(*words, **environment):
    """The command as somebody types it, with nothing that answers at the addresses of the settings."""
    kafka, redis = free_ports(2)
    given = {
        "PATH": os.environ["PATH"],
        "STREAM_KAFKA": f"127.0.0.1:{kafka}",
        "STREAM_REDIS_URL": f"redis://somebody:secret@127.0.0.1:{redis}/0",
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-m", "stream.cli", *words],
        env=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (["customer", "7"], "STREAM_REDIS_URL"),
        (["explain", "7", "--json"], "STREAM_REDIS_URL"),
        (["table", "sales"], "STREAM_REDIS_URL"),
        (["calibrate"], "STREAM_REDIS_URL"),
        (["calibrate", "--dry-run"], "STREAM_REDIS_URL"),
        (["topics", "create"], "STREAM_KAFKA"),
        (["dead-letters", "list"], "STREAM_KAFKA"),
        (["replay", os.devnull], "STREAM_KAFKA"),
        (["positions", "--json"], "STREAM_KAFKA"),
        (["positions", "accept", "orders"], "STREAM_KAFKA"),
    ],
)
def test_what_cannot_be_reached_is_one_sentence(words, setting):
    done = scorer(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("scorer: ")
    assert setting in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_check_looks_at_everything_even_where_nothing_is_well():
    done = scorer("check")
    assert done.returncode == 1
    words = [line.split()[:2] for line in done.stdout.splitlines()]
    assert words == [["BAD", "kafka"], ["BAD", "topics"], ["BAD", "redis"], ["ok", "policy"], ["BAD", "calibration"]]
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"STREAM_PARTITIONS": "none"}, "STREAM_PARTITIONS=none"),
        ({"STREAM_REDIS_URL": "http://cache"}, "STREAM_REDIS_URL"),
        ({"STREAM_CLOCK": "sun"}, "STREAM_CLOCK=sun"),
    ],
)
def test_a_wrong_setting_is_named(environment, said):
    done = scorer("customer", "7", **environment)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_wrong_policy_is_named(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("window_days = 0")
    done = scorer("check", STREAM_POLICY=str(policy))
    assert "window_days = 0: must be" in done.stdout


@pytest.mark.parametrize("customer", ["", "a\nb", "x" * 300])
def test_an_id_that_no_customer_can_have_is_refused(customer):
    done = scorer("customer", "--", customer)
    assert done.returncode == 1
    assert "can be no customer's id" in done.stderr


def test_every_command_has_words_for_help():
    runner = CliRunner()
    for words in ([], ["worker"], ["demo"], ["dead-letters", "list"], ["topics", "create"], ["replay"]):
        done = runner.invoke(cli.app, [*words, "--help"])
        assert done.exit_code == 0
        assert "Usage" in done.output


def test_a_bug_keeps_its_traceback():
    with pytest.raises(KeyError), told_plainly(Settings(_env_file=None)):
        raise KeyError("bug")


def test_a_topic_that_cannot_be_decompressed_is_told_with_what_is_missing():
    with (
        pytest.raises(CommandFailed, match=r"zstd compression codec not found.*cramjam"),
        told_plainly(Settings(_env_file=None)),
    ):
        raise UnsupportedCodecError("Libraries for zstd compression codec not found")


def test_a_file_that_is_missing_is_a_sentence(tmp_path):
    done = scorer("replay", str(tmp_path / "nothing.ndjson"))
    assert done.stderr.count("\n") == 1
    assert "nothing.ndjson" in done.stderr


class TestLines:
    @pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
    def test_compressed_or_not(self, tmp_path, suffix):
        path = tmp_path / f"events.ndjson{suffix}"
        {"": open, ".gz": gzip.open, ".xz": lzma.open}[suffix](path, "wb").write(b"one\r\n\n two ")
        with _opened(path) as file:
            assert list(_lines(file)) == [b"one", b"", b"two"]

    def test_a_line_that_is_too_long_costs_only_itself(self, tmp_path):
        path = tmp_path / "events"
        path.write_bytes(b"x" * (3 * LINE_BYTES_MAX) + b"\nnext\n" + b"y" * LINE_BYTES_MAX)
        with _opened(path) as file:
            long, following, whole = _lines(file)
        assert len(long) > LINE_BYTES_MAX
        with pytest.raises(Unfit, match="more than"):
            _address(long, "orders", NAMES)
        assert (following, len(whole)) == (b"next", LINE_BYTES_MAX)

    def test_a_line_says_where_it_goes(self):
        assert _address(b'{"topic":"orders","customer_id":"\xc3\xbc"}', None, NAMES) == ("orders", "ü".encode())
        assert _address(b'{"customer_id":"c"}', "profiles", NAMES) == ("profiles", b"c")
        assert _address(b"", None, NAMES) == ("", b"")

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (b"{", "is not JSON"),
            (b"\xff", "is not JSON"),
            (b"[1]", "no JSON object"),
            (b'{"customer_id":"c"}', "topic = None"),
            (b'{"topic":"tier-changes","customer_id":"c"}', "topic = 'tier-changes'"),
            (b'{"topic":[],"customer_id":"c"}', "topic = "),
            (b'{"topic":"orders"}', "no customer_id"),
            (b'{"topic":"orders","customer_id":7}', "no customer_id"),
            (b'{"topic":"orders","customer_id":""}', "no customer_id"),
        ],
    )
    def test_a_line_that_goes_nowhere_is_told(self, line, why):
        with pytest.raises(Unfit, match=why):
            _address(line, None, NAMES)


def test_a_calibration_is_printed_for_people_and_for_programs():
    shares = BinShares(*[(0.2, 0.2, 0.2, 0.4, 0.0)] * 3)
    edges = msgspec.structs.replace(DEFAULT_CALIBRATION.rfm, recency_days=(14, 30, 60, 99))
    made = msgspec.structs.replace(DEFAULT_CALIBRATION, number=2, customers=30, bin_shares=shares, rfm=edges)
    moves = Moves(customers=30, segments=4, held_back=2)
    moves.tiers["mid"]["high"] = 5
    moves.levels["low"]["medium"] = 3
    moves.abc["C"]["B"] = 7
    moves.lifecycle["repeat"]["dormant"] = 9
    done = Calibrated(DEFAULT_CALIBRATION, Fitted(made, (CollapsedBin("frequency", 5),)), moves, published=False)
    text = "\n".join(printing.calibration_lines(done))
    for said in (
        "was only tried",
        "Nobody has frequency score 5",
        "Of 30 customers 5 change tier, 4 segment, 3 level, 7 class by revenue, 9 stage of life",
        "C                          0           7",
        "repeat                     0           9",
        "2 more fall",
    ):
        assert said in text
    assert "rfm.recency_days[4]                              120              99" in text
    found = orjson.loads(printing.as_json(done.as_dict()))
    assert found["calibration"]["rfm"]["frequency"] == [2, 4, 8, 16]
    assert found["moves"]["tiers"]["mid"] == {"none": 0, "low": 0, "mid": 0, "high": 5}
    assert found["thresholds"] == [{"name": "rfm.recency_days[4]", "before": 120, "after": 99}]
    assert found["collapsed"] == [{"figure": "frequency", "score": 5}]


def test_no_dead_letters_is_said_too():
    assert list(printing.dead_letter_lines([])) == ["There are no dead letters."]


async def test_a_policy_and_a_calibration_that_do_not_fit_are_told(monkeypatch):
    async def read_current(*_):
        coefficients = msgspec.structs.replace(DEFAULT_CALIBRATION.churn, gap=(0.5,))
        return msgspec.structs.replace(DEFAULT_CALIBRATION, number=9, churn=coefficients)

    monkeypatch.setattr(parts, "read_current", read_current)
    with pytest.raises(CommandFailed, match="Calibration 9 does not fit the policy"):
        await parts.model_of(Settings(_env_file=None), None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["table", "profits"], "There is no table 'profits'. There are: sales, "),
        (["table", "sales", "--window", "2d"], "There is no window '2d'. There are: 1h, "),
        (["table", "sales", "--by", "moon"], "sales is not split by 'moon'. It is by: total, "),
    ],
)
def test_a_table_that_cannot_be_asked_for_is_told_with_those_that_can(words, told):
    result = CliRunner().invoke(cli.app, words)
    assert isinstance(result.exception, CommandFailed)
    assert told in str(result.exception)


def test_a_table_is_lines_of_columns():
    rows = [
        {"theme": "delivery", "mentions": 12, "rise": {"ratio": 4.0, "chance": 0.000123}},
        {"theme": "price", "mentions": 7},
    ]
    found = {"table": "themes", "by": "theme", "from": "a", "to": "b", "rows": rows, "left_out": 3}
    assert list(printing.table_lines(found)) == [
        "themes by theme, from a to b",
        "theme     mentions                      rise",
        "delivery        12  ratio 4, chance 0.000123",
        "price            7",
        "3 more rows are left out.",
    ]
    nothing = {"table": "themes", "by": "theme", "rows": []}
    assert list(printing.table_lines(nothing)) == [
        "themes by theme, no event was applied yet",
        "Nothing happened.",
    ]
