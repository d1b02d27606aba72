from __future__ import annotations

import warnings

import pytest

from fleet.errors import Terminal, Transient
from fleet.retrying import MAX_ASKED_S, Backoff, RetryBudget

STEADY = Backoff(initial_s=0.5, maximum_s=10, jitter_s=0)


def test_the_wait_doubles_up_to_its_limit() -> None:
    assert [STEADY.delay_s(attempt) for attempt in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("attempt", [100, 2_000, 1_000_000])
def test_a_very_long_trouble_is_no_overflow(attempt: int) -> None:
    assert STEADY.delay_s(attempt) == 10


def test_jitter_is_added_also_to_the_longest_wait() -> None:
    backoff = Backoff(initial_s=1, maximum_s=4, jitter_s=2)

    first = [backoff.delay_s(1) for _ in range(200)]
    longest = [backoff.delay_s(50) for _ in range(200)]

    assert min(first) >= 1
    assert max(first) <= 3
    assert min(longest) >= 4
    assert max(longest) <= 6
    assert len(set(longest)) > 100


def test_the_other_sides_word_counts_if_it_is_longer() -> None:
    assert STEADY.delay_s(1, Transient("later", retry_after=30)) == 30
    assert STEADY.delay_s(5, Transient("later", retry_after=1)) == 8
    assert STEADY.delay_s(1, Transient("later")) == 0.5
    assert STEADY.delay_s(1, Terminal("never")) == 0.5
    assert STEADY.delay_s(1, ValueError()) == 0.5


def test_what_a_server_asks_of_everybody_has_jitter_too() -> None:
    backoff = Backoff(initial_s=1, maximum_s=4, jitter_s=2)

    asked = [backoff.delay_s(1, Transient("later", retry_after=30)) for _ in range(200)]

    assert min(asked) >= 30
    assert max(asked) <= 32
    assert len(set(asked)) > 100


@pytest.mark.parametrize("asked", [1e6, float("inf")])
def test_no_word_keeps_us_away_for_ever(asked: float) -> None:
    assert STEADY.delay_s(1, Transient("later", retry_after=asked)) == MAX_ASKED_S


def test_tenacity_is_used_as_it_wants_to_be() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Backoff().delay_s(1)


def test_a_cluster_is_asked_again_at_a_bounded_rate() -> None:
    budget = RetryBudget(per_second=10, burst=3)

    assert [budget.delay_s(100.0) for _ in range(3)] == [0, 0, 0]
    assert [budget.delay_s(100.0) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert budget.delay_s(100.4) == 0, "three tokens were owed, and a fourth is there"
    assert budget.delay_s(1000.0) == 0
    assert budget.delay_s(1000.0) == 0
    assert budget.delay_s(1000.0) == 0
    assert budget.delay_s(1000.0) > 0, "no more than a burst is saved up"
