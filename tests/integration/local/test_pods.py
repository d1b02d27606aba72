"""Workloads become ready for real: scheduled by the real scheduler, run by a stand-in for the kubelet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import ControlPlanes, Manifest, View

    Look = Callable[[ControlPlane], View]


def _workload(api_version: str, kind: str, namespace: str, *, spec: Manifest, pod: Manifest) -> Manifest:
    containers = [{"name": "main", "image": "example.invalid/never-pulled"}]
    template = {"metadata": {"labels": {"app": "it"}}, "spec": {"containers": containers, **pod}}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "it", "namespace": namespace},
        "spec": {**spec, "template": template},
    }


def _deployment(namespace: str, **pod: Any) -> Manifest:  # noqa: ANN401 - part of a manifest
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "it"}}}
    return _workload("apps/v1", "Deployment", namespace, spec=spec, pod=pod)


def _status(manifest: Manifest | None) -> Manifest:
    status: Manifest = (manifest or {}).get("status", {})
    return status


def _ready_replicas(manifest: Manifest | None) -> int:
    return int(_status(manifest).get("readyReplicas", 0))


def _is_true(manifest: Manifest | None, condition: str) -> bool:
    conditions = _status(manifest).get("conditions", [])
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


def test_a_deployment_becomes_available_and_goes(
    control_planes: ControlPlanes, view: Look, namespace: str
) -> None:
    cluster = view(control_planes.spoke_1)
    cluster.apply(_deployment(namespace))

    until(
        lambda: cluster.get("apps/v1", "Deployment", "it", namespace=namespace),
        lambda found: _is_true(found, "Available") and _ready_replicas(found) == 2,
    )
    cluster.delete("apps/v1", "Deployment", "it", namespace=namespace)
    until(lambda: cluster.list("v1", "Pod", namespace=namespace), lambda pods: not pods)


def test_pods_that_fit_no_node_stay_pending(control_planes: ControlPlanes, view: Look, namespace: str) -> None:
    """The way for a test to get a Deployment that never becomes available."""
    cluster = view(control_planes.spoke_1)
    cluster.apply(_deployment(namespace, nodeSelector={"disk": "none-has-it"}))

    def unschedulable() -> list[bool]:
        pods = cluster.list("v1", "Pod", namespace=namespace)
        return [c["reason"] == "Unschedulable" for pod in pods for c in pod["status"].get("conditions", [])]

    until(unschedulable, lambda seen: len(seen) == 2 and all(seen))
    assert not _is_true(cluster.get("apps/v1", "Deployment", "it", namespace=namespace), "Available")


def test_a_job_completes(control_planes: ControlPlanes, view: Look, namespace: str) -> None:
    cluster = view(control_planes.hub)
    cluster.apply(_workload("batch/v1", "Job", namespace, spec={}, pod={"restartPolicy": "Never"}))

    until(
        lambda: cluster.get("batch/v1", "Job", "it", namespace=namespace),
        lambda found: _is_true(found, "Complete"),
    )


def test_a_stateful_set_and_a_service_with_endpoints(
    control_planes: ControlPlanes, view: Look, namespace: str
) -> None:
    cluster = view(control_planes.hub)
    selector = {"app": "it"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "it", "namespace": namespace},
            "spec": {"selector": selector, "ports": [{"port": 80}]},
        }
    )
    spec = {"replicas": 2, "selector": {"matchLabels": selector}, "serviceName": "it"}
    cluster.apply(_workload("apps/v1", "StatefulSet", namespace, spec=spec, pod={}))

    until(
        lambda: cluster.list("discovery.k8s.io/v1", "EndpointSlice", namespace=namespace),
        lambda slices: [len(found["endpoints"] or []) for found in slices] == [2],
    )
    until(
        lambda: cluster.get("apps/v1", "StatefulSet", "it", namespace=namespace),
        lambda found: _ready_replicas(found) == 2,
    )
