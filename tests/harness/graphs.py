"""A hub on one cluster that is its hub and its spoke, and a kind whose instances say what nodes they have.

The kind's module hands ``spec.nodes`` on, so a test shows the graph that it is about, and goes the way that users
go: an instance, its graph, the objects.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.clusters import Manifest, View
    from tests.harness.hub import HubProcess

PLATFORM = "platform.pequod.io/v1alpha1"
GROUP = "graphs.example.com"
API_VERSION = f"{GROUP}/v1alpha1"
BUNDLE = """
#Meta: kind: "Bundle"
#Input: nodes: [...{...}]
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	output: nodes: input.spec.nodes
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The running hub, seen from one namespace. Objects are those of the namespace unless told otherwise."""

    hub: HubProcess
    view: View
    namespace: str

    def on(self, view: View) -> Bench:
        """The same, on another cluster."""
        return replace(self, view=view)

    def transform(self, name: str, source: str, **spec: object) -> None:
        """Apply a Transform with an inline module, and wait until its kind is served."""
        manifest = {
            "apiVersion": PLATFORM,
            "kind": "Transform",
            "metadata": {"name": name},
            "spec": {"cueRef": {"type": "inline", "ref": source}, "group": GROUP, **spec},
        }
        generation = self.view.apply(manifest)["metadata"]["generation"]

        def rolled_out() -> bool:
            status = (self.view.get(PLATFORM, "Transform", name) or {}).get("status", {})
            assert status.get("observedGeneration") == generation, status
            assert status.get("phase") == "Ready", status
            return True

        until(rolled_out)

    def apply(
        self, name: str, *, kind: str = "Bundle", annotations: dict[str, str] | None = None, **spec: object
    ) -> None:
        """Apply an instance."""
        metadata = {"name": name, "namespace": self.namespace, "annotations": annotations or {}}
        self.view.apply({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec})

    def bundle(self, name: str, *nodes: Manifest, annotations: dict[str, str] | None = None) -> None:
        """Apply a Bundle of these nodes."""
        self.apply(name, annotations=annotations, nodes=list(nodes))

    def delete(self, name: str, *, kind: str = "Bundle") -> None:
        """Ask for the deletion of an instance."""
        self.view.delete(API_VERSION, kind, name, namespace=self.namespace)

    def instance(self, name: str, *, kind: str = "Bundle") -> Manifest:
        """An instance; empty where there is none."""
        return self.view.get(API_VERSION, kind, name, namespace=self.namespace) or {}

    def status(self, name: str, *, kind: str = "Bundle") -> Manifest:
        """The status of an instance; empty where there is none."""
        status: Manifest = self.instance(name, kind=kind).get("status", {})
        return status

    def graph(self, name: str, *, kind: str = "Bundle") -> Manifest | None:
        """The ResourceGraph of an instance."""
        return self.view.get(PLATFORM, "ResourceGraph", f"{kind.lower()}-{name}", namespace=self.namespace)

    def node(self, name: str, node: str) -> Manifest:
        """What the graph's status says of a node; empty where it says nothing."""
        status = (self.graph(name) or {}).get("status", {})
        told: Manifest = status.get("nodes", {}).get(node, {})
        return told

    def find(self, kind: str, name: str, *, namespace: str | None = None) -> Manifest | None:
        """An object of one of the everyday kinds."""
        return self.view.get(_API_VERSIONS[kind], kind, name, namespace=namespace or self.namespace)

    def data(self, name: str) -> dict[str, str] | None:
        """What a ConfigMap says."""
        live = self.find("ConfigMap", name)
        return None if live is None else live.get("data", {})

    def until_ready(self, name: str, *, kind: str = "Bundle", deadline_s: float = 30) -> Manifest:
        """Wait until an instance is Ready as it now is and its graph says so, too, and give its status."""

        def ready() -> Manifest:
            live = self.instance(name, kind=kind)
            status: Manifest = live.get("status", {})
            assert status.get("observedGeneration") == live["metadata"]["generation"], status
            assert status.get("phase") == "Ready", status
            assert is_completed(self.graph(name, kind=kind) or {})
            return status

        return until(ready, deadline_s=deadline_s)

    def until_blocked(self, name: str, *words: str, deadline_s: float = 30) -> str:
        """Wait until the instance says that it is blocked, in these words, and give all of what it says."""

        def blocked() -> str:
            told: str = self.status(name).get("blockedBy", "")
            missing = [each for each in words if each not in told]
            assert not missing, f"{missing} not in {told!r}"
            return told

        return until(blocked, deadline_s=deadline_s)

    def until_gone(self, name: str, *, kind: str = "Bundle", deadline_s: float = 30) -> None:
        """Wait until nothing is left of an instance's graph."""
        until(lambda: self.graph(name, kind=kind) is None, deadline_s=deadline_s)

    def sql(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What SQL says, asked behind the hub's back."""
        with closing(sqlite3.connect(self.hub.database_url.partition("///")[2])) as connection:
            return connection.execute(query, arguments).fetchall()

    def writes(self, verb: str, name: str) -> list[str]:
        """The nodes of an instance, one for each write with ``verb`` (apply, delete, …), in order."""
        rows = self.sql(
            "SELECT node FROM audit_log WHERE tag = ? AND instance = ? AND node IS NOT NULL ORDER BY id",
            f"object:{verb}:intent",
            f"{self.namespace}/{name}",
        )
        return [node for (node,) in rows]


_API_VERSIONS = {
    "ConfigMap": "v1",
    "Service": "v1",
    "Pod": "v1",
    "Namespace": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
}


def is_completed(graph: Manifest) -> bool:
    """Whether a graph says so of itself as it now is; its status is written at the same time as its instance's."""
    status = graph.get("status", {})
    return bool(
        status.get("phase") == "Completed" and status.get("observedGeneration") == graph["metadata"]["generation"]
    )


def node(id_: str, object_: Manifest, **rest: object) -> Manifest:
    """A node: ``dependsOn``, ``readyWhen`` and the policies by their names."""
    return {"id": id_, "object": object_, **rest}


def config_map(name: str, *, namespace: str | None = None, **data: str) -> Manifest:
    """A ConfigMap, which is ready as soon as it is there."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str, *, replicas: int = 0, **pod: object) -> Manifest:
    """A Deployment; without replicas it is available at once."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "nginx"}], **pod},
            },
        },
    }


def service(name: str, *, port: int = 80, **spec: object) -> Manifest:
    """A Service."""
    ports = [{"port": port}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports, **spec}}
