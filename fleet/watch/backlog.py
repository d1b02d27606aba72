"""A backlog of identities to reconcile, and the loop that works it off.

Level-triggered: an item says which object to look at, never what happened to it. An identity that is added many
times before its turn has one turn; one that is added during its turn has another one after it; no identity has two
turns at once. Nothing is ever dropped: a turn that fails puts its identity back, later and later, up to a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog
from prometheus_client import Counter, Histogram

from fleet.errors import Terminal, Transient
from fleet.kube.errors import ServerError, Throttled, Unreachable
from fleet.retrying import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fleet.retrying import RetryBudget

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)

SLOW_RETRY_S = 300.0
"""After a Terminal error: a change brings an item back at once, this only guards against missed ones."""

_turns_total = Counter("fleet_reconciles", "Turns of reconcilers.", ["backlog", "outcome"])
_turn_seconds = Histogram("fleet_reconcile_seconds", "How long a turn took.", ["backlog"])

# Finding a metric by its labels costs more than counting, so what was found is kept.
_turns_of = cache(_turns_total.labels)
_seconds_of = cache(_turn_seconds.labels)


class Backlog(Generic[K]):
    """Identities that wait for their turn, each once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: asyncio.Queue[K] = asyncio.Queue()  # wakes one worker for one item
        self._queued: set[K] = set()
        self._in_turn: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def __len__(self) -> int:
        return self._waiting.qsize()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is in its turn; delayed items do not count."""
        return not self._queued and not self._in_turn

    def add(self, key: K) -> None:
        """Give ``key`` a turn as soon as possible."""
        self._cancel_timer(key)
        if key in self._in_turn:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._waiting.put_nowait(key)

    def add_after(self, key: K, delay_s: float) -> None:
        """Give ``key`` a turn after ``delay_s``, or earlier where something earlier is set for it already."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if key in self._queued or (timer is not None and timer.when() <= loop.time() + delay_s):
            return
        self._cancel_timer(key)
        self._timers[key] = loop.call_later(delay_s, self.add, key)

    def hurry(self) -> None:
        """Give everything that waits for a later time its turn now: what it waited for may be over.

        Failures begin to count anew, so that what fails once more is not put off for as long as before.
        """
        self._failures.clear()
        for key in list(self._timers):
            self.add(key)

    async def take(self) -> K:
        """The next identity, whose turn begins; `done` ends it."""
        key = await self._waiting.get()
        self._queued.discard(key)
        self._in_turn.add(key)
        return key

    def done(self, key: K) -> None:
        """The turn of ``key`` is over."""
        self._in_turn.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def failed(self, key: K) -> int:
        """Count a failed turn, and give how many there were in a row."""
        self._failures[key] = self._failures.get(key, 0) + 1
        return self._failures[key]

    def succeeded(self, key: K) -> None:
        """Forget the failures of ``key``."""
        self._failures.pop(key, None)

    def close(self) -> None:
        """Set nothing off any more: nobody works on this backlog now."""
        for key in list(self._timers):
            self._cancel_timer(key)

    def _cancel_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()


async def work(
    backlog: Backlog[K],
    reconcile: Callable[[K], Awaitable[float | None]],
    *,
    workers: int,
    backoff: Backoff | None = None,
    budget: RetryBudget | None = None,
) -> None:
    """Work off ``backlog`` for ever, ``workers`` items at a time.

    ``reconcile`` gives the seconds after which it wants to see the item again, or None. ``budget`` bounds how
    often a cluster that is not well is asked again for all items together.
    """
    policy = backoff or Backoff()
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(workers):
                group.create_task(
                    _worker(backlog, reconcile, policy, budget), name=f"{backlog.name} worker {number}"
                )
    finally:
        backlog.close()


async def _worker(
    backlog: Backlog[K],
    reconcile: Callable[[K], Awaitable[float | None]],
    backoff: Backoff,
    budget: RetryBudget | None,
) -> None:
    while True:
        key = await backlog.take()
        try:
            await take_turn(backlog, key, reconcile, backoff, budget)
        finally:
            backlog.done(key)


async def take_turn(
    backlog: Backlog[K],
    key: K,
    reconcile: Callable[[K], Awaitable[float | None]],
    backoff: Backoff,
    budget: RetryBudget | None = None,
) -> None:
    """One turn of one item, whatever comes of it: the item's next turn is set before this returns."""
    outcome = "ok"
    try:
        with _seconds_of(backlog.name).time():
            again_after_s = await reconcile(key)
    except Transient as exc:
        outcome = "transient"
        failures = backlog.failed(key)
        delay_s = backoff.delay_s(failures, exc)
        if budget is not None and isinstance(exc, Throttled | ServerError | Unreachable):
            delay_s = max(delay_s, budget.delay_s(asyncio.get_running_loop().time()))
        backlog.add_after(key, delay_s)
        log.info("will try again", backlog=backlog.name, item=str(key), error=str(exc), delay_s=round(delay_s, 1))
    except Terminal as exc:
        outcome = "terminal"
        backlog.add_after(key, SLOW_RETRY_S)
        log.warning("cannot be done as it is", backlog=backlog.name, item=str(key), error=str(exc))
    except Exception:
        outcome = "defect"
        delay_s = backoff.delay_s(backlog.failed(key))
        backlog.add_after(key, delay_s)
        log.exception("unexpected error", backlog=backlog.name, item=str(key), delay_s=round(delay_s, 1))
    else:
        backlog.succeeded(key)
        if again_after_s is not None:
            backlog.add_after(key, again_after_s)
    _turns_of(backlog.name, outcome).inc()
