"""Many rows in one transaction, in one step of one thread.

The hub commits small groups of rows thousands of times a minute (the audit log, the inventory). Through the async
driver every statement crosses to the driver's thread and back, which costs more than the statement. Here the whole
transaction is one such crossing.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine, Executable


class BulkWriter:
    """Writes through a synchronous engine with one connection, in one thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk writer")

    async def write(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute ``statement`` once for each row and commit. A cancelled caller waits for the end, too."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._write, statement, rows)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    def _write(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(statement, list(rows))
