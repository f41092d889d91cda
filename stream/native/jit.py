"""The decorator of a native function, and the directory on disk that keeps its machine code.

numba keys its cache by the source file of a function alone: a callee, or a constant, edited in another file
would leave stale code in the caller. So all of the package's code is kept in a directory that is named by what
went into it: every source file, the versions of numba, numpy and Python, and numba's settings.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., object])

#: Text, and what is made of it: every native function takes it writable and contiguous.
Bytes = NDArray[np.uint8]

#: So many directories of machine code are kept: that of this version, and those of a few others on this machine.
DIRECTORIES_MAX: Final = 8

#: How long a process waits for another one that compiles; then it compiles for itself.
COMPILE_SECONDS_MAX: Final = 180.0

_LOOK_SECONDS: Final = 0.2
_PREFIX: Final = "native-"
#: Held by the process that compiles, and there once all code is on disk.
_COMPILING, _COMPLETE = "compiling", "complete"


def native(function: Function) -> Function:
    """Compile a function to machine code at its first call, and keep the code on disk for the next process.

    The arguments are numbers, tuples of them, and contiguous writable arrays of them; an array cannot be made. There
    are no checks of bounds: a wrong index reads or writes beyond the array. (``NUMBA_BOUNDSCHECK=1`` adds them in a
    test; ``NUMBA_DISABLE_JIT=1`` leaves the function as it is.) A division by zero gives nan, inf or 0 and raises
    nothing, for an exception would leave a batch half done. The GIL is released while the function runs.

    >>> @native
    ... def doubled(number: int) -> int:
    ...     return 2 * number
    >>> doubled(21)
    42
    """
    return _compiled(function)


def inlined(function: Function) -> Function:
    """Compile like `native`, and copy the code into every caller.

    An array is passed as seven words, and a tuple of arrays as all of theirs: laying out the arguments can take longer
    than the call. It is for functions that are called from one place or two.

    >>> @inlined
    ... def halved(number: int) -> int:
    ...     return number // 2
    >>> halved(42)
    21
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Function, *, forceinline: bool = False) -> Function:
    # Without numba's runtime no function can make an array, and none counts references to those it is given: their
    # owner waits in Python meanwhile. The counting, atomic and in every call, took half of the time.
    how = {"nogil": True, "error_model": "numpy", "_nrt": False, "forceinline": forceinline}
    compiled = numba.njit(**how)(function)  # type: ignore[call-overload] # not among those typed
    if _directory is not None and isinstance(compiled, Dispatcher):
        with contextlib.suppress(RuntimeError):  # a function without a source file has nowhere to be kept
            cache = _SharedCache(function)  # type: ignore[no-untyped-call] # numba's stubs leave its cache out
            compiled._cache = cache  # type: ignore[attr-defined] # noqa: SLF001  no public door takes another cache
    return cast("Function", compiled)


class _SharedCache(FunctionCache):
    """numba's cache, for several processes that start at the same time, and for a disk that fails."""

    def load_overload(self, sig: object, target_context: object) -> object:
        """What was kept for the signature, None where nothing was or where it cannot be read."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call] # not in the stubs
        except Exception:  # a file cut short by a crash fails in as many ways as pickle has
            logger.warning("machine code on disk is not readable, and is made anew", exc_info=True)
            with contextlib.suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call] # an index that fails would fail for ever
            return None

    def save_overload(self, sig: object, data: object) -> None:
        """Keep the code of a signature.

        numba reads the index of a function, adds a signature and writes the index; two processes that add
        different signatures at once would take the same file for both. So one waits for the other.
        """
        try:
            with _locked():
                super().save_overload(sig, data)  # type: ignore[no-untyped-call] # not in the stubs
        except Exception:  # the code runs without being kept
            logger.warning("machine code could not be kept on disk", exc_info=True)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    assert _directory is not None
    _directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # another version may have cleared it away
    handle = os.open(_directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Compile everything within, while no other process of this machine does the same.

    Several at once take minutes for what takes one of them seconds; whoever waited finds the code on disk. Where all
    of it is on disk already, nobody waits.
    """
    if _directory is None or (_directory / _COMPLETE).exists():
        yield
        return
    handle = None
    try:
        with contextlib.suppress(OSError):  # a disk that fails: everybody compiles then
            handle = os.open(_directory / _COMPILING, os.O_RDWR | os.O_CREAT, 0o600)
            _wait_for_others(handle)
        yield
        with contextlib.suppress(OSError):
            (_directory / _COMPLETE).touch()
    finally:
        if handle is not None:
            os.close(handle)


def _wait_for_others(handle: int) -> None:
    deadline = monotonic() + COMPILE_SECONDS_MAX
    said = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                logger.warning("another process compiles for over %g s, so this one does as well", COMPILE_SECONDS_MAX)
                return
            if not said:
                said = True
                logger.warning("another process compiles the native code: waiting for it")
            sleep(_LOOK_SECONDS)
        else:
            return


def _fingerprint() -> str:
    """What the machine code is made of, in a few hex digits.

    All sources, not only those with native functions: a constant from anywhere is compiled in. And numba's
    variables, for some of them, such as ``NUMBA_BOUNDSCHECK``, make other code of the same source.
    """
    package = Path(__file__).parents[1]
    variables = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_"))
    state = hashlib.sha256(f"{numba.__version__} {np.__version__} {platform.python_version()} {variables}".encode())
    for path in sorted(package.rglob("*.py")):
        state.update(f"{path.relative_to(package)}\0".encode())
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()[:16]


def _homes() -> Iterator[Path]:
    """Where the directories may be kept, the preferred place first."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        yield Path(chosen)
        return
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "customer-scorer"
    yield Path(tempfile.gettempdir()) / f"customer-scorer-{os.getuid()}"


def _made(home: Path, name: str) -> Path | None:
    """The directory in that home, made where it is missing; None where it cannot be, or others can write to it.

    What is read from there is executed, so nobody else may put anything in it.
    """
    directory = home / name
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        for place in (home, directory):
            found = place.stat()
            if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
                return None
        os.utime(directory)  # it was used now; this also fails where the disk is read-only
    except OSError:
        return None
    return directory


def _clear_old(home: Path) -> None:
    """Delete the directories that were not used for longest, but for `DIRECTORIES_MAX`."""
    with contextlib.suppress(OSError):  # another process does the same
        kept = sorted(home.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[DIRECTORIES_MAX:]:
            shutil.rmtree(path, ignore_errors=True)


def _cache_directory() -> Path | None:
    name = _PREFIX + _fingerprint()
    for home in _homes():
        directory = _made(home, name)
        if directory is not None:
            _clear_old(home)
            return directory
    logger.warning("no directory of our own for machine code can be made: it is compiled anew at every start")
    return None


_directory: Final = _cache_directory()
if _directory is not None:
    numba.config.CACHE_DIR = str(_directory)  # type: ignore[attr-defined] # made from the environment
