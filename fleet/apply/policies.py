"""What a graph may do.

Its Transform says so and not the graph itself: who can write a graph must not be able to widen its own reach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fleet.kube.objects import LiveObject


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPolicy:
    """The policy of one graph.

    ``namespaces``: where nodes may be besides the graph's own namespace; ``*`` is anywhere. ``max_prune``: how
    many objects may be pruned at once, as a count (``5``) or a share of all (``50%``).
    """

    cluster_scoped: bool = False
    namespaces: frozenset[str] = frozenset()
    max_prune: str = "50%"
    suspended: bool = False

    def prune_limit(self, total: int) -> int:
        """How many of ``total`` objects may be pruned at once; a share is rounded up."""
        if self.max_prune.endswith("%"):
            return math.ceil(total * int(self.max_prune[:-1]) / 100)
        return int(self.max_prune)


class Policies(Protocol):
    """Knows the policy of every graph."""

    def of(self, graph: LiveObject) -> GraphPolicy | None:
        """The policy of ``graph``, or None where nobody can tell, so that the graph is left alone."""
        ...


class RetryBudget:
    """How many failed tries a cluster may be asked for: a token bucket, so that a sick cluster is not hammered."""

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
