"""The ResourceGraph that an instance renders to."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.kube import labels
from fleet.kube.resources import ObjectRef
from fleet.kube.wellknown import GRAPHS

if TYPE_CHECKING:
    from fleet.cue.contract import Rendered
    from fleet.kube.objects import LiveObject
    from fleet.transforms.catalog import Active

MAX_NAME = 253
"""Longest name of an object: a DNS subdomain (RFC 1123)."""


def graph_name(kind: str, instance: str) -> str:
    """The graph's name: the kind keeps two instances of one name apart.

    A name that would be too long is cut, and made unique by a digest of the whole.
    """
    name = f"{kind.lower()}-{instance}"
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: MAX_NAME - 11]}-{digest}"


def build(instance: LiveObject, active: Active, rendered: Rendered) -> dict[str, Any]:
    """The graph's manifest for server-side apply."""
    meta = instance.meta
    content = {
        "nodes": list(rendered.nodes),
        "waiting": [{"node": each.node, "paths": list(each.paths)} for each in rendered.waiting],
        "violations": [msgspec.to_builtins(each) for each in rendered.violations],
    }
    given = {key: rendered.metadata[key] for key in ("labels", "annotations") if rendered.metadata.get(key)}
    hashed = {**content, "metadata": given} if given else content
    digest = hashlib.sha256(msgspec.json.encode(hashed, order="deterministic")).hexdigest()
    return {
        "apiVersion": GRAPHS.api_version,
        "kind": GRAPHS.kind,
        "metadata": {
            "name": graph_name(instance.kind, meta.name),
            "namespace": meta.namespace,
            **given,
            "labels": {
                **given.get("labels", {}),
                labels.TRANSFORM: active.transform,
                labels.INSTANCE: meta.uid,
            },
            "finalizers": [labels.TEARDOWN_FINALIZER],
            "ownerReferences": [
                {
                    "apiVersion": instance.api_version,
                    "kind": instance.kind,
                    "name": meta.name,
                    "uid": meta.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "sourceRef": {
                "apiVersion": instance.api_version,
                "kind": instance.kind,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
            },
            "revision": {"transform": active.transform, "number": active.revision},
            "renderHash": f"sha256:{digest}",
            **content,
        },
    }


def same(graph: LiveObject, manifest: dict[str, Any]) -> bool:
    """Whether the graph on the cluster is what was rendered, and not what somebody made of it."""
    wanted, found = manifest["metadata"], graph.meta
    return (
        graph.body.get("spec") == manifest["spec"]
        and labels.TEARDOWN_FINALIZER in found.finalizers
        and wanted["labels"].items() <= found.labels.items()
        and wanted.get("annotations", {}).items() <= found.annotations.items()
        and {each["uid"] for each in wanted["ownerReferences"]} <= {each.uid for each in found.owner_references}
    )


def is_of(graph: LiveObject | None, instance: LiveObject) -> bool:
    """Whether there is a graph, and it was rendered from this very instance: its owner or its label says so."""
    uid = instance.meta.uid
    return graph is not None and (
        any(owner.uid == uid for owner in graph.meta.owner_references)
        or graph.meta.labels.get(labels.INSTANCE) == uid
    )


def is_of_earlier(graph: LiveObject, instance: LiveObject) -> bool:
    """Whether the graph was rendered from an instance that had this one's name before it, and goes as that did."""
    before, now = source(graph), instance.ref  # the version of the kind may be another by now
    same = replace(before, api_version="") == replace(now, api_version="") and before.group == now.group
    return same and bool(graph.meta.owner_references) and not is_of(graph, instance)


def source(graph: LiveObject) -> ObjectRef:
    """The instance that the graph says it was rendered from."""
    ref = graph.body["spec"]["sourceRef"]
    return ObjectRef(api_version=ref["apiVersion"], kind=ref["kind"], namespace=ref["namespace"], name=ref["name"])


def state(graph: LiveObject) -> tuple[object, ...]:
    """Changes whenever `same` may: an API server counts the changes of a spec."""
    meta = graph.meta
    return (meta.uid, meta.generation, meta.finalizers, meta.owner_references, meta.labels, meta.annotations)
