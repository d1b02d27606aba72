"""Waiting gives what was waited for, and tells what was seen last."""

from __future__ import annotations

import itertools

import pytest

from tests.harness.waiting import until, until_async


def test_what_was_waited_for_is_given() -> None:
    numbers = itertools.count()

    assert until(lambda: next(numbers), lambda seen: seen >= 3, pause_s=0) == 3


def test_what_was_seen_last_is_told() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s; last seen: 'Pending'"):
        until(lambda: "Pending", lambda phase: phase == "Ready", deadline_s=0.01, pause_s=0)


def test_a_failed_assertion_means_not_yet() -> None:
    numbers = itertools.count()

    def observe() -> int:
        seen = next(numbers)
        assert seen > 2, f"only {seen}"
        return seen

    assert until(observe, pause_s=0) == 3
    with pytest.raises(AssertionError, match="only"):
        until(lambda: _fail("only this"), deadline_s=0.01, pause_s=0)


def test_any_other_error_is_raised_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        until(lambda: 1 / 0)


async def test_a_coroutine_is_waited_for() -> None:
    numbers = itertools.count()

    async def observe() -> int:
        return next(numbers)

    assert await until_async(observe, lambda seen: seen >= 2, pause_s=0) == 2
    with pytest.raises(AssertionError, match="last seen"):
        await until_async(observe, lambda _: False, deadline_s=0.01, pause_s=0)


def _fail(message: str) -> None:
    raise AssertionError(message)
