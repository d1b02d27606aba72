from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.apply import run as runs
from fleet.apply import status as statuses
from fleet.apply.drift import Drift
from fleet.apply.run import NodePhase
from fleet.ids import NodeId
from fleet.kube.client import MAX_OBJECT_BYTES
from tests.unit.apply.graphs import graph, node

if TYPE_CHECKING:
    from fleet.apply.run import Run

NOW = datetime(2030, 1, 1, tzinfo=UTC)
A, B, C = NodeId("a"), NodeId("b"), NodeId("c")


def started(**spec: object) -> Run:
    return runs.start(graph(node("a"), node("b", "a"), node("c", "b"), **spec), before=None)  # type: ignore[arg-type]


def told(run: Run, *held: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    return statuses.of_run(run, held=list(held), current=before or {}, now=NOW)


async def test_the_first_blocker_is_told_with_who_waits_behind_it() -> None:
    run = started()
    run.move(A, NodePhase.WAITING_READY, "0 of 1 replicas are available")
    run.move(B, NodePhase.PENDING, "waits for a")
    status = told(run)

    assert (status["phase"], status["summary"]) == ("Executing", "0/3")
    assert status["blockedBy"] == "node a (ConfigMap a): 0 of 1 replicas are available; behind it: b, c"
    (ready,) = status["conditions"]
    assert (ready["type"], ready["status"], ready["message"]) == ("Ready", "False", status["blockedBy"])


async def test_completed_once_and_for_the_generation() -> None:
    run = started()
    for each in (A, B, C):
        run.move(each, NodePhase.READY)
    first = told(run)
    later = statuses.of_run(run, held=[], current=first, now=datetime(2031, 1, 1, tzinfo=UTC))

    assert (first["phase"], first["summary"], first["completedAt"]) == ("Completed", "3/3", "2030-01-01T00:00:00Z")
    assert later["completedAt"] == first["completedAt"]
    assert "blockedBy" not in first


async def test_an_error_is_a_failure_while_others_go_on() -> None:
    run = started()
    run.move(A, NodePhase.READY)
    run.move(B, NodePhase.ERROR, "forbidden")

    assert (told(run)["phase"], told(run)["summary"]) == ("Failed", "1/3")


async def test_pruning_that_is_held_keeps_a_graph_from_completion() -> None:
    run = started()
    for each in (A, B, C):
        run.move(each, NodePhase.READY)
    status = told(run, "pruning is held: 3 of 4")

    assert (status["phase"], status["blockedBy"]) == ("Executing", "pruning is held: 3 of 4")


async def test_a_node_that_is_not_rendered_yet_says_what_it_waits_for() -> None:
    run = started(waiting=[{"node": "d", "paths": ["observed.a.data.ip"]}])
    for each in (A, B, C):
        run.move(each, NodePhase.READY)
    status = told(run)

    assert (status["phase"], status["summary"]) == ("Executing", "3/4")
    assert status["blockedBy"] == "node d: waits for values of observed.a.data.ip"


async def test_a_violation_refuses_the_instance() -> None:
    status = told(started(violations=[{"path": "spec.port", "message": "taken"}]))

    assert status["phase"] == "Failed"
    assert status["blockedBy"] == "the module refuses the instance: spec.port: taken"


async def test_a_node_says_only_what_there_is_to_say() -> None:
    run = started()
    run.move(A, NodePhase.READY)
    node_status = told(run)["nodes"]["a"]

    assert node_status.keys() == {"phase", "since", "resourceRef"}
    assert node_status["resourceRef"]["name"] == "a"


def test_a_failure_keeps_what_is_known_of_the_nodes() -> None:
    before = {"nodes": {"a": {"phase": "Ready"}}, "completedAt": "2029-01-01T00:00:00Z"}
    status = statuses.of_failure("dependency cycle", current=before, generation=2, now=NOW)

    assert status["nodes"] == before["nodes"]
    assert "completedAt" not in status
    assert (status["phase"], status["blockedBy"], status["observedGeneration"]) == (
        "Failed",
        "dependency cycle",
        2,
    )


async def test_the_status_of_a_thousand_nodes_that_all_fail_fits_into_an_object() -> None:
    run = runs.start(graph(*(node(f"node-{number}") for number in range(1000))), before=None)
    drift = Drift(path=".data.key", wanted="x" * 200, found="y" * 200, manager="somebody", first_seen=NOW)
    for name, state in run.states.items():
        run.move(name, NodePhase.ERROR, "exceeded quota: " + "x" * 4000)
        state.last_error, state.uid, state.drift = state.message, "u" * 36, (drift,) * 50
    status = told(run, *(f"ConfigMap {name} is held" for name in run.nodes))

    assert len(msgspec.json.encode(status)) < MAX_OBJECT_BYTES / 2
    assert status["nodes"]["node-0"]["message"].startswith("exceeded quota: xxx")
    assert status["nodes"]["node-0"]["message"].endswith("…")


async def test_a_small_graph_tells_everything() -> None:
    run = started()
    run.move(A, NodePhase.ERROR, "x" * 900)

    assert told(run)["nodes"]["a"]["message"] == "x" * 900
