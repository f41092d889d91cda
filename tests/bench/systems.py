"""What is measured beside the worker: a command each, which prints its seconds and writes its customers' sums."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from resource import struct_rusage
from typing import NamedTuple

from stream.embedded.guarding import Guard
from stream.embedded.jars import Jar, broker, classpath_of
from tests.bench.workload import Workload

PEERS = Path(__file__).parent / "peers"
RUN_SECONDS_MAX = 900.0
LOOK_SECONDS = 0.05
END_SECONDS_MAX = 5.0
"""A system has so long to stop by itself should the bench be gone."""
JAVA_RELEASE = "17"
STREAMS_COMMIT_MS = {"at_least_once": 30_000, "exactly_once_v2": 100}
"""Kafka Streams' own defaults of `commit.interval.ms`."""

Sums = dict[str, tuple[int, int]]


class Task(NamedTuple):
    """What a system is given."""

    bootstrap: str
    topic: str
    output: str
    load: Workload
    #: Name of the run: of its consumer group, and of its state.
    name: str
    directory: Path

    @property
    def sums_file(self) -> Path:
        """Where the system writes orders and cents of each customer."""
        return self.directory / f"{self.name}.json"


class Measured(NamedTuple):
    """What came of one run."""

    seconds: float
    cpu_seconds: float
    sums: Sums


@dataclass(frozen=True)
class System:
    """One that reads the same topic.

    Attributes
    ----------
    name
        In tables.
    command
        The command line for a task.
    """

    name: str
    command: Callable[[Task], list[str]]

    def run(self, task: Task) -> Measured:
        """Run it in a process of its own.

        Raises
        ------
        RuntimeError
            It failed, or took longer than `RUN_SECONDS_MAX`.
        """
        log = task.directory / f"{task.name}.log"
        with log.open("w", encoding="utf-8") as said:
            process = subprocess.Popen(
                self.command(task), stdout=subprocess.PIPE, stderr=said, text=True, cwd=task.directory
            )
            try:
                with Guard(process.pid, END_SECONDS_MAX):
                    usage = _wait(process)
            finally:
                process.kill()
                answer, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{self.name} ended with {process.returncode}; its log: {log}")
        found = json.loads(task.sums_file.read_text(encoding="utf-8"))
        return Measured(
            float(json.loads(answer.splitlines()[-1])["seconds"]),
            usage.ru_utime + usage.ru_stime,
            {customer: (int(n), int(cents)) for customer, (n, cents) in found.items()},
        )


def _wait(process: subprocess.Popen[str]) -> struct_rusage:
    """Wait for its end, which comes at `RUN_SECONDS_MAX` at the latest; what it has used."""
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(LOOK_SECONDS)


def systems(python: Path, directory: Path) -> list[System]:
    """All peers that can be run here, the ceiling first.

    Parameters
    ----------
    python
        Of the peers' environment.
    directory
        For what has to be compiled.
    """
    scripts = (("plain faust", "plain_faust.py"), ("quix", "quix.py"), ("bytewax", "bytewax_flow.py"))
    found = [raw(python), *(System(name, partial(_script, python, PEERS / file)) for name, file in scripts)]
    compiled = _compile(directory)
    if compiled is not None:
        found += [
            System(f"kafka streams {said}", partial(_streams, *compiled, guarantee))
            for said, guarantee in (("at-least-once", "at_least_once"), ("exactly-once-v2", "exactly_once_v2"))
        ]
    return found


def raw(python: Path) -> System:
    """The ceiling: aiokafka and orjson, which a Python of this path must have."""
    return System("raw aiokafka", partial(_script, python, PEERS / "raw.py"))


def _script(python: Path, script: Path, task: Task) -> list[str]:
    load = task.load
    return [
        *(str(python), str(script), task.bootstrap, task.topic, task.output),
        *(str(load.partitions), str(load.events), str(task.sums_file), task.name),
    ]


def _compile(directory: Path) -> tuple[str, str] | None:
    """`java` and the class path of the program for Kafka Streams; None, with a notice, without a JDK."""
    javac, java = shutil.which("javac"), shutil.which("java")
    if javac is None or java is None:
        print("Kafka Streams is left out: there is no javac on the PATH. Install a JDK, 17 or newer.", file=sys.stderr)
        return None
    locked = tomllib.loads((PEERS / "kafka_streams.toml").read_text(encoding="utf-8"))["jars"]
    jars = classpath_of([*(Jar(name, sha256) for name, sha256 in locked.items()), *broker().jars])
    subprocess.run(
        [javac, "--release", JAVA_RELEASE, "-cp", jars, "-d", str(directory), str(PEERS / "RfmStreams.java")],
        check=True,
    )
    return java, os.pathsep.join((str(directory), jars))


def _streams(java: str, classpath: str, guarantee: str, task: Task) -> list[str]:
    return [
        *(java, "-cp", classpath, "RfmStreams", task.bootstrap, task.topic, task.output),
        *(str(task.load.events), str(task.sums_file), task.name),
        *(str(task.directory / f"{task.name}.state"), guarantee, str(STREAMS_COMMIT_MS[guarantee])),
    ]
