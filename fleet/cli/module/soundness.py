"""What is checked of a graph before it is applied, checked while its module is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fleet.errors import Terminal
from fleet.graph import order
from fleet.graph.model import GraphError, Node
from fleet.transforms.crd import RESERVED_STATUS

if TYPE_CHECKING:
    from fleet.cue.contract import Rendered


class ReservedStatus(Terminal):
    """The module projects a field of the status that is the fleet's own."""


def check(rendered: Rendered) -> None:
    """Raise what keeps the graph from being carried out as its module means it."""
    try:
        nodes = msgspec.convert(rendered.nodes, tuple[Node, ...])
    except msgspec.ValidationError as exc:
        raise GraphError(f"output.nodes: {exc}") from exc
    order.dependencies(nodes, absent=frozenset(each.node for each in rendered.waiting))
    if reserved := RESERVED_STATUS & (rendered.status or {}).keys():
        raise ReservedStatus(
            f"#Render.status: {', '.join(sorted(reserved))}: this is the fleet's own; give yours another name"
        )
