"""Tells the story: numbered steps, and one line an event with the time since its step began."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape

from fleet.errors import FleetError, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

LOOK_EVERY_S = 0.03


class NotHappened(Terminal):
    """What the story waits for did not happen in time; the message says what was seen instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look at something: whether it has ``happened``, and in words what was seen."""

    happened: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that will happen at ``place``. ``look`` is asked again and again, and tells what to say of it."""

    place: str
    what: str
    look: Callable[[], Sight]


class Narrator:
    """The teller, on one console."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._clock = clock
        self._steps = 0
        self._begun = self._step_begun = clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the story began."""
        return self._clock() - self._begun

    def begin(self) -> None:
        """The story begins now; what came before was preparation."""
        self._begun = self._clock()

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.say(f"\n[bold]{self._steps}. {escape(title)}[/bold]")
        self._step_begun = self._clock()

    def tell(self, place: str, text: str) -> None:
        """An event, with the time since the step began."""
        seconds = self._clock() - self._step_begun
        self.say(f"  [cyan]{seconds:5.2f} s[/cyan]  [bold]{escape(f'{place:<8}')}[/bold] {escape(text)}")

    def say_plain(self, text: str) -> None:
        """A line that is no event."""
        self.say(escape(text))

    def say(self, markup: str) -> None:
        """A line as it is, in rich's markup."""
        self.console.print(markup, highlight=False, soft_wrap=True)

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """Something that moves on a terminal while the block lasts, and nothing elsewhere."""
        return self.console.status(escape(text), spinner="line") if self.console.is_terminal else nullcontext()

    def follow(self, events: Sequence[Event], *, deadline_s: float, check: Callable[[], None]) -> None:
        """Tell each event when it happens, in whichever order; return after the last. Raises NotHappened.

        ``check`` raises where waiting has become pointless.
        """
        deadline = self._clock() + deadline_s
        pending = list(events)
        seen = dict.fromkeys(events, "nothing yet")
        with self.waiting(f"waiting for {' and '.join(dict.fromkeys(event.what for event in events))}"):
            while pending:
                for event in list(pending):
                    with self._asking(event, seen):
                        sight = event.look()
                        seen[event] = sight.text
                        if sight.happened:
                            pending.remove(event)
                            self.tell(event.place, sight.text)
                if pending and self._clock() > deadline:
                    raise NotHappened(_account(pending, seen, deadline_s=deadline_s))
                check()
                if pending:
                    time.sleep(LOOK_EVERY_S)

    @contextmanager
    def _asking(self, event: Event, seen: dict[Event, str]) -> Iterator[None]:
        """An API server that does not answer is one more thing that was seen; the deadline decides."""
        try:
            yield
        except (FleetError, OSError) as exc:
            seen[event] = str(exc)


def _account(pending: Sequence[Event], seen: dict[Event, str], *, deadline_s: float) -> str:
    lines = [f"this did not happen within {deadline_s:g} s:"]
    lines += [f"  {event.place}: {event.what}; last seen: {seen[event]}" for event in pending]
    return "\n".join(lines)
