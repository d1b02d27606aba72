"""A HorizontalPodAutoscaler, worked by the real controller, and a Deployment of the same graph do not fight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import deployment, node
from tests.harness.metrics import METRIC, Metrics
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench

GRACE = "terminationGracePeriodSeconds"


@pytest.fixture
def metrics(bench: Bench, tmp_path: Path) -> Iterator[Metrics]:
    """What the cluster's autoscaler knows."""
    with Metrics(tmp_path) as started:
        bench.view.apply(started.service(namespace=bench.namespace))
        registered = started.api_service(namespace=bench.namespace)
        named = registered["apiVersion"], registered["kind"], registered["metadata"]["name"]
        bench.view.apply(registered)
        try:
            until(
                lambda: (bench.view.get(*named) or {}).get("status", {}).get("conditions"),
                lambda conditions: conditions[0]["status"] == "True",
            )
            yield started
        finally:
            bench.view.delete(*named)  # an API that does not answer is in the way of namespaces that go


def autoscaler(name: str) -> Manifest:
    """Ten things in the queue for each replica."""
    target = {"type": "AverageValue", "averageValue": "10"}
    at_once = {"stabilizationWindowSeconds": 0}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 9,
            "metrics": [{"type": "External", "external": {"metric": {"name": METRIC}, "target": target}}],
            "behavior": {"scaleUp": at_once, "scaleDown": at_once},
        },
    }


@pytest.mark.parametrize("replicas", [None, 1])
def test_replicas_are_the_autoscalers(bench: Bench, metrics: Metrics, replicas: int | None) -> None:
    def apply(**pod: int) -> None:
        app = deployment("app", replicas=1)
        app["spec"]["template"]["spec"] |= pod
        if replicas is None:
            app["spec"].pop("replicas")
        bench.bundle("web", node("app", app), node("scaler", autoscaler("app"), dependsOn=["app"]))

    metrics.value = 30
    apply()
    bench.until_ready("web")
    until(lambda: seen_replicas(bench) == 3)

    apply(terminationGracePeriodSeconds=7)
    until(lambda: (bench.find("Deployment", "app") or {})["spec"]["template"]["spec"].get(GRACE) == 7)
    bench.until_ready("web")
    assert seen_replicas(bench) == 3

    metrics.value = 20
    until(lambda: seen_replicas(bench) == 2)
    bench.until_ready("web")
    assert rescales(bench) == ["3", "2"], "once each: nobody undid what the autoscaler did"
    assert bench.writes("apply", "web") == ["app", "scaler", "app"]
    assert "drift" not in bench.node("web", "app")


def seen_replicas(bench: Bench) -> int:
    """How many replicas the Deployment is to have."""
    replicas: int = (bench.find("Deployment", "app") or {})["spec"]["replicas"]
    return replicas


def rescales(bench: Bench) -> list[str]:
    """The sizes that the autoscaler gave the Deployment, in order."""
    events = bench.view.list("v1", "Event", namespace=bench.namespace)
    found = [each for each in events if each["reason"] == "SuccessfulRescale"]
    assert all(each.get("count", 1) == 1 for each in found), found
    found.sort(key=lambda each: each["metadata"]["creationTimestamp"])
    return [each["message"].partition("New size: ")[2].partition(";")[0] for each in found]
