"""Machine code is kept on disk for the next process, and never outlives what it was made of."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import FunctionCache

from stream.native import jit, text

# The function, the callee and the constant stand in three files: numba's own cache looks at the first alone.
MODULES = {
    "stream/__init__.py": "",
    "stream/native/__init__.py": "",
    "stream/tables.py": "STEP = 1\n",
    "stream/callee.py": """
from stream.native.jit import native
from stream.tables import STEP

@native
def raised(number):
    return number + STEP + 10
""",
    "stream/caller.py": """
from stream.native.jit import native
from stream.callee import raised

@native
def total(number):
    return raised(number) + 100
""",
}
SHOW = "from stream.caller import total; print(total(0), total.stats.cache_hits.total())"


@pytest.fixture
def package(tmp_path):
    """A small package with the real decorator, to be edited."""
    root = tmp_path / "package"
    for name, source in MODULES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    shutil.copy(jit.__file__, root / "stream/native/jit.py")
    return root


@pytest.fixture
def run(package, tmp_path):
    """Run code with that package in another process, its cache under `tmp_path`; gives its output."""

    def run(code=SHOW, **environment):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
        home = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(package)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**plain, **home, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_the_next_process_compiles_nothing_anew_until_a_source_is_edited(package, run):
    assert run().stdout == "111 0\n"
    assert run().stdout == "111 1\n"
    callee = package / "stream/callee.py"
    callee.write_text(callee.read_text().replace("+ 10", "+ 20"))
    assert run().stdout == "121 0\n"
    (package / "stream/tables.py").write_text("STEP = 2\n")
    assert run().stdout == "122 0\n"
    assert run().stdout == "122 1\n"


def test_code_made_under_another_setting_of_numba_is_kept_apart(run):
    run()
    assert run(NUMBA_BOUNDSCHECK="1").stdout == "111 0\n"
    assert run().stdout == "111 1\n"


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, "home/.cache/customer-scorer"),
        ({"XDG_CACHE_HOME": "{tmp}/xdg"}, "xdg/customer-scorer"),
        ({"XDG_CACHE_HOME": "{tmp}/xdg", "NUMBA_CACHE_DIR": "{tmp}/chosen"}, "chosen"),
        ({"XDG_CACHE_HOME": "/dev/null"}, f"temporary/customer-scorer-{os.getuid()}"),
    ],
)
def test_where_it_is_kept(run, tmp_path, environment, place):
    (tmp_path / "temporary").mkdir()
    run(**{name: value.format(tmp=tmp_path) for name, value in environment.items()})
    assert {path.relative_to(tmp_path).parts[: len(Path(place).parts)] for path in tmp_path.rglob("*.nbc")} == {
        Path(place).parts
    }


def test_without_a_directory_the_code_runs_and_one_line_says_so(run):
    done = run(NUMBA_CACHE_DIR="/dev/null/no")
    assert done.stdout == "111 0\n"
    assert done.stderr.count("no directory of our own for machine code can be made") == 1


def test_files_cut_short_are_made_anew(run, tmp_path):
    run()
    kept = list(tmp_path.rglob("*.nb?"))
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = run()
    assert done.stdout == "111 0\n"
    assert "not readable" in done.stderr
    assert run().stdout == "111 1\n"


def test_numba_can_be_told_to_compile_nothing(run):
    show = "from stream.caller import total; print(total(0), type(total).__name__)"
    assert run(show, NUMBA_DISABLE_JIT="1").stdout == "111 function\n"


def test_a_directory_that_others_can_write_to_is_not_used(tmp_path):
    home = tmp_path / "home"
    made = jit._made(home, "native-1")
    assert made == home / "native-1"
    assert made.stat().st_mode & 0o777 == 0o700
    home.chmod(0o777)
    assert jit._made(home, "native-1") is None


def test_only_the_directories_used_last_are_kept(tmp_path):
    for age in range(jit.DIRECTORIES_MAX + 3):
        path = tmp_path / f"native-{age}"
        path.mkdir()
        (path / "code").touch()
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "another").mkdir()
    jit._clear_old(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "another",
        *(f"native-{age}" for age in range(jit.DIRECTORIES_MAX)),
    }


def test_one_process_at_a_time_adds_code_even_where_the_directory_was_cleared_away(tmp_path, monkeypatch):
    directory = tmp_path / "native-1"
    monkeypatch.setattr(jit, "_directory", directory)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(directory))
    waits = []

    def save(_cache, sig, _data):
        other = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits.append(sig)
        finally:
            os.close(other)

    monkeypatch.setattr(FunctionCache, "save_overload", save)
    saved = jit.native(text.put.py_func)
    shutil.rmtree(directory)
    saved(np.zeros(1, np.uint8), 0, np.zeros(1, np.uint8), 0, 1)
    assert len(waits) == 1


def test_a_disk_that_fails_costs_a_warning(monkeypatch, caplog):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(FunctionCache, "save_overload", full)

    @jit.native
    def halved(number):
        return number / 2

    with caplog.at_level(logging.WARNING):
        assert halved(3) == 1.5
    assert "could not be kept" in caplog.text


def test_a_division_by_zero_raises_nothing():
    @jit.native
    def ratio(one, other):
        return one / other

    assert np.isinf(ratio(1.0, 0.0))
    assert np.isnan(ratio(0.0, 0.0))


@pytest.fixture
def cold(tmp_path, monkeypatch):
    """A directory of machine code in which there is none yet."""
    monkeypatch.setattr(jit, "_directory", tmp_path)
    monkeypatch.setattr(jit, "_LOOK_SECONDS", 0.01)


@pytest.mark.usefixtures("cold")
def test_the_second_to_compile_waits_for_the_first(caplog):
    order = []

    def second():
        with jit.compiling():
            order.append("second")

    thread = threading.Thread(target=second)
    with jit.compiling():
        thread.start()
        deadline = time.monotonic() + 10
        while "waiting for it" not in caplog.text:
            assert time.monotonic() < deadline
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.usefixtures("cold")
def test_nobody_waits_where_all_is_compiled_or_for_ever(caplog, monkeypatch):
    monkeypatch.setattr(jit, "COMPILE_SECONDS_MAX", 0.05)
    with jit.compiling(), jit.compiling():
        assert "so this one does as well" in caplog.text
    caplog.clear()
    with jit.compiling(), jit.compiling():
        assert not caplog.text


@pytest.mark.usefixtures("cold")
def test_what_was_broken_off_is_not_complete(caplog, monkeypatch):
    monkeypatch.setattr(jit, "COMPILE_SECONDS_MAX", 0.05)
    with pytest.raises(ZeroDivisionError), jit.compiling():
        raise ZeroDivisionError
    with jit.compiling(), jit.compiling():
        assert "so this one does as well" in caplog.text
