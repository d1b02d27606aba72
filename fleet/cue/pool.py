"""A fixed number of helpers, each lent to one caller at a time.

Callers wait in one queue, first come, first served, and whichever helper is free first takes the next: none
idles while somebody waits, and a helper that is killed takes nobody's request with it but its own. Restarts
and replacements happen inside the loan, so that no task runs on its own.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fleet.cue.errors import EngineCrashed, EngineOverloaded
from fleet.cue.process import HelperProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fleet.cue.limits import Limits
    from fleet.ids import ModuleDigest


class Pool:
    """Helpers that are started by ``open``, lent by ``lend`` and ended by ``close``."""

    def __init__(self, binary: Path, *, size: int, limits: Limits) -> None:
        self._binary = binary
        self._limits = limits
        self._turns = asyncio.Semaphore(size)
        self._idle = [_Slot(binary, limits) for _ in range(size)]
        self._all = tuple(self._idle)
        self._waiting = 0
        self._closed = False

    @property
    def starts(self) -> int:
        """How many helpers have been started so far."""
        return sum(slot.starts for slot in self._all)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the helpers that run."""
        return tuple(slot.process.pid for slot in self._all if slot.process is not None and slot.process.usable)

    async def open(self) -> None:
        """Start all helpers, so that the first callers do not wait for it."""
        for slot in self._all:
            await slot.ready()

    async def close(self) -> None:
        """End all helpers, at once where they evaluate: who holds or waits for one gets EngineCrashed."""
        self._closed = True
        for slot in self._all:
            await slot.close()

    @asynccontextmanager
    async def lend(self, digest: ModuleDigest) -> AsyncIterator[HelperProcess]:
        """A helper that runs, for one caller, preferably one that has the module. Raises EngineOverloaded."""
        await self._take_turn()
        slot = self._choose(digest)
        try:
            if self._closed:
                raise EngineCrashed("the CUE engine is closed")
            yield await slot.ready()
        finally:
            slot.settle()
            self._idle.append(slot)
            self._turns.release()

    async def _take_turn(self) -> None:
        if self._waiting >= self._limits.waiting:
            raise EngineOverloaded(f"{self._waiting} evaluations are waiting already", retry_after=1.0)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.waiting_s):
                await self._turns.acquire()
        except TimeoutError as exc:
            waited = self._limits.waiting_s
            raise EngineOverloaded(f"no helper was free within {waited} s", retry_after=waited) from exc
        finally:
            self._waiting -= 1

    def _choose(self, digest: ModuleDigest) -> _Slot:
        holders = (slot for slot in self._idle if slot.holds(digest))
        slot = next(holders, self._idle[0])
        self._idle.remove(slot)
        return slot


class _Slot:
    """The place of one helper, which outlives the processes in it."""

    def __init__(self, binary: Path, limits: Limits) -> None:
        self._binary = binary
        self._limits = limits
        self.process: HelperProcess | None = None
        self.starts = 0

    def holds(self, digest: ModuleDigest) -> bool:
        return self.process is not None and digest in self.process.modules

    async def ready(self) -> HelperProcess:
        """Its process, replaced where it has ended or grown old."""
        if self.process is not None and (not self.process.usable or self._worn(self.process)):
            await self.close()
        if self.process is None:
            self.process = await HelperProcess.start(self._binary, self._limits)
            self.starts += 1
        return self.process

    def settle(self) -> None:
        """After a loan: a helper that still owes a reply, because its caller was cancelled, ends here."""
        if self.process is not None and not self.process.usable:
            self.process.kill()

    async def close(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            await process.close()

    def _worn(self, process: HelperProcess) -> bool:
        return (
            process.requests >= self._limits.recycle_requests
            or process.memory_bytes >= self._limits.recycle_mib * 1024 * 1024
        )
