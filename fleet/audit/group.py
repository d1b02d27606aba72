"""Group commit: many tasks have rows, one task commits them together.

Whoever calls ``durable`` waits for its row. The first does not wait for company: its transaction begins at once,
and who comes while it runs shares the next. Rows given to ``soon`` go along with the next transaction, or have one
of their own after LINGER_S.

While the database is down, ``durable`` fails and rows given to ``soon`` are kept and tried again. They are the
outcomes of writes whose intents were durable, so there are never more of them than writes were in flight.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from fleet.errors import Terminal, Transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fleet.audit.facts import Row

log = structlog.get_logger()

LINGER_S = 0.05
RETRY_S = 1.0
GROUP_ROWS = 500
"""Of either sort in one transaction, which keeps it short for those who wait."""

_T = TypeVar("_T")


class AuditUnavailable(Transient):
    """What was to be recorded could not be, so it must not happen."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """A row that somebody waits for, and the row that follows it if that somebody has gone meanwhile."""

    row: Row
    durable: asyncio.Future[None]
    if_abandoned: Callable[[], Row] | None


class GroupWriter:
    """Rows in, groups of them to ``insert``, which commits all of a group or raises.

    Inserting a row again must be harmless: a connection lost in a commit does not say what became of it.
    """

    def __init__(self, insert: Callable[[Sequence[Row]], Awaitable[None]]) -> None:
        self._insert = insert
        self._waiting: deque[_Waiting] = deque()
        self._lazy: deque[Row] = deque()
        self._work = asyncio.Event()
        self._finishing = False
        self._finished = False

    async def durable(self, row: Row, *, if_abandoned: Callable[[], Row] | None = None) -> None:
        """Return when ``row`` is committed; raises AuditUnavailable, or Terminal where it is refused.

        Cancelled while its group is on its way, it cannot take ``row`` back: ``if_abandoned`` gives a row that
        puts this right.
        """
        if self._finished:
            raise AuditUnavailable("the audit log is closed, so nothing may be done that it would have to hold")
        durable = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(row=row, durable=durable, if_abandoned=if_abandoned))
        self._work.set()
        await durable

    def soon(self, row: Row) -> None:
        """Queue ``row`` for the next group."""
        if self._finished:
            log.error("too late for the audit log", **_in_words(row))
            return
        if not self._lazy:
            self._wake_in(LINGER_S)
        self._lazy.append(row)

    def finish(self) -> None:
        """Make ``run`` return once everything is committed."""
        self._finishing = True
        self._work.set()

    async def run(self) -> None:
        """Commit groups until ``finish``; what is left if this is cancelled fails, or goes to the process log."""
        try:
            while self._waiting or self._lazy or not self._finishing:
                await self._work.wait()
                self._work.clear()
                await self._commit_group()
        finally:
            self._finished = True
            for each in self._waiting:
                _refuse(each, AuditUnavailable("the audit log was closed before it could take this"))
            for row in self._lazy:
                log.error("the audit log was closed before it could take this", **_in_words(row))

    async def _commit_group(self) -> None:
        """Commit what there is. Rows leave their queues when their fate is known, so that none gets lost."""
        self._waiting = deque(each for each in self._waiting if not each.durable.cancelled())
        waiting = list(itertools.islice(self._waiting, GROUP_ROWS))
        lazy = list(itertools.islice(self._lazy, GROUP_ROWS))
        rows = [*lazy, *(each.row for each in waiting)]  # in the order in which they were said, nearly always
        try:
            if rows:
                await self._insert(rows)
        except Transient as error:
            log.warning("the audit log cannot be written", error=str(error), outcomes_kept=len(self._lazy))
            for each in _drop(self._waiting, len(waiting)):
                _refuse(each, error)
            self._wake_in(RETRY_S)
            self._continue_if(self._waiting)
        except Terminal:
            # One of the rows is at fault, and must not take the others with it.
            await self._commit_one_by_one(waiting=len(waiting), lazy=len(lazy))
        else:
            _drop(self._lazy, len(lazy))
            for each in _drop(self._waiting, len(waiting)):
                self._confirm(each)
            self._continue_if(self._waiting or len(self._lazy) >= GROUP_ROWS or self._finishing)
            if self._lazy:
                self._wake_in(LINGER_S)

    async def _commit_one_by_one(self, *, waiting: int, lazy: int) -> None:
        for _ in range(waiting):
            each = self._waiting[0]
            try:
                await self._insert([each.row])
            except (Transient, Terminal) as error:
                _refuse(each, error)
            else:
                self._confirm(each)
            self._waiting.popleft()
        for _ in range(lazy):
            row = self._lazy[0]
            try:
                await self._insert([row])
            except Transient:
                break
            except Terminal as error:
                log.error("the audit log refuses this", refusal=str(error), **_in_words(row))  # noqa: TRY400 - expected
            self._lazy.popleft()
        self._wake_in(RETRY_S)
        self._continue_if(self._waiting)

    def _confirm(self, each: _Waiting) -> None:
        if not each.durable.done():
            each.durable.set_result(None)
        elif each.if_abandoned is not None:
            self.soon(each.if_abandoned())

    def _continue_if(self, there_is_more: object) -> None:
        if there_is_more:
            self._work.set()

    def _wake_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._work.set)


def _drop(queue: deque[_T], count: int) -> list[_T]:
    return [queue.popleft() for _ in range(count)]


def _refuse(each: _Waiting, error: Transient | Terminal) -> None:
    if each.durable.done():
        return
    if isinstance(error, Terminal):
        each.durable.set_exception(error)
        return
    refusal = AuditUnavailable(f"not recorded, so not done: {error}", retry_after=error.retry_after)
    refusal.__cause__ = error
    each.durable.set_exception(refusal)


def _in_words(row: Row) -> dict[str, str]:
    return {column: str(value) for column, value in row.items() if value is not None}
