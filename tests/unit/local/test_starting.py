"""Starts advance together, and a start that does not end says what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.local.processes import StartFailed
from fleet.local.starting import run_together

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_starts_advance_in_turns() -> None:
    log: list[str] = []

    def start(name: str, steps: int) -> Iterator[str]:
        for step in range(steps):
            log.append(f"{name}{step}")
            yield "the next step"

    run_together({"a": start("a", 3), "b": start("b", 1)}, deadline_s=10)

    assert log == ["a0", "b0", "a1", "a2"]


def test_what_is_waited_for_is_said_when_the_time_is_over() -> None:
    def never() -> Iterator[str]:
        while True:
            yield "port 1 refused"

    with pytest.raises(StartFailed, match=r"spoke is not up after 0\.05 s: port 1 refused"):
        run_together({"hub": iter(()), "spoke": never()}, deadline_s=0.05)


def test_a_failed_start_ends_the_wait_at_once() -> None:
    def fails() -> Iterator[str]:
        yield "a moment"
        raise StartFailed("it ended")

    def never() -> Iterator[str]:
        while True:
            yield "forever"

    with pytest.raises(StartFailed, match="it ended"):
        run_together({"slow": never(), "broken": fails()}, deadline_s=60)
