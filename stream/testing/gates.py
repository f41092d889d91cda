"""Where a program touches the world: one request at a time, and somebody else decides what becomes of it.

The code under test is written with ``await``, as always. Here nothing runs it but a hand: each `Gate` it waits at is
a place where it may go on, be held for as long as one likes, lose its answer, or never run again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Literal

Fate = Literal["done", "lost", "unsent", "late"]
"""What becomes of a request.

``done``: carried out and answered. ``lost``: carried out, but the connection breaks before the answer. ``unsent``: the
connection breaks before anything happens. ``late``: the caller sees a broken connection, and the request is carried
out some time later, when whoever sent it has long gone on.
"""


def _always() -> bool:
    return True


@dataclass(frozen=True, eq=False, slots=True)
class Gate:
    """A request, or a wait.

    Attributes
    ----------
    name
        What it is, for whoever reads a failing run.
    run
        Carries it out and gives the answer; it may raise what the other side refuses with.
    broken
        What the caller sees when the connection breaks; None for a wait, which has no other side.
    ready
        Whether it can go on now.
    """

    name: str
    run: Callable[[], Any]
    broken: Callable[[], Exception] | None = None
    ready: Callable[[], bool] = _always

    def __await__(self) -> Generator[Gate, Any, Any]:
        """Stop here until somebody goes on."""
        return (yield self)


class Task:
    """A coroutine that is moved by hand.

    Parameters
    ----------
    name
        What it is.
    coroutine
        It may await gates, and whatever never has to wait.

    Attributes
    ----------
    gate
        Where it stands; None when it is over.
    error
        What it ended with, if that was an exception.

    Examples
    --------
    >>> async def twice() -> int:
    ...     return await Gate("one", lambda: 1) + await Gate("two", lambda: 2)
    >>> task = Task("sum", twice())
    >>> task.gate.name, task.step(), task.gate.name, task.step(), task.result
    ('one', None, 'two', None, 3)
    """

    def __init__(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.name = name
        self.gate: Gate | None = None
        self.result: Any = None
        self.error: Exception | None = None
        self._coroutine = coroutine
        self._go(lambda: coroutine.send(None))

    @property
    def ready(self) -> bool:
        """Whether it stands at a gate that can be passed."""
        return self.gate is not None and self.gate.ready()

    def step(self, fate: Fate = "done") -> Callable[[], Any] | None:
        """Let the request it stands at have its fate, and let the task run to the next.

        Parameters
        ----------
        fate
            A wait knows ``done`` only, whatever is said here.

        Returns
        -------
        collections.abc.Callable | None
            What is still to be carried out, of a request that is late.

        Raises
        ------
        RuntimeError
            The task is over.
        """
        gate = self.gate
        if gate is None:
            raise RuntimeError(f"{self.name} is over")
        if gate.broken is None:
            fate = "done"
        error: Exception | None = None
        answer = None
        if fate in {"done", "lost"}:
            try:
                answer = gate.run()
            except AssertionError:
                raise
            except Exception as refusal:  # noqa: BLE001 - it is the answer, for the task to judge
                error = refusal
        if fate != "done" and gate.broken is not None:
            error = gate.broken()
        if error is None:
            self._go(lambda: self._coroutine.send(answer))
        else:
            thrown = error
            self._go(lambda: self._coroutine.throw(thrown))
        return gate.run if fate == "late" else None

    def kill(self) -> None:
        """End it where it stands. See that no ``finally`` of it awaits: a process that dies sends nothing more."""
        self.gate = None
        self._coroutine.close()

    def _go(self, resume: Callable[[], Any]) -> None:
        try:
            self.gate = resume()
        except StopIteration as end:
            self.gate, self.result = None, end.value
        except AssertionError:
            raise
        except Exception as error:  # noqa: BLE001 - kept, as asyncio keeps it
            self.gate, self.error = None, error
