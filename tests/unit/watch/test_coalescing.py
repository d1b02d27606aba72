from __future__ import annotations

import asyncio

import pytest

from fleet.watch.coalescing import (
    MAX_PATIENCE_S,
    PATIENCE_PER_UNTOLD_S,
    PATIENCE_PER_WAITING_S,
    PATIENCE_S,
    Coalescing,
)


class Clock:
    """The event loop's time, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)


async def test_what_is_final_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    coalescing = Coalescing[str](lambda: 0)
    assert coalescing.postponed_s("a", final=False) > 0
    assert coalescing.postponed_s("a", final=True) == 0


async def test_progress_is_told_if_it_lasts_and_then_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, coalescing = Clock(monkeypatch), Coalescing[str](lambda: 0)
    assert coalescing.postponed_s("a", final=False) == pytest.approx(PATIENCE_S)
    clock.now += PATIENCE_S / 2
    assert coalescing.postponed_s("a", final=False) == pytest.approx(PATIENCE_S / 2)
    clock.now += PATIENCE_S / 2 + 0.001
    assert coalescing.postponed_s("a", final=False) == 0
    assert coalescing.postponed_s("a", final=False) == pytest.approx(PATIENCE_S)


async def test_patience_grows_with_what_waits_and_what_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = 0
    Clock(monkeypatch)
    coalescing = Coalescing[str](lambda: waiting)
    coalescing.postponed_s("a", final=False)
    assert coalescing.postponed_s("b", final=False) == pytest.approx(PATIENCE_S + PATIENCE_PER_UNTOLD_S)
    waiting = 7
    expected = PATIENCE_S + PATIENCE_PER_UNTOLD_S + 7 * PATIENCE_PER_WAITING_S
    assert coalescing.postponed_s("b", final=False) == pytest.approx(expected)
    waiting = 10_000
    assert coalescing.postponed_s("b", final=False) == MAX_PATIENCE_S
    waiting = 0
    coalescing.forget("a")
    assert coalescing.postponed_s("b", final=False) == pytest.approx(PATIENCE_S)
