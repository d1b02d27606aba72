from __future__ import annotations

import pytest

from fleet.apply.policies import GraphPolicy


@pytest.mark.parametrize(
    ("max_prune", "total", "limit"),
    [("50%", 4, 2), ("50%", 3, 2), ("50%", 1, 1), ("50%", 0, 0), ("0%", 10, 0), ("3", 10, 3), ("0", 10, 0)],
)
def test_how_many_may_be_pruned_at_once(max_prune: str, total: int, limit: int) -> None:
    assert GraphPolicy(max_prune=max_prune).prune_limit(total) == limit
