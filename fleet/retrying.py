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
        wait = wait_exponential(multiplier=self.initial_s, max=self.maximum_s) + wait_random(0, self.jitter_s)
        state = RetryCallState(_retrying, None, (), {})
        state.attempt_number = attempt
        asked = error.retry_after if isinstance(error, Transient) else None
        return max(wait(state), min(asked or 0.0, MAX_ASKED_S))
