"""When to write a status: what is final at once, what is on its way only if it stays so for a while.

An instance that is up within a second needs one status and not four. Under load everything takes longer, and
writing progress would make it longer still, so the wait grows with what is waiting.
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
        patience_s = min(PATIENCE_S + PATIENCE_PER_WAITING_S * self._waiting(), MAX_PATIENCE_S)
        left_s = self._since.setdefault(key, now) + patience_s - now
        if left_s <= 0:
            self._since.pop(key, None)
            return 0.0
        return left_s

    def forget(self, key: K) -> None:
        """The item is gone."""
        self._since.pop(key, None)
