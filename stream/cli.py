"""The command line ``scorer``: what is typed, and how what comes back is printed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from stream.commands import calibrate as calibrating
from stream.commands import check as checking
from stream.commands import dead_letters as letters
from stream.commands import explain_text, printing
from stream.commands import positions as places
from stream.commands import replay as replaying
from stream.commands import report as reporting
from stream.commands import simulate as simulating
from stream.commands import topics as making_topics
from stream.commands.customers import customer_record, explained
from stream.commands.failures import CommandFailed, settings_from_environment, told_plainly
from stream.commands.parts import quiet_clients
from stream.commands.tables import rolling_table
from stream.settings import Settings
from stream.state.table_names import TABLE_NAMES
from stream.tables.windows import DEFAULT_WINDOW, WINDOWS

T = TypeVar("T")

BAD_LINES_SHOWN: Final = 20
"""Lines of a file that are told one by one; further ones are only counted."""

app = typer.Typer(
    name="scorer",
    help="Every customer's value, stage and risk, kept true in Redis at the speed of the events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
dead_letters_app = typer.Typer(help="Records that were refused.", no_args_is_help=True)
topics_app = typer.Typer(help="The topics in Kafka.", no_args_is_help=True)
positions_app = typer.Typer(help="Where reading stands.", invoke_without_command=True)
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(positions_app, name="positions")
calibrations_app = typer.Typer(help="What customers are scored with, and before that.", invoke_without_command=True)
app.add_typer(calibrations_app, name="calibrations")
app.add_typer(topics_app, name="topics")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CustomerId = Annotated[str, typer.Argument(metavar="ID", help="Customer id, as events carry it.")]


def main() -> None:
    """Run the command that was typed. Trouble to be expected ends in one sentence and exit code 1."""
    try:
        app()
    except CommandFailed as failed:
        typer.echo(f"scorer: {failed}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has left; nothing more is to be flushed there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@app.command()
def worker() -> None:
    """Run a worker, until Ctrl-C or SIGTERM. Start as many as you like, up to one a partition."""
    settings = settings_from_environment()
    # Importing it wires a worker, which no other command needs.
    from stream.app import run_worker  # noqa: PLC0415

    run_worker(settings)


@app.command()
def demo(
    households: Annotated[int | None, typer.Option(min=20, help="Replay only so many of the 2 469 households.")] = None,
    picture: Annotated[Path | None, typer.Option(hidden=True, help="Write the summary as SVG.")] = None,
) -> None:
    """Replay a year of real purchases through a real Kafka, worker and Redis on this machine."""
    # It needs the extras embedded and demo.
    from stream.demo.run import run  # noqa: PLC0415

    quiet_clients()
    run(households, picture)


@app.command()
def up(
    kafka_port: Annotated[int | None, typer.Option(help="Port of Kafka on loopback; a free one if not given.")] = None,
    redis_port: Annotated[int | None, typer.Option(help="Port of Redis on loopback; a free one if not given.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data is kept; forgotten at the end if not given.")
    ] = None,
) -> None:
    """Start a Kafka and a Redis on this machine for a developer, until Ctrl-C."""
    try:
        from stream.embedded import EmbeddedFailed  # noqa: PLC0415 - an extra
        from stream.embedded import up as embedded_up  # noqa: PLC0415
    except ImportError as error:
        raise CommandFailed(f"{error}. Install the extra: pip install 'streaming-customer-scorer[embedded]'") from error
    try:
        embedded_up(kafka_port, redis_port, directory)
    except EmbeddedFailed as error:
        raise CommandFailed(str(error)) from error


@app.command()
def replay(
    file: Annotated[
        Path, typer.Argument(help="Events, one JSON object a line; also .gz or .xz; - for standard input.")
    ],
    topic: Annotated[
        str | None, typer.Option(help="Topic of all lines; without it each line says it in its field topic.")
    ] = None,
) -> None:
    """Write the events of a file to their topics, in its order."""
    settings = _settings()
    shown = 0

    def complain(number: int, why: str) -> None:
        nonlocal shown
        shown += 1
        if shown <= BAD_LINES_SHOWN:
            typer.echo(f"line {number} {why}: skipped", err=True)
        elif shown == BAD_LINES_SHOWN + 1:
            typer.echo("further lines that are skipped are only counted", err=True)

    done = _run(settings, replaying.replay(settings, file, topic, complain))
    by_topic = ", ".join(f"{count} {name}" for name, count in done.sent.items())
    typer.echo(f"{done.total} events sent{f' ({by_topic})' if by_topic else ''}, {done.skipped} lines skipped")


@app.command()
def simulate(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 1_000,
    days: Annotated[int, typer.Option(min=1, help="For how many days they are watched.")] = 365,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day, UTC.")] = simulating.START,
    seed: Annotated[int, typer.Option(help="The same seed gives the same customers.")] = 1,
    late: Annotated[float, typer.Option(min=0, max=1, help="Share of events that arrive late.")] = 0.0,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Share of events that arrive twice.")] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Write a file for scorer replay, also .gz or .xz, not to Kafka; - for output.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Write here what is true of each customer.")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="At most so many events a second to Kafka.")] = None,
) -> None:
    """Write the events of customers who do not exist, whose rates, needs and moments of leaving are known."""
    settings = _settings()
    simulation = simulating.population(
        settings, customers=customers, days=days, start=start, seed=seed, late=late, duplicates=duplicates
    )
    if out is None:
        sent = _run(settings, simulating.to_kafka(settings, simulation, rate))
    else:
        sent = simulating.to_file(simulation, out)
    by_topic = ", ".join(f"{count} {name}" for name, count in sent.items())
    typer.echo(f"{sum(sent.values())} events of {customers} customers written ({by_topic})", err=True)
    if truth is not None:
        simulating.write_truths(simulation, truth)


@app.command()
def customer(customer_id: CustomerId, json: Json = False) -> None:
    """Show what is known of a customer."""
    settings = _settings()
    record = _run(settings, customer_record(settings, customer_id))
    typer.echo(printing.as_json(record) if json else "\n".join(printing.record_lines(record)))


@app.command()
def explain(customer_id: CustomerId, json: Json = False) -> None:
    """Say which numbers lead to a customer's tier, segment and churn level, and what changes next."""
    settings = _settings()
    found = _run(settings, explained(settings, customer_id))
    typer.echo(printing.as_json(found) if json else "\n".join(explain_text.lines(found)))


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("report.html"),
) -> None:
    """Write one HTML page with pictures of all customers, to be opened in a browser."""
    settings = _settings()
    document, customers = _run(settings, reporting.report(settings))
    reporting.write(document, out)
    typer.echo(f"{out}: {customers} customers")


@app.command()
def table(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(TABLE_NAMES)}.")],
    window: Annotated[str, typer.Option(help=f"One of {', '.join(WINDOWS)}.")] = DEFAULT_WINDOW,
    by: Annotated[str | None, typer.Option(help="What its rows stand for; see docs/reference/tables.md.")] = None,
    json: Json = False,
) -> None:
    """Show a rolling table: what happened in the last hours, days or year."""
    settings = _settings()
    found = _run(settings, rolling_table(settings, name, window, by))
    typer.echo(printing.as_json(found) if json else "\n".join(printing.table_lines(found)))


@app.command()
def calibrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would move, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Learn models and cut-points from the customers there are, and put them in force."""
    settings = _settings()
    done = _run(settings, calibrating.calibrate(settings, dry=dry_run))
    typer.echo(printing.as_json(done.as_dict()) if json else "\n".join(printing.calibration_lines(done)))


@calibrations_app.callback()
def calibrations(context: typer.Context, json: Json = False) -> None:
    """Show all calibrations, which one is in force, and how far customers are rescored."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    found = _run(settings, calibrating.history(settings))
    typer.echo(printing.as_json(found) if json else "\n".join(printing.calibrations_lines(found)))


@calibrations_app.command("adopt")
def adopt_calibration(number: Annotated[int, typer.Argument(metavar="NUMBER", help="An older calibration.")]) -> None:
    """Put what an older calibration says in force once more, under the next number."""
    settings = _settings()
    adopted = _run(settings, calibrating.adopt(settings, number))
    typer.echo(f"Calibration {adopted.number} is in force: {adopted.source}.")


@app.command()
def check() -> None:
    """Look whether all that a worker needs is there. Exit code 1 if anything is not."""
    settings = _settings()

    async def look() -> bool:
        well = True
        async for one in checking.check(settings):
            typer.echo(f"{'ok ' if one.well else 'BAD'}  {one.name:<12} {one.detail}")
            well &= one.well
        return well

    if not asyncio.run(look()):
        raise typer.Exit(1)


@dead_letters_app.command("list")
def list_dead_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 20,
    json: Json = False,
) -> None:
    """Show the newest refused records: where they were, and what is wrong with them."""
    settings = _settings()
    found = _run(settings, letters.dead_letters(settings, limit))
    typer.echo(printing.as_json(found) if json else "\n".join(printing.dead_letter_lines(found)))


@topics_app.command("create")
def create_topics() -> None:
    """Make the topics that are missing. Exit code 1 if one has another number of partitions."""
    settings = _settings()
    found = _run(settings, making_topics.create(settings))
    for state in found:
        typer.echo(f"{state.outcome:<8} {state.spec.name}{f': {state.detail}' if state.detail else ''}")
    if not all(state.well for state in found):
        raise typer.Exit(1)


@positions_app.callback()
def positions(context: typer.Context, json: Json = False) -> None:
    """Show stored positions beside the logs. Exit code 1 if any does not fit its log."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    found = _run(settings, places.positions(settings))
    typer.echo(
        printing.as_json([one.as_dict() for one in found]) if json else "\n".join(printing.position_lines(found))
    )
    if any(one.verdict != "fine" for one in found):
        raise typer.Exit(1)


@positions_app.command("accept")
def accept_positions(topic: Annotated[str, typer.Argument(metavar="TOPIC", help="An input topic.")]) -> None:
    """Go on from the beginning of a topic's logs where its positions do not fit them, and count what is missing."""
    settings = _settings()
    changed = _run(settings, places.accept(settings, topic))
    for one in changed:
        typer.echo(f"{one.topic}/{one.partition}: {one.detail}; read from {one.beginning} on")
    if not changed:
        typer.echo(f"All positions of {topic} lie in its logs; nothing was changed.")
    elif missing := sum(one.missing for one in changed):
        typer.echo(f"{missing} offsets are counted as missing.")


def _settings() -> Settings:
    quiet_clients()
    return settings_from_environment()


def _run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    with told_plainly(settings):
        return asyncio.run(work)


if __name__ == "__main__":
    main()
