"""The jars of Apache Kafka: fetched once, checked against known sums, kept in a cache.

Which files make up a broker is written down in ``kafka.toml`` beside this module (see `lock`), so every
machine runs the same ones, nothing has to be resolved at a start, and a file that was cut off or altered is
never run. `jgo` fetches them; other repositories, such as a mirror in the house, are named in its
configuration file.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from stream.embedded.errors import DownloadFailed

_log = logging.getLogger(__name__)

DOWNLOADS_AT_ONCE = 4
DOWNLOAD_TRIES_MAX = 3
DOWNLOAD_SECONDS_MAX = 30
"""Silence of the repository that is taken for a failure, not the time of a whole file."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of the broker.

    Parameters
    ----------
    coordinate
        ``group:artifact:version``.
    sha256
        Sum of the file, hexadecimal.
    """

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """Name in the cache."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


@dataclass(frozen=True, slots=True)
class Broker:
    """A version of Kafka and all its jars."""

    version: str
    jars: tuple[Jar, ...]


@cache
def broker() -> Broker:
    """The broker that is written down in ``kafka.toml``."""
    locked = tomllib.loads((files("stream.embedded") / "kafka.toml").read_text(encoding="utf-8"))
    return Broker(locked["version"], tuple(Jar(coordinate, sum_) for coordinate, sum_ in locked["jars"].items()))


def cache_directory() -> Path:
    """Where downloads are kept: `STREAM_CACHE_DIR`, else a folder of the user's cache directory.

    Examples
    --------
    >>> os.environ["STREAM_CACHE_DIR"] = "/somewhere"
    >>> cache_directory().as_posix()
    '/somewhere'
    >>> del os.environ["STREAM_CACHE_DIR"]
    """
    named = os.environ.get("STREAM_CACHE_DIR")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "streaming-customer-scorer"


def classpath() -> str:
    """Class path of the broker, for `java -cp`. Fetches what is missing.

    Raises
    ------
    DownloadFailed
        A jar could not be fetched, or is not the one that was asked for.
    """
    return classpath_of(broker().jars)


def classpath_of(needed: Sequence[Jar]) -> str:
    """Class path of these jars, kept beside those of the broker. Fetches what is missing; raises as `classpath`."""
    folder = cache_directory() / f"kafka-{broker().version}"
    if any(not (folder / jar.filename).exists() for jar in needed):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            # Another process may have fetched some while this one waited for the lock.
            _fetch_all([jar for jar in needed if not (folder / jar.filename).exists()], folder)
    return os.pathsep.join(str(folder / jar.filename) for jar in needed)


def _fetch_all(missing: list[Jar], folder: Path) -> None:
    _log.info("Fetching %d jars of Kafka %s into %s, once", len(missing), broker().version, folder)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        fetches = [pool.submit(_fetch, jar, folder) for jar in missing]
        try:
            for fetch in as_completed(fetches):
                fetch.result()
        except DownloadFailed:
            # Without a network each would fail in its own time; the first says it for all.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, folder: Path) -> None:
    """Download one jar beside its place, check it, and move it there whole."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetching-") as beside:
        fetched = _download(jar, Path(beside), folder)
        sha256 = hashlib.sha256(fetched.read_bytes()).hexdigest()
        if sha256 != jar.sha256:
            raise DownloadFailed(
                f"{jar.filename} came with the sum {sha256}, and {jar.sha256} was expected: it was cut off on"
                " its way, or the repository serves another file under this name. Nothing was kept. Try"
                " again; if it stays so, look at the repositories in jgo's configuration file."
            )
        fetched.replace(folder / jar.filename)


def _download(jar: Jar, into: Path, folder: Path) -> Path:
    if find_spec("jgo") is None:
        raise DownloadFailed(
            "Kafka has to be fetched, and the package that does it, jgo, is not installed."
            " pip install 'streaming-customer-scorer[embedded]'"
        )
    from jgo.config import GlobalSettings  # noqa: PLC0415  an extra: only here where it is needed
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415  the same
    from requests import RequestException  # noqa: PLC0415  comes with jgo

    context = MavenContext(PythonResolver(), repo_cache=into, timeout=DOWNLOAD_SECONDS_MAX)
    context.remote_repos = {**GlobalSettings.load().repositories, **context.remote_repos}
    artifact = context.create_dependency(jar.coordinate).artifact
    error: Exception | None = None
    for _ in range(DOWNLOAD_TRIES_MAX):
        try:
            return artifact.resolve()
        except (RequestException, RuntimeError, OSError) as failed:
            error = failed
            # What was cut off must not be taken for the file at the next try.
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
    raise DownloadFailed(
        f"{jar.filename} could not be downloaded in {DOWNLOAD_TRIES_MAX} tries: {error}. Kafka"
        f" {broker().version} is fetched once, about 45 MB, into {folder} (STREAM_CACHE_DIR moves it). Is"
        " there a network, a proxy to set (HTTPS_PROXY), a mirror to name in the configuration of jgo? Or"
        " copy that folder from a machine that has it."
    ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
