"""How long to wait before trying again: tenacity's exponential wait with jitter, and the server's own word.

Loops that must never give up (streams, backlogs, supervisors) ask for a delay; they are no function calls that
tenacity could wrap, so they use its wait strategy and keep the count of attempts themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState
from tenacity.wait import wait_exponential_jitter

from fleet.errors import Transient

_retrying = AsyncRetrying()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """An exponential wait, in seconds, with up to ``jitter_s`` added at random."""

    initial_s: float = 0.2
    maximum_s: float = 60.0
    jitter_s: float = 0.2

    def delay_s(self, attempt: int, error: BaseException | None = None) -> float:
        """The wait after failed attempt number ``attempt`` (from 1), never shorter than ``error`` asks for."""
        state = RetryCallState(_retrying, None, (), {})
        state.attempt_number = attempt
        wait = wait_exponential_jitter(initial=self.initial_s, max=self.maximum_s, jitter=self.jitter_s)(state)
        asked = error.retry_after if isinstance(error, Transient) else None
        return max(wait, asked or 0.0)
