"""Writes ``kafka.toml``: which jars make up a broker, with their sums.

Run by hand when the version of Kafka is raised: ``python -m stream.embedded.lock 4.1.1``. The list is what
Maven's rules resolve for the server's artifact, without its tests, and the one jar that lets it log.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

SERVER = "org.apache.kafka:kafka_2.13"
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl"
LOG4J = "org.apache.logging.log4j:log4j-core"


def resolve(version: str, cache: Path) -> dict[str, str]:
    """Coordinate to SHA-256 of every jar of a broker, in the order of the class path.

    Parameters
    ----------
    version
        Of Kafka, such as ``4.1.1``.
    cache
        Where the jars are downloaded to.
    """
    context = MavenContext(PythonResolver(), repo_cache=cache)
    # One at a time: together, the versions that the logging artifact manages would replace some of Kafka's.
    server, below = context.resolver.resolve([context.create_dependency(f"{SERVER}:{version}")])
    versions = {f"{each.groupId}:{each.artifactId}": each.version for each in below}
    logging, _ = context.resolver.resolve([context.create_dependency(f"{LOGGING}:{versions[LOG4J]}")], transitive=False)
    return {
        f"{each.groupId}:{each.artifactId}:{each.version}": hashlib.sha256(
            each.artifact.resolve().read_bytes()
        ).hexdigest()
        for each in [*server, *below, *logging]
    }


def main(version: str) -> None:
    """Write the file beside this module.

    Parameters
    ----------
    version
        Of Kafka, such as ``4.1.1``.
    """
    with tempfile.TemporaryDirectory() as cache:
        jars = resolve(version, Path(cache))
    lines = ["# Written by `python -m stream.embedded.lock VERSION`.", f'version = "{version}"', "", "[jars]"]
    lines += [f'"{coordinate}" = "{sha256}"' for coordinate, sha256 in jars.items()]
    Path(str(files("stream.embedded") / "kafka.toml")).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
