from __future__ import annotations

from fleet.graph import blockers
from fleet.graph.blockers import Blocker
from fleet.ids import NodeId

A, B, C, D = map(NodeId, "abcd")
NEEDS = {A: frozenset[NodeId](), B: frozenset({A}), C: frozenset({B}), D: frozenset[NodeId]()}


def test_the_first_that_could_be_ready_blocks_those_that_need_it_directly_or_not() -> None:
    assert blockers.first(NEEDS, set()) == Blocker(node=A, behind=(B, C))


def test_what_waits_for_another_is_no_blocker() -> None:
    assert blockers.first(NEEDS, {A}) == Blocker(node=B, behind=(C,))
    assert blockers.first(NEEDS, {A, B, C}) == Blocker(node=D)


def test_nothing_blocks_where_all_are_ready() -> None:
    assert blockers.first(NEEDS, set(NEEDS)) is None


def test_a_need_that_was_not_rendered_yet_is_passed_over() -> None:
    assert blockers.first({C: frozenset({B})}, set()) == Blocker(node=C)
