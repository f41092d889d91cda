"""Live counts: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from stream.demo.counts import Counts

LINE_SECONDS: Final = 5.0
"""Between two lines where the output is no terminal."""


class Progress:
    """Shows how many events are accounted for. Use it within ``with``.

    Parameters
    ----------
    console
        Where to print.
    expected
        Events that will be sent.
    """

    def __init__(self, console: Console, expected: int) -> None:
        self._console = console
        self._expected = expected
        self._printed_at = monotonic()
        self._bar = Bar(
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=expected)

    def show(self, counts: Counts, sent: int, decisions: int) -> None:
        """Show these counts."""
        text = (
            f"{sent:,} sent, {counts.applied:,} applied, {counts.duplicates:,} duplicates, "
            f"{counts.dead_letters:,} dead letters, {decisions:,} decisions"
        )
        self._bar.update(self._task, completed=counts.read, description=text)
        if not self._console.is_terminal and monotonic() - self._printed_at >= LINE_SECONDS:
            self._printed_at = monotonic()
            self._console.print(f"{counts.read / max(1, self._expected):>4.0%}  {text}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
