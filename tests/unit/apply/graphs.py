"""Graphs and live objects for tests of the apply room, as the cluster shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from fleet.kube.objects import LiveObject


def live(manifest: dict[str, Any]) -> LiveObject:
    """An object as a cluster gives it."""
    return LiveObject.decode(msgspec.json.encode(manifest))


def node(id_: str, *needs: str, **rest: object) -> dict[str, Any]:
    """A node with a ConfigMap of its own name."""
    object_ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": id_}, "data": {"key": "value"}}
    return {"id": id_, "object": object_, "dependsOn": list(needs), **rest}


def graph(
    *nodes: dict[str, Any],
    generation: int = 1,
    version: int = 1,
    status: dict[str, Any] | None = None,
    **spec: object,
) -> LiveObject:
    """A ResourceGraph of these nodes."""
    source = {"apiVersion": "example.com/v1", "kind": "Web", "name": "web", "namespace": "ns", "uid": "u-1"}
    return live(
        {
            "apiVersion": "platform.pequod.io/v1alpha1",
            "kind": "ResourceGraph",
            "metadata": {
                "name": "web-web",
                "namespace": "ns",
                "uid": "g-1",
                "generation": generation,
                "resourceVersion": str(version),
            },
            "spec": {
                "sourceRef": source,
                "revision": {"transform": "web", "number": 1},
                "renderHash": "sha256:x",
                "nodes": list(nodes),
                **spec,
            },
            "status": status or {},
        }
    )
