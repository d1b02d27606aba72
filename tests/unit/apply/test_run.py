from __future__ import annotations

import pytest

from fleet.apply import run as runs
from fleet.apply.policies import GraphPolicy
from fleet.apply.run import NodePhase
from fleet.graph.model import GraphError
from fleet.ids import NodeId
from tests.unit.apply.graphs import graph, node

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")


def test_only_what_a_ready_node_held_up_is_unblocked() -> None:
    run = runs.start(graph(node("a"), node("b", "a"), node("c")), before=None)

    assert run.take_dirty() == {A, B, C}
    run.move(A, NodePhase.READY)
    assert run.take_unblocked() == {B}
    run.move(A, NodePhase.READY)
    assert run.take_unblocked() == set(), "it was ready before"
    run.move(A, NodePhase.WAITING_READY, "0 of 1")
    assert run.ready == set()


def test_what_is_labelled_as_no_node_of_the_graph_may_be_any_of_them() -> None:
    run = runs.start(graph(node("a"), node("b")), before=None)
    run.take_dirty()

    run.touch(B)
    assert run.take_dirty() == {B}
    run.touch(C)
    assert run.take_dirty() == {A, B}


def test_complete_is_ready_and_fully_rendered() -> None:
    run = runs.start(graph(node("a"), waiting=[{"node": "b"}]), before=None)
    run.move(A, NodePhase.ADOPTED)
    assert not run.complete

    run = runs.start(graph(node("a")), before=run)
    assert run.complete


def test_a_new_generation_keeps_the_nodes_that_are_the_same() -> None:
    before = runs.start(graph(node("a"), node("b")), before=None)
    for each in (A, B):
        before.move(each, NodePhase.READY)
    changed = node("b")
    changed["object"]["data"] = {"key": "another"}
    after = runs.start(graph(node("a"), changed, generation=2), before=before)

    assert after.states[A].phase is NodePhase.READY
    assert after.states[B].phase is NodePhase.PENDING
    assert after.ready == {A}


def test_what_failed_is_tried_at_once_under_another_policy() -> None:
    refused = graph(node("a", applyPolicy={"replace": "Never"}))
    run = runs.start(refused, before=None)
    run.work_under(GraphPolicy())
    run.take_dirty()

    def failed() -> None:
        run.states[A].attempts, run.states[A].retry_at = 5, 1e9

    failed()
    run.work_under(GraphPolicy())
    assert (run.states[A].retry_at, run.dirty) == (1e9, set()), "nothing is new"
    run.work_under(GraphPolicy(cluster_scoped=True))
    assert (run.states[A].retry_at, run.states[A].attempts, run.dirty) == (None, 0, {A})

    failed()
    allowed = graph(node("a", applyPolicy={"replace": "Allowed"}), generation=2)
    assert runs.start(allowed, before=run).states[A].retry_at is None


def test_after_a_restart_a_run_goes_on_from_the_status() -> None:
    told = {"phase": "Error", "attempts": 3, "lastError": "no", "appliedAt": "2030-01-01T00:00:00Z"}
    status = {"observedGeneration": 1, "nodes": {"a": told}}

    state = runs.start(graph(node("a"), status=status), before=None).states[A]
    assert (state.phase, state.attempts, state.last_error) == (NodePhase.ERROR, 3, "no")
    assert state.applied_at is not None
    assert state.applied_at.year == 2030
    older = runs.start(graph(node("a"), status=status, generation=2), before=None).states[A]
    assert (older.phase, older.attempts) == (NodePhase.PENDING, 0)


def test_a_cycle_is_told_with_its_path() -> None:
    with pytest.raises(GraphError, match="a needs b needs a"):
        runs.start(graph(node("a", "b"), node("b", "a")), before=None)
