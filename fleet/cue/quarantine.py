"""Keeps a module that has ended several helpers from ending more of them, for a while."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from fleet.cue.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.ids import ModuleDigest


class Quarantine:
    """Counts, for each module, the helpers that it ended within ``window_s``.

    A strike costs everybody a restart, and the caller that waits for it a whole time limit. After ``strikes`` of
    them the module is refused for ``penalty_s`` without being run. Each digest is judged alone: an edited
    module is another digest, and starts clean.
    """

    def __init__(
        self,
        *,
        strikes: int = 3,
        window_s: float = 300.0,
        penalty_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._strikes = strikes
        self._window_s = window_s
        self._penalty_s = penalty_s
        self._clock = clock
        self._recent: defaultdict[ModuleDigest, deque[float]] = defaultdict(lambda: deque(maxlen=strikes))
        self._until: dict[ModuleDigest, tuple[float, str]] = {}

    def check(self, digest: ModuleDigest) -> None:
        """Raise LimitExceeded, with the last reason, where the module is in quarantine."""
        sentence = self._until.get(digest)
        if sentence is None:
            return
        until, reason = sentence
        left = until - self._clock()
        if left <= 0:
            del self._until[digest]
            return
        raise LimitExceeded(
            f"module {digest} ended {self._strikes} evaluations and is not run for another {left:.0f} s; "
            f"the last time: {reason}",
        )

    def strike(self, digest: ModuleDigest, reason: str) -> None:
        """Note that the module ended a helper."""
        now = self._clock()
        self._forget(now)
        recent = self._recent[digest]
        recent.append(now)
        if len(recent) == self._strikes and now - recent[0] <= self._window_s:
            self._until[digest] = (now + self._penalty_s, reason)
            del self._recent[digest]

    def _forget(self, now: float) -> None:
        for digest in [each for each, times in self._recent.items() if now - times[-1] > self._window_s]:
            del self._recent[digest]
        for digest in [each for each, (until, _) in self._until.items() if until <= now]:
            del self._until[digest]
