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
