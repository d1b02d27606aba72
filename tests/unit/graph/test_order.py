from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from fleet.graph.model import GraphError, Node
from fleet.graph.order import dependencies, teardown_waves
from fleet.ids import NodeId


def node(id_: str, *needs: str) -> Node:
    return Node(id=NodeId(id_), object={}, depends_on=tuple(NodeId(each) for each in needs))


def test_every_node_comes_after_what_it_needs_and_equals_come_by_name() -> None:
    order = dependencies([node("c", "a"), node("b", "a"), node("a"), node("d", "c", "b")])

    assert list(order) == ["a", "b", "c", "d"]
    assert order[NodeId("d")] == {"b", "c"}


def test_the_order_does_not_depend_on_that_of_the_nodes() -> None:
    nodes = [node(f"n{i}", *(f"n{j}" for j in range(i) if (i * j) % 7 == 3)) for i in range(40)]
    expected = list(dependencies(nodes))
    for seed in range(10):
        shuffled = random.Random(seed).sample(nodes, len(nodes))  # noqa: S311 - a repeatable choice

        assert list(dependencies(shuffled)) == expected


def test_no_nodes_need_nothing() -> None:
    assert dependencies([]) == {}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("a"), node("b"), node("a")], "node a: the id stands twice"),
        ([node("a", "a")], "node a: it depends on itself"),
        ([node("a", "b")], "node a: it depends on b, which is not a node of this graph"),
        ([node("a", "b"), node("b", "a")], "dependency cycle: a needs b needs a"),
        (
            [node("z"), node("m", "k"), node("k", "q", "z"), node("q", "m")],
            "dependency cycle: k needs q needs m needs k",
        ),
    ],
)
def test_what_cannot_be_ordered_is_refused_with_its_path(nodes: list[Node], message: str) -> None:
    with pytest.raises(GraphError) as caught:
        dependencies(nodes)

    assert str(caught.value) == message


def test_a_cycle_reads_the_same_however_the_nodes_stand() -> None:
    nodes = [node("b", "c"), node("c", "a"), node("a", "b"), node("x", "a")]
    for seed in range(10):
        with pytest.raises(GraphError, match=r"^dependency cycle: a needs b needs c needs a$"):
            dependencies(random.Random(seed).sample(nodes, len(nodes)))  # noqa: S311 - a repeatable choice


def test_a_node_may_need_one_that_is_not_rendered_yet() -> None:
    order = dependencies([node("b", "a", "later"), node("a")], absent=frozenset({NodeId("later")}))

    assert list(order) == ["a", "b"]
    assert order[NodeId("b")] == {"a", "later"}


def test_a_thousand_nodes_are_ordered_at_once() -> None:
    nodes = [node(f"n{i:04}", *(f"n{j:04}" for j in range(max(0, i - 10), i))) for i in range(1000)]
    began = time.process_time()

    order = list(dependencies(nodes))
    waves = teardown_waves({each.id: each.depends_on for each in nodes})

    assert time.process_time() - began < 2
    assert all(before < after for before, after in pairwise(order))
    assert waves == [[each] for each in reversed(order)]


def waves(needs: dict[str, set[str]]) -> list[list[str]]:
    return [list(wave) for wave in teardown_waves({NodeId(k): {NodeId(v) for v in vs} for k, vs in needs.items()})]


def test_teardown_goes_against_the_dependencies() -> None:
    needs: dict[str, set[str]] = {"db": set(), "app": {"db"}, "ingress": {"app"}, "job": {"db"}}

    assert waves(needs) == [["ingress", "job"], ["app"], ["db"]]


def test_what_is_gone_already_holds_up_nothing() -> None:
    assert waves({"app": {"gone"}, "db": {"gone"}}) == [["app", "db"]]
    assert waves({}) == []


def test_a_cycle_of_two_revisions_goes_in_one_wave_before_what_it_needs() -> None:
    assert waves({"a": {"b"}, "b": {"a", "c"}, "c": set(), "z": {"a"}}) == [["z"], ["a", "b"], ["c"]]
