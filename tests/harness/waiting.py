"""Waiting for something that becomes true, with a deadline, and telling what was seen last."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
_PAUSE_S = 0.05


def until(
    observe: Callable[[], T | None],
    accept: Callable[[T], object] = bool,
    *,
    deadline_s: float = 30,
    pause_s: float = _PAUSE_S,
) -> T:
    """Call ``observe`` until ``accept`` is content with what it gives, and give that.

    None is never accepted. Fails the test with the last thing observed once ``deadline_s`` is over. An assertion
    that fails inside ``observe`` or ``accept`` means "not yet", so a condition may be written as assertions.
    """
    wait = _Wait(deadline_s)
    while True:
        try:
            wait.seen = value = observe()
            if value is not None and accept(value):
                return value
        except AssertionError as exc:
            wait.seen = exc
        wait.check()
        time.sleep(pause_s)


async def until_async(
    observe: Callable[[], Awaitable[T | None]],
    accept: Callable[[T], object] = bool,
    *,
    deadline_s: float = 30,
    pause_s: float = _PAUSE_S,
) -> T:
    """``until`` for a coroutine function, on the running event loop."""
    wait = _Wait(deadline_s)
    while True:
        try:
            wait.seen = value = await observe()
            if value is not None and accept(value):
                return value
        except AssertionError as exc:
            wait.seen = exc
        wait.check()
        await asyncio.sleep(pause_s)


class _Wait:
    """The deadline of one wait, and what was seen last."""

    def __init__(self, deadline_s: float) -> None:
        self.seen: object = None
        self._deadline_s = deadline_s
        self._deadline = time.monotonic() + deadline_s

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise AssertionError(f"not within {self._deadline_s:g} s; last seen: {self.seen!r}")
