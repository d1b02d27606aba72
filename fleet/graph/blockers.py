"""What keeps a graph from being ready: the first node that is not, and those that wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from fleet.graph.order import Dependencies
    from fleet.ids import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """A node that is not ready although all that it waits for is, and what is ``behind`` it, in order."""

    node: NodeId
    behind: tuple[NodeId, ...] = ()


def first(needs: Dependencies, ready: Collection[NodeId]) -> Blocker | None:
    """The first blocker in the order of dependency; None where every node is ready.

    What a node needs and is not in ``needs`` was not rendered yet: it blocks the node, and is no blocker itself.
    """
    for node, needed in needs.items():
        if node not in ready and not any(each in needs and each not in ready for each in needed):
            return Blocker(node=node, behind=_behind(needs, node))
    return None


def _behind(needs: Dependencies, blocked: NodeId) -> tuple[NodeId, ...]:
    behind = {blocked}
    for node, needed in needs.items():  # in the order of dependency, so that one pass finds all
        if needed & behind:
            behind.add(node)
    return tuple(node for node in needs if node in behind and node != blocked)
