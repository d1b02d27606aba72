from __future__ import annotations

import pytest

from fleet.apply.policies import GraphPolicy, RetryBudget


@pytest.mark.parametrize(
    ("max_prune", "total", "limit"),
    [("50%", 4, 2), ("50%", 3, 2), ("50%", 1, 1), ("50%", 0, 0), ("0%", 10, 0), ("3", 10, 3), ("0", 10, 0)],
)
def test_how_many_may_be_pruned_at_once(max_prune: str, total: int, limit: int) -> None:
    assert GraphPolicy(max_prune=max_prune).prune_limit(total) == limit


def test_a_cluster_is_asked_again_at_a_bounded_rate() -> None:
    budget = RetryBudget(per_second=10, burst=3)

    assert [budget.delay_s(100.0) for _ in range(3)] == [0, 0, 0]
    assert [budget.delay_s(100.0) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert budget.delay_s(100.4) == 0, "three tokens were owed, and a fourth is there"
    assert budget.delay_s(1000.0) == 0
    assert budget.delay_s(1000.0) == 0
    assert budget.delay_s(1000.0) == 0
    assert budget.delay_s(1000.0) > 0, "no more than a burst is saved up"
