"""What there is to see of a fleet, put into words. Every function here looks once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fleet.cli.demo.narrator import Event, Sight
from fleet.cli.onecluster import Kind
from fleet.kube.conditions import holds
from fleet.kube.labels import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.cli.onecluster import Manifest, OneCluster
    from fleet.registry.clusters import Registration

TRANSFORMS = Kind(api_version=f"{GROUP}/v1alpha1", plural="transforms", namespaced=False)
GRAPHS = Kind(api_version=f"{GROUP}/v1alpha1", plural="resourcegraphs")
CRDS = Kind(api_version="apiextensions.k8s.io/v1", plural="customresourcedefinitions", namespaced=False)
DEPLOYMENTS = Kind(api_version="apps/v1", plural="deployments")
SERVICES = Kind(api_version="v1", plural="services")

NAME = "hello"
"""Of the sample WebService, and so of its Deployment and its Service."""


# The fleet


def registration(found: Registration | None) -> Sight:
    """What SQL knows of a cluster."""
    if found is None:
        return Sight(happened=False, text="not registered")
    if found.health is None:
        return Sight(happened=False, text="registered, not looked at yet")
    if not found.health.reachable:
        return Sight(happened=False, text=f"registered, not reachable: {found.health.reason}")
    roles = " and ".join(sorted(found.cluster.roles))
    return Sight(happened=True, text=f"registered as {roles}, and reachable")


def serves_transforms(hub: OneCluster) -> Sight:
    """Whether the hub has installed its own CRD on the hub cluster."""
    return _crd(hub, f"transforms.{GROUP}", told="serves the kind Transform")


def generated_crd(spoke: OneCluster, name: str) -> Sight:
    """Whether a spoke serves a kind that a Transform made."""
    return _crd(spoke, name, told=f"CRD {name} is established")


def _crd(cluster: OneCluster, name: str, *, told: str) -> Sight:
    crd = cluster.find(CRDS, name)
    if crd is None:
        return Sight(happened=False, text=f"there is no CRD {name}")
    if not holds(crd, "Established"):
        return Sight(happened=False, text=f"CRD {name} is not established")
    return Sight(happened=True, text=told)


def transform_revision(hub: OneCluster, name: str) -> Sight:
    """Whether a Transform has its first revision."""
    status = transform_status(hub, name)
    if "revision" not in status or "generatedCRD" not in status:
        return Sight(happened=False, text=_progress(status))
    revision, generated = status["revision"], status["generatedCRD"]
    digest = revision["moduleDigest"][:19]
    kind = f"{generated['kind']} in {generated['apiVersion']}"
    return Sight(happened=True, text=f"revision {revision['number']} of module {digest}… is the kind {kind}")


def transform_ready(hub: OneCluster, name: str) -> Sight:
    """Whether a Transform's kind is on every spoke where it belongs."""
    status = transform_status(hub, name)
    if not holds({"status": status}, "Ready"):
        return Sight(happened=False, text=_progress(status))
    return Sight(happened=True, text=f"Transform {name} is Ready on {status['clusters']['summary']} spokes")


def transform_status(hub: OneCluster, name: str) -> Manifest:
    """The status of a Transform; empty while it has none."""
    status: Manifest = (hub.find(TRANSFORMS, name) or {}).get("status", {})
    return status


def _progress(status: Manifest) -> str:
    ready = next((each for each in status.get("conditions", []) if each["type"] == "Ready"), None)
    return f"{status.get('phase', 'no status yet')}: {ready['message']}" if ready else "no status yet"


# One instance and what is made of it


def coming_up(spoke: OneCluster, instances: Kind) -> list[Event]:
    """What follows when an instance is created."""
    looks = {
        "the Deployment": partial(_deployment_made, spoke),
        "the Deployment to be available": partial(_deployment_rolled_out, spoke),
        "the Service": partial(_service_made, spoke),
        "the WebService to be Ready": partial(_ready, spoke, instances),
    }
    return _events(spoke, looks)


def changing(spoke: OneCluster, instances: Kind, *, before: Manifest) -> list[Event]:
    """What follows when an instance is changed; ``before`` is its Deployment as it was."""
    since = before["metadata"]["generation"] + 1
    looks = {
        "a change of the Deployment": partial(_deployment_changed, spoke, before=before),
        "the Deployment to be available": partial(_deployment_rolled_out, spoke, generation=since),
        "the WebService to be Ready": partial(_ready, spoke, instances),
    }
    return _events(spoke, looks)


def going_down(spoke: OneCluster, instances: Kind) -> list[Event]:
    """What follows when an instance is deleted."""
    looks = {
        "the Service to go": partial(_gone, spoke, SERVICES, f"Service {NAME}"),
        "the Deployment to go": partial(_gone, spoke, DEPLOYMENTS, f"Deployment {NAME}"),
        "the ResourceGraph to go": partial(_gone, spoke, GRAPHS, f"ResourceGraph webservice-{NAME}"),
        "the WebService to go": partial(_gone, spoke, instances, f"WebService {NAME}"),
    }
    return _events(spoke, looks)


def _events(spoke: OneCluster, looks: Mapping[str, Callable[[], Sight]]) -> list[Event]:
    return [Event(place=spoke.name, what=what, look=look) for what, look in looks.items()]


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """The fields that differ, as ``replicas 2 → 3``."""
    names = sorted(before.keys() | after.keys())
    changed = [name for name in names if before.get(name) != after.get(name)]
    return ", ".join(f"{name} {before.get(name)} → {after.get(name)}" for name in changed)


def pods_in_words(fields: Mapping[str, object]) -> str:
    """``2 × nginx:1.27``, from `deployment_fields` or the spec of a WebService."""
    return f"{fields['replicas']} × {fields['image']}"


def deployment_fields(deployment: Manifest) -> dict[str, object]:
    """What of a Deployment a WebService's spec decides."""
    spec = deployment["spec"]
    return {"image": spec["template"]["spec"]["containers"][0]["image"], "replicas": spec["replicas"]}


def _deployment_made(spoke: OneCluster) -> Sight:
    deployment = spoke.find(DEPLOYMENTS, NAME)
    if deployment is None:
        return Sight(happened=False, text="there is no Deployment")
    return Sight(happened=True, text=f"Deployment {NAME}: {pods_in_words(deployment_fields(deployment))}")


def _deployment_changed(spoke: OneCluster, *, before: Manifest) -> Sight:
    deployment = spoke.find(DEPLOYMENTS, NAME)
    if deployment is None:
        return Sight(happened=False, text="there is no Deployment")
    changes = difference(deployment_fields(before), deployment_fields(deployment))
    return Sight(happened=bool(changes), text=f"Deployment {NAME}: {changes or 'as it was'}")


def _deployment_rolled_out(spoke: OneCluster, *, generation: int = 1) -> Sight:
    deployment = spoke.find(DEPLOYMENTS, NAME)
    if deployment is None:
        return Sight(happened=False, text="there is no Deployment")
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    up = min(status.get("availableReplicas", 0), status.get("updatedReplicas", 0))
    current = status.get("observedGeneration", 0) >= max(generation, deployment["metadata"]["generation"])
    if not (current and up == wanted and holds(deployment, "Available")):
        return Sight(happened=False, text=f"{up} of {wanted} pods are available")
    return Sight(happened=True, text=f"Deployment {NAME} is available: {up} of {wanted} pods")


def _service_made(spoke: OneCluster) -> Sight:
    service = spoke.find(SERVICES, NAME)
    if service is None:
        return Sight(happened=False, text="there is no Service")
    told = f"Service {NAME}: port {service['spec']['ports'][0]['port']}"
    available = holds(spoke.find(DEPLOYMENTS, NAME) or {}, "Available")
    return Sight(happened=True, text=f"{told}, now that its Deployment is available" if available else told)


def _ready(spoke: OneCluster, instances: Kind) -> Sight:
    instance = spoke.find(instances, NAME)
    if instance is None:
        return Sight(happened=False, text="there is no WebService")
    status = instance.get("status", {})
    current = status.get("observedGeneration", 0) >= instance["metadata"]["generation"]
    if not (current and holds(instance, "Ready")):
        return Sight(happened=False, text=status.get("blockedBy") or status.get("phase") or "no status yet")
    return Sight(happened=True, text=f"WebService {NAME} is Ready: {status.get('address', '')}")


def _gone(spoke: OneCluster, kind: Kind, called: str) -> Sight:
    if spoke.find(kind, called.partition(" ")[2]) is None:
        return Sight(happened=True, text=f"{called} is gone")
    return Sight(happened=False, text=f"{called} is still there")
