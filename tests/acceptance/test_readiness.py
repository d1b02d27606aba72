"""When a node is ready, and what starts then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import config_map, deployment, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench

NO_SUCH_NODE = {"nodeSelector": {"no-such": "node"}}
GADGET = ("gadgets.example.com/v1", "Gadget")


def said(key: str) -> Manifest:
    """A predicate that waits until somebody sets a key of a ConfigMap."""
    return {"type": "Expression", "expression": f"self.data.{key} == 'yes'"}


def say(bench: Bench, name: str, key: str) -> None:
    metadata = {"name": name, "namespace": bench.namespace}
    bench.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: "yes"}})


@pytest.fixture
def gadget(bench: Bench) -> Iterator[Manifest]:
    """An object whose controller is the test: it says what it wants in the status."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    bench.view.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "gadgets.gadgets.example.com"},
            "spec": {
                "group": "gadgets.example.com",
                "scope": "Namespaced",
                "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "subresources": {"status": {}},
                        "schema": {"openAPIV3Schema": schema},
                    }
                ],
            },
        }
    )
    until(lambda: bench.view.serves(*GADGET))
    yield {"apiVersion": GADGET[0], "kind": GADGET[1], "metadata": {"name": "gadget"}, "spec": {"size": 1}}
    bench.delete("web")
    bench.until_gone("web")
    bench.view.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "gadgets.gadgets.example.com")


def tell(bench: Bench, **status: object) -> None:
    metadata = {"name": "gadget", "namespace": bench.namespace}
    patch = {"apiVersion": GADGET[0], "kind": GADGET[1], "metadata": metadata, "status": status}
    bench.view.merge(patch, subresource="status")


def test_each_node_starts_when_its_own_dependencies_are_ready(bench: Bench) -> None:
    bench.bundle(
        "web",
        node("slow", config_map("slow"), readyWhen=[said("done")]),
        node("after-slow", config_map("after-slow"), dependsOn=["slow"]),
        node("fast", config_map("fast")),
        node("after-fast", config_map("after-fast"), dependsOn=["fast"]),
        node("last", config_map("last"), dependsOn=["after-slow", "after-fast"]),
    )
    until(lambda: bench.node("web", "after-fast").get("phase") == "Ready")
    told = bench.until_blocked("web", "node slow (ConfigMap slow)", "behind it: after-slow, last")
    assert "Expression self.data.done == 'yes'" in told, "the predicate that does not hold"
    assert bench.data("after-slow") is None
    assert bench.data("last") is None

    say(bench, "slow", "done")
    bench.until_ready("web")
    assert bench.writes("apply", "web")[-2:] == ["after-slow", "last"]


def test_a_condition_counts_only_for_the_generation_that_it_speaks_of(bench: Bench, gadget: Manifest) -> None:
    ready_when = [{"type": "ConditionMatch", "condition": "Works", "status": "True"}]
    bench.bundle("web", node("gadget", gadget, readyWhen=ready_when))
    bench.until_blocked("web", "there is no condition Works yet")
    works = {"type": "Works", "status": "False", "message": "the oil is missing", "observedGeneration": 1}
    tell(bench, conditions=[works])
    bench.until_blocked("web", "condition Works is False: the oil is missing")
    tell(bench, conditions=[works | {"status": "True"}])
    bench.until_ready("web")

    bench.bundle("web", node("gadget", gadget | {"spec": {"size": 2}}, readyWhen=ready_when))
    bench.until_blocked("web", "its status is for generation 1, the object is at 2")
    tell(bench, conditions=[works | {"status": "True", "observedGeneration": 2}])
    bench.until_ready("web")


def test_without_predicates_the_conditions_that_every_controller_may_set_decide(
    bench: Bench, gadget: Manifest
) -> None:
    bench.bundle("web", node("gadget", gadget))
    bench.until_ready("web")
    tell(bench, observedGeneration=1, conditions=[{"type": "Ready", "status": "False", "message": "warming up"}])
    bench.until_blocked("web", "condition Ready is False: warming up")
    tell(bench, observedGeneration=1, conditions=[{"type": "Stalled", "status": "True", "message": "no fuel"}])
    bench.until_blocked("web", "it is stalled: no fuel")
    assert bench.node("web", "gadget")["phase"] == "Error"
    tell(bench, observedGeneration=1, conditions=[{"type": "Ready", "status": "True"}])
    bench.until_ready("web")


def test_without_predicates_a_workload_is_judged_by_its_kind(bench: Bench) -> None:
    pods = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "busybox"}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": {"template": pods}}
    bench.bundle(
        "web",
        node("waits", deployment("waits", replicas=1, **NO_SUCH_NODE)),
        node("job", job),
        node("after-job", config_map("after-job"), dependsOn=["job"]),
    )
    until(lambda: bench.node("web", "after-job").get("phase") == "Ready")
    live = bench.find("Job", "job")
    assert live is not None
    assert live["status"]["succeeded"] == 1, "a Job is ready when it is complete"
    bench.until_blocked("web", "node waits (Deployment waits)", "0 of 1 replicas are available")

    bench.bundle("web", node("waits", deployment("waits", replicas=1)))
    bench.until_ready("web")


def test_deployment_available_holds_for_the_current_generation_only(bench: Bench) -> None:
    ready_when = [{"type": "DeploymentAvailable"}]
    bench.bundle("web", node("app", deployment("app", replicas=1), readyWhen=ready_when))
    bench.until_ready("web")
    bench.bundle("web", node("app", deployment("app", replicas=1, **NO_SUCH_NODE), readyWhen=ready_when))
    bench.until_blocked("web", "DeploymentAvailable", "1 old replicas still run")
    bench.bundle("web", node("app", deployment("app", replicas=1), readyWhen=ready_when))
    bench.until_ready("web")


def test_a_node_that_is_not_ready_in_time_is_an_error_until_it_is(bench: Bench) -> None:
    bench.bundle("web", node("slow", config_map("slow"), readyWhen=[said("done") | {"timeoutSeconds": 1}]))
    bench.until_blocked("web", "not ready in 1 s", "Expression self.data.done == 'yes'")
    assert bench.status("web")["phase"] == "Failed"
    say(bench, "slow", "done")
    bench.until_ready("web")


def test_an_expression_that_cannot_be_evaluated_is_told(bench: Bench) -> None:
    bench.bundle("web", node("odd", config_map("odd"), readyWhen=[{"type": "Expression", "expression": "self.("}]))
    bench.until_blocked("web", "node odd", "readyWhen expression 'self.('")
