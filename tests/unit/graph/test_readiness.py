from __future__ import annotations

from typing import Any

import pytest

from fleet.graph import readiness
from fleet.graph.model import GraphError, ReadyWhen, ReadyWhenType


def body(kind: str = "Gadget", *, generation: int = 1, api_version: str = "v1", **rest: object) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"generation": generation}, **rest}


def condition(type_: str, status: str = "True", **rest: object) -> dict[str, Any]:
    return {"type": type_, "status": status, **rest}


def said(predicate: ReadyWhen | None, seen: dict[str, Any] | None) -> str:
    """What is missing; nothing where the object is ready."""
    verdict = readiness.check([predicate] if predicate else [], seen)
    assert verdict.ready == (verdict.message == "")
    return verdict.message


EXISTS = ReadyWhen(type=ReadyWhenType.EXISTS)
WORKS = ReadyWhen(type=ReadyWhenType.CONDITION_MATCH, condition="Works")
AVAILABLE = ReadyWhen(type=ReadyWhenType.DEPLOYMENT_AVAILABLE)
ROLLED_OUT = {
    "observedGeneration": 1,
    "replicas": 2,
    "updatedReplicas": 2,
    "availableReplicas": 2,
    "conditions": [condition("Available")],
}


def expression(text: str) -> ReadyWhen:
    return ReadyWhen(type=ReadyWhenType.EXPRESSION, expression=text)


def test_exists() -> None:
    assert said(EXISTS, None) == "the object does not exist"
    assert said(EXISTS, body(status={"observedGeneration": 0})) == ""


@pytest.mark.parametrize(
    ("conditions", "missing"),
    [
        ([], "there is no condition Works yet"),
        ([condition("Works", "False", message="no oil")], "condition Works is False: no oil"),
        ([condition("Works", "Unknown", reason="Starting")], "condition Works is Unknown: Starting"),
        ([condition("Works", observedGeneration=1)], "its status is for generation 1, the object is at 2"),
        ([condition("Works", observedGeneration=2)], ""),
    ],
)
def test_condition_match(conditions: list[dict[str, Any]], missing: str) -> None:
    assert said(WORKS, body(generation=2, status={"conditions": conditions})) == missing


def test_a_condition_without_a_generation_has_that_of_the_status() -> None:
    seen = body(generation=2, status={"observedGeneration": 1, "conditions": [condition("Works")]})

    assert "generation 1" in said(WORKS, seen)


def test_expression() -> None:
    ready = body(status={"phase": "Running"})

    assert said(expression("self.status.phase == 'Running'"), ready) == ""
    assert said(expression("self.status.phase == 'Done'"), ready) == "it is false"
    assert "Key not found" in said(expression("self.status.nothing"), ready), "not there yet is not ready"
    stale = body(generation=2, status={"phase": "Running", "observedGeneration": 1})
    assert "generation 1" in said(expression("self.status.phase == 'Running'"), stale)


@pytest.mark.parametrize("text", ["self.(", "self.status.phase"])
def test_an_expression_that_is_no_predicate_is_refused(text: str) -> None:
    with pytest.raises(GraphError, match="readyWhen expression"):
        said(expression(text), body(status={"phase": "Running"}))


def test_the_first_predicate_that_does_not_hold_is_told() -> None:
    verdict = readiness.check([EXISTS, WORKS, expression("false")], body())

    assert verdict.predicate == "ConditionMatch Works=True"


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, ""),
        ({"observedGeneration": 0}, "its status is for generation 0, the object is at 1"),
        ({"updatedReplicas": 1}, "1 of 2 replicas are updated"),
        ({"replicas": 3}, "1 old replicas still run"),
        ({"availableReplicas": 1}, "1 of 2 replicas are available"),
        ({"conditions": [condition("Available", "False")]}, "condition Available is not True yet"),
    ],
)
@pytest.mark.parametrize("predicate", [AVAILABLE, None])
def test_deployments(predicate: ReadyWhen | None, change: dict[str, Any], missing: str) -> None:
    status = {**ROLLED_OUT, **change}

    seen = body("Deployment", api_version="apps/v1", spec={"replicas": 2}, status=status)
    assert said(predicate, seen) == missing


def test_a_deployment_past_its_deadline_will_not_get_ready_by_itself() -> None:
    late = condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="timed out")
    status = {**ROLLED_OUT, "conditions": [late]}
    verdict = readiness.check([], body("Deployment", api_version="apps/v1", status=status))

    assert (verdict.failed, verdict.message) == (True, "timed out")


@pytest.mark.parametrize(
    ("seen", "missing"),
    [
        (body(), ""),
        (body(generation=2, status={"observedGeneration": 1}), "generation 1, the object is at 2"),
        (body(status={"conditions": [condition("Reconciling", message="busy")]}), "it is reconciling: busy"),
        (
            body(status={"conditions": [condition("Ready", "False", reason="Cold")]}),
            "condition Ready is False: Cold",
        ),
        (body(status={"conditions": [condition("Ready")]}), ""),
        (body("Job", api_version="batch/v1", status={"active": 1}), "0 of 1 completions, 1 pods active"),
        (body("Job", api_version="batch/v1", status={"conditions": [condition("Complete")]}), ""),
        (body("Pod", status={"phase": "Pending"}), "the Pod is Pending"),
        (body("Pod", status={"phase": "Succeeded"}), ""),
        (body("Pod", status={"phase": "Running", "conditions": [condition("Ready")]}), ""),
        (body("PersistentVolumeClaim", status={"phase": "Pending"}), "the claim is Pending"),
        (body("PersistentVolumeClaim", status={"phase": "Bound"}), ""),
        (body("Namespace", status={"phase": "Terminating"}), "the Namespace is Terminating"),
        (body("Service", spec={"type": "LoadBalancer"}), "it has no cluster IP yet"),
        (body("Service", spec={"type": "ClusterIP"}), ""),
        (
            body("StatefulSet", api_version="apps/v1", spec={"replicas": 2}, status={"observedGeneration": 1}),
            "0 of 2 replicas are ready",
        ),
        (
            body(
                "DaemonSet",
                api_version="apps/v1",
                status={"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
            ),
            "1 of 2 pods are updated",
        ),
        (
            body("CustomResourceDefinition", api_version="apiextensions.k8s.io/v1"),
            "no condition Established yet",
        ),
    ],
)
def test_without_predicates_the_kind_decides(seen: dict[str, Any], missing: str) -> None:
    told = said(None, seen)

    assert missing in told
    assert bool(missing) == bool(told)


@pytest.mark.parametrize(
    "seen",
    [
        body(status={"conditions": [condition("Stalled", message="never")]}),
        body("Job", api_version="batch/v1", status={"conditions": [condition("Failed")]}),
        body("Pod", status={"phase": "Failed"}),
        body("PersistentVolumeClaim", status={"phase": "Lost"}),
    ],
)
def test_what_will_not_get_ready_by_waiting_has_failed(seen: dict[str, Any]) -> None:
    assert readiness.check([], seen).failed
