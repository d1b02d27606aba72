"""What ``fleet why`` finds in an instance and its graph; the words on a real cluster are in tests/acceptance."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.cli.why import Explanation, NodeBlocker, explain
from fleet.ids import NodeId

Manifest = dict[str, Any]
SINCE = "2026-11-27T08:00:00Z"


def instance(phase: str = "Progressing", *, ready: bool = False, rendered: bool = True, **more: str) -> Manifest:
    conditions = [
        {"type": "Rendered", "status": str(rendered)},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": SINCE},
    ]
    status = {"phase": phase, "observedGeneration": 2, "conditions": conditions, **more}
    return {"metadata": {"name": "shop", "generation": 2}, "status": status}


def graph(nodes: Manifest, *, violations: tuple[Manifest, ...] = (), **status: str) -> Manifest:
    spec = {
        "sourceRef": {
            "apiVersion": "a/v1",
            "kind": "WebService",
            "name": "shop",
            "namespace": "default",
            "uid": "u",
        },
        "revision": {"transform": "webservice", "number": 1},
        "renderHash": "sha256:0",
        "nodes": [{"id": "app", "object": {}}, {"id": "service", "object": {}, "dependsOn": ["app"]}],
        "violations": list(violations),
    }
    return {"metadata": {"name": "webservice-shop"}, "spec": spec, "status": {"nodes": nodes, **status}}


def test_the_first_node_that_is_not_ready_and_what_waits_behind_it() -> None:
    app = {
        "phase": "Error",
        "message": "denied",
        "lastError": "webhook: denied",
        "since": SINCE,
        "attempts": 3,
        "nextRetryAt": "2026-11-27T08:01:00Z",
        "resourceRef": {"kind": "Deployment", "name": "shop"},
    }
    found = explain(instance(blockedBy="in words"), graph({"app": app, "service": {"phase": "Pending"}}))

    assert found == Explanation(
        ready=False,
        phase="Progressing",
        since=SINCE,
        reason="in words",
        blocker=NodeBlocker(
            node=NodeId("app"),
            object="Deployment shop",
            phase="Error",
            message="denied",
            last_error="webhook: denied",
            since=SINCE,
            attempts=3,
            next_retry_at="2026-11-27T08:01:00Z",
            behind=(NodeId("service"),),
        ),
    )


def test_what_is_ready_says_since_when() -> None:
    assert explain(instance("Ready", ready=True), graph({})) == Explanation(ready=True, phase="Ready", since=SINCE)


def test_a_failed_render_is_the_reason_whatever_the_last_graph_says() -> None:
    found = explain(instance("Failed", rendered=False, blockedBy="spec.port: out of bound"), graph({}))

    assert (found.reason, found.blocker) == ("spec.port: out of bound", None)


def test_a_violation_blocks_the_graph_as_a_whole() -> None:
    found = explain(instance("Failed", blockedBy="the module refuses"), graph({}, violations=({"message": "no"},)))

    assert (found.reason, found.blocker) == ("the module refuses", None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"annotations": {"platform.pequod.io/suspend": "true"}}, "asks for it to be left alone"),
        ({"generation": 3}, "no hub has looked at this generation"),
    ],
)
def test_what_the_hub_does_not_do(change: dict[str, Any], says: str) -> None:
    seen = instance("Ready", ready=True)
    seen["metadata"] |= change

    assert says in explain(seen, graph({})).reason


def test_an_instance_that_no_hub_has_seen() -> None:
    found = explain({"metadata": {"name": "shop", "generation": 1}}, None)

    assert (found.phase, found.since) == ("Pending", None)
    assert "no hub has looked" in found.reason


def test_of_a_deleted_instance_its_graph_says_what_holds_it() -> None:
    held = graph({}, blockedBy="Deployment shop: finalizers hold it: example.com/backup")
    held["metadata"]["deletionTimestamp"] = SINCE

    found = explain(None, held)

    assert (found.phase, found.since) == ("Deleting", SINCE)
    assert "example.com/backup" in found.reason


def test_an_instance_that_finalizers_of_others_hold_is_not_torn_down_yet() -> None:
    deleted = instance("Ready", ready=True)
    deleted["metadata"] |= {"deletionTimestamp": SINCE, "finalizers": ["example.com/backup"]}

    found = explain(deleted, graph({}))

    assert (found.phase, found.since) == ("Deleting", SINCE)
    assert found.reason == "finalizers hold it: example.com/backup; what it consists of stays until then"


def test_what_nobody_looks_after_says_so_whatever_its_status_says() -> None:
    why = "cluster spoke-1 is suspended by its cluster file"
    ready = explain(instance("Ready", ready=True), graph({}), left_alone=why)
    new = explain({"metadata": {"name": "shop", "generation": 1}}, None, left_alone=why)

    assert (ready.ready, ready.left_alone) == (True, why)
    assert (new.reason, new.left_alone) == ("no hub has looked at this generation of it yet", why)
