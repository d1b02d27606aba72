"""When to write a status: what is final at once, what is on its way only if it stays so for a while.

An instance that is up within a second needs one status and not four. Under load everything takes longer, and
writing progress would make it longer still, so the wait grows with what is waiting and what is on its way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")

PATIENCE_S = 0.7
"""How long progress may stay untold while nothing waits."""

PATIENCE_PER_WAITING_S = 0.01
"""And for how much longer for each item on the backlog."""

PATIENCE_PER_UNTOLD_S = 0.05
"""And for how much longer for each other item with progress that is not told."""

MAX_PATIENCE_S = 10.0


class Coalescing(Generic[K]):
    """Remembers since when each item has had progress that is not told."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._waiting = waiting
        self._since: dict[K, float] = {}

    def postponed_s(self, key: K, *, final: bool) -> float:
        """Seconds to wait before the status of ``key`` is written; 0 is now."""
        now = asyncio.get_running_loop().time()
        if final:
            self._since.pop(key, None)
            return 0.0
        left_s = self._since.setdefault(key, now) + self._patience_s() - now
        if left_s <= 0:
            self._since.pop(key, None)
            return 0.0
        return left_s

    def _patience_s(self) -> float:
        load_s = PATIENCE_PER_WAITING_S * self._waiting() + PATIENCE_PER_UNTOLD_S * (len(self._since) - 1)
        return min(PATIENCE_S + load_s, MAX_PATIENCE_S)

    def forget(self, key: K) -> None:
        """The item is gone."""
        self._since.pop(key, None)
