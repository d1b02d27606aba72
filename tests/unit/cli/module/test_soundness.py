from __future__ import annotations

import pytest

from fleet.cli.module import soundness
from fleet.cli.module.soundness import ReservedStatus
from fleet.cue.contract import Json, Rendered, Waiting
from fleet.graph.model import GraphError
from fleet.ids import NodeId


def node(name: str, *needs: str) -> Json:
    return {
        "id": name,
        "dependsOn": list(needs),
        "object": {"apiVersion": "v1", "kind": "K", "metadata": {"name": "x"}},
    }


def graph(*nodes: Json, status: Json | None = None, waiting: tuple[Waiting, ...] = ()) -> Rendered:
    return Rendered(metadata={}, nodes=nodes, status=status, waiting=waiting)


def test_a_sound_graph() -> None:
    soundness.check(graph(node("a"), node("b", "a"), status={"address": "x"}))


def test_a_node_may_depend_on_one_that_waits() -> None:
    soundness.check(graph(node("b", "a"), waiting=(Waiting(node=NodeId("a"), paths=("observed.c",)),)))


@pytest.mark.parametrize("nodes", [[node("a", "b"), node("b", "a")], [node("a", "none")]])
def test_dependencies_that_cannot_be(nodes: list[Json]) -> None:
    with pytest.raises(GraphError):
        soundness.check(graph(*nodes))


def test_the_fields_of_the_fleet_are_its_own() -> None:
    with pytest.raises(ReservedStatus, match=r"#Render\.status: phase: this is the fleet's own"):
        soundness.check(graph(node("a"), status={"phase": "x"}))
