"""What depends on what: validation and order of a graph's nodes, by networkx."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import networkx as nx

from fleet.graph.model import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleet.graph.model import Node
    from fleet.ids import NodeId

Dependencies = dict["NodeId", frozenset["NodeId"]]
"""The nodes that each node waits for, in an order in which every node comes after those."""


def dependencies(nodes: Iterable[Node], *, absent: frozenset[NodeId] = frozenset()) -> Dependencies:
    """Check the nodes and give their dependencies in a deterministic topological order.

    ``absent`` are nodes that exist but were not rendered yet: depending on one is right, and waits.
    Raises GraphError for an id that stands twice, for an unknown dependency and for a cycle, with its path.
    """
    return dict(_dependencies(tuple((node.id, node.depends_on) for node in nodes), absent))


@lru_cache(maxsize=256)  # all instances of a module have graphs of few shapes
def _dependencies(nodes: tuple[tuple[NodeId, tuple[NodeId, ...]], ...], absent: frozenset[NodeId]) -> Dependencies:
    graph: nx.DiGraph[NodeId] = nx.DiGraph()
    for node, _ in nodes:
        if node in graph:
            raise GraphError(f"node {node}: the id stands twice")
        graph.add_node(node)
    for node, needs in nodes:
        for needed in needs:
            if needed == node:
                raise GraphError(f"node {node}: it depends on itself")
            if needed not in graph and needed not in absent:
                raise GraphError(f"node {node}: it depends on {needed}, which is not a node of this graph")
            graph.add_edge(needed, node)
    needs_of = {node: frozenset(needs) for node, needs in nodes}
    return {node: needs_of[node] for node in _sorted(graph) if node in needs_of}


def teardown_waves(needs: Mapping[NodeId, Iterable[NodeId]]) -> list[list[NodeId]]:
    """The nodes in reverse order of dependency: each wave may go when the waves before it are gone.

    What is stored is what was applied, which may be a mixture of two revisions: dependencies that are not
    among the nodes are ignored, and a cycle is torn down in one wave rather than never.
    """
    graph: nx.DiGraph[NodeId] = nx.DiGraph()
    graph.add_nodes_from(sorted(needs))
    graph.add_edges_from((node, needed) for node in needs for needed in needs[node] if needed in needs)
    condensed = nx.condensation(graph)
    return [
        sorted(node for component in wave for node in condensed.nodes[component]["members"])
        for wave in nx.topological_generations(condensed)
    ]


def _sorted(graph: nx.DiGraph[NodeId]) -> list[NodeId]:
    try:
        return list(nx.lexicographical_topological_sort(graph))
    except nx.NetworkXUnfeasible:
        cycle = [edge[0] for edge in nx.find_cycle(graph)][
            ::-1
        ]  # edges lead to what waits; people read what is needed
        first = cycle.index(min(cycle))
        path = [*cycle[first:], *cycle[:first], cycle[first]]
        raise GraphError(f"dependency cycle: {' needs '.join(path)}") from None
