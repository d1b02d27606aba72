"""How long to wait before trying again: tenacity's exponential wait with jitter, and the server's own word.

Loops that must never give up (streams, backlogs, supervisors) ask for a delay; they are no function calls that
tenacity could wrap, so they use its wait strategy and keep the count of attempts themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState
from tenacity.wait import wait_exponential, wait_random

from fleet.errors import Transient

_retrying = AsyncRetrying()

MAX_ASKED_S = 600.0
"""No server's word keeps us away for longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """An exponential wait, in seconds, with up to ``jitter_s`` added at random.

    The longest wait has its jitter too, so that a thousand that failed together do not come back together.
    """

    initial_s: float = 0.2
    maximum_s: float = 60.0
    jitter_s: float = 0.2

    def delay_s(self, attempt: int, error: BaseException | None = None) -> float:
        """The wait after failed attempt number ``attempt`` (from 1), never shorter than ``error`` asks for."""
        state = RetryCallState(_retrying, None, (), {})
        state.attempt_number = attempt
        asked = error.retry_after if isinstance(error, Transient) else None
        wait_s = wait_exponential(multiplier=self.initial_s, max=self.maximum_s)(state)
        # A busy server asks all of us for the same patience, so that wait needs its jitter as well.
        return max(wait_s, min(asked or 0.0, MAX_ASKED_S)) + wait_random(0, self.jitter_s)(state)


class RetryBudget:
    """How often a cluster may be asked again: a token bucket, so that one that is sick is not hammered."""

    def __init__(self, *, per_second: float = 10.0, burst: float = 50.0) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def delay_s(self, now: float) -> float:
        """Take a token, and give the seconds until it is there. ``now`` is in the event loop's time."""
        self._tokens = min(self._tokens + (now - self._at) * self._per_second, self._burst)
        self._at = now
        self._tokens -= 1
        return max(-self._tokens / self._per_second, 0.0)
