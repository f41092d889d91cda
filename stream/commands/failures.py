"""Trouble that a person at a terminal can do something about, in one sentence and without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, UnsupportedCodecError
from pydantic import ValidationError

from stream.calibration.fit import FitRefused
from stream.calibration.store import CalibrationTaken, CalibrationUnreadable
from stream.scoring.policy import PolicyError
from stream.settings import Settings
from stream.state.codec import RecordError
from stream.store.errors import StoreUnavailable
from stream.transport.errors import CodecMissing


class CommandFailed(RuntimeError):
    """The command could not do what it was asked; the message says why and what helps."""


def settings_from_environment() -> Settings:
    """The settings, or a sentence on the first one that is wrong.

    Raises
    ------
    CommandFailed
        Naming the environment variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"STREAM_{'_'.join(map(str, first['loc'])).upper()}"
        raise CommandFailed(f"{name}={first['input']!s}: {first['msg']}.") from error


def without_password(url: str) -> str:
    """A Redis URL as it may be shown.

    Examples
    --------
    >>> without_password("redis://user:secret@cache:6379/0"), without_password("redis://127.0.0.1:6379/0")
    ('redis://cache:6379/0', 'redis://127.0.0.1:6379/0')
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@contextmanager
def told_plainly(settings: Settings) -> Iterator[None]:
    """Turn the trouble that is to be expected into `CommandFailed`; a bug passes through.

    Raises
    ------
    CommandFailed
        Redis or Kafka cannot be reached, a file is wrong, or there is nothing to work with.
    """
    try:
        yield
    except StoreUnavailable as error:
        cause = str(error.__cause__ or error).rstrip(".")
        raise CommandFailed(
            f"Redis at {without_password(settings.redis_url)} cannot be used: {cause}. Is it running, and is "
            "STREAM_REDIS_URL right?"
        ) from error
    except (KafkaConnectionError, KafkaTimeoutError) as error:
        raise CommandFailed(
            f"Kafka at {settings.kafka} cannot be reached. Is it running, and is STREAM_KAFKA right?"
        ) from error
    except UnsupportedCodecError as error:
        raise CommandFailed(str(CodecMissing("a topic", error.args[0]))) from error
    except KafkaError as error:
        raise CommandFailed(f"Kafka at {settings.kafka} refused: {error}.") from error
    except (CalibrationTaken, CalibrationUnreadable, FitRefused, PolicyError, RecordError) as error:
        raise CommandFailed(_sentence(str(error))) from error
    except OSError as error:
        raise CommandFailed(_sentence(str(error) or "it took too long")) from error


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
