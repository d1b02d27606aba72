"""Nodes outside of the namespace of their instance: only where the Transform lets them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import API_VERSION, BUNDLE, config_map, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench


@pytest.fixture
def elsewhere(bench: Bench) -> Iterator[str]:
    """A second namespace."""
    name = f"else-{uuid.uuid4().hex[:8]}"
    bench.view.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    bench.view.delete("v1", "Namespace", name)


@pytest.fixture
def reaching(bench: Bench) -> Iterator[Bench]:
    """A bench whose Bundles reach as far as ``let_reach`` says; here no farther than their namespace."""
    yield bench
    for live in bench.view.list(API_VERSION, "Bundle", namespace=bench.namespace):
        bench.delete(live["metadata"]["name"])
        bench.until_gone(live["metadata"]["name"])
    let_reach(bench)


def let_reach(bench: Bench, **reach: object) -> None:
    bench.transform("bundle", BUNDLE, reach={"clusterScoped": False, **reach})


def cluster_role(name: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }


def test_another_namespace_needs_a_word_of_the_transform(reaching: Bench, elsewhere: str) -> None:
    let_reach(reaching)
    reaching.bundle("web", node("near", config_map("near")), node("far", config_map("far", namespace=elsewhere)))
    reaching.until_blocked(
        "web", "node far", f"outside of the graph's namespace {reaching.namespace}", "spec.reach"
    )
    assert reaching.find("ConfigMap", "far", namespace=elsewhere) is None
    assert reaching.data("near") is not None

    let_reach(reaching, namespaces=[elsewhere])
    reaching.until_ready("web")
    assert reaching.find("ConfigMap", "far", namespace=elsewhere) is not None

    reaching.delete("web")
    reaching.until_gone("web")
    assert reaching.find("ConfigMap", "far", namespace=elsewhere) is None


def test_a_cluster_scoped_object_needs_a_word_of_the_transform(reaching: Bench) -> None:
    let_reach(reaching)
    name = f"role-{reaching.namespace}"
    reaching.bundle("web", node("role", cluster_role(name)))
    reaching.until_blocked("web", "node role", "cluster-scoped", "spec.reach.clusterScoped")
    assert reaching.find("ClusterRole", name) is None

    let_reach(reaching, clusterScoped=True)
    reaching.until_ready("web")
    reaching.delete("web")
    reaching.until_gone("web")
    assert reaching.find("ClusterRole", name) is None


def test_a_namespace_of_the_graph_and_what_is_in_it(reaching: Bench) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    let_reach(reaching, clusterScoped=True, namespaces=["*"])
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    reaching.bundle(
        "web",
        node("namespace", made),
        node("inside", config_map("inside", namespace=name), dependsOn=["namespace"]),
    )
    reaching.until_ready("web")
    assert reaching.find("ConfigMap", "inside", namespace=name) is not None
    reaching.delete("web")
    reaching.until_gone("web", deadline_s=60)
    assert reaching.view.get("v1", "Namespace", name) is None
    assert reaching.writes("delete", "web") == ["inside", "namespace"]


def test_what_holds_a_namespace_of_the_graph_is_told(reaching: Bench) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    let_reach(reaching, clusterScoped=True, namespaces=["*"])
    reaching.bundle("web", node("made", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    reaching.until_ready("web")
    held = {"name": "held", "namespace": name, "finalizers": ["example.com/hold"]}
    reaching.view.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    reaching.delete("web")
    told = until(
        lambda: (reaching.graph("web") or {}).get("status", {}).get("blockedBy", ""),
        lambda told: "example.com/hold" in told,
        deadline_s=60,
    )
    assert f"Namespace {name} is being deleted since" in told
    assert "configmaps. has 1 resource instances" in told
    reaching.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held | {"finalizers": []}})
    reaching.until_gone("web", deadline_s=60)


def test_a_namespace_that_is_on_its_way_out_is_named(reaching: Bench, elsewhere: str) -> None:
    let_reach(reaching, namespaces=[elsewhere])
    held = {"name": "held", "namespace": elsewhere, "finalizers": ["example.com/hold"]}
    reaching.view.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    reaching.view.delete("v1", "Namespace", elsewhere)
    until(lambda: (reaching.view.get("v1", "Namespace", elsewhere) or {})["status"]["phase"] == "Terminating")
    reaching.bundle("web", node("far", config_map("far", namespace=elsewhere)))
    reaching.until_blocked("web", "node far", elsewhere, "being terminated")
    released = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held | {"finalizers": []}}
    reaching.view.merge(released)


def test_a_kind_that_the_graph_itself_brings(reaching: Bench) -> None:
    let_reach(reaching, clusterScoped=True)
    group = f"g{reaching.namespace[-8:]}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gizmos.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gizmos", "singular": "gizmo", "kind": "Gizmo"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    }
    gizmo = {"apiVersion": f"{group}/v1", "kind": "Gizmo", "metadata": {"name": "one"}}
    reaching.bundle("web", node("kind", crd), node("gizmo", gizmo, dependsOn=["kind"]))
    reaching.until_ready("web", deadline_s=10)
    assert reaching.view.get(f"{group}/v1", "Gizmo", "one", namespace=reaching.namespace) is not None

    reaching.delete("web")
    reaching.until_gone("web")
    until(lambda: not reaching.view.serves(f"{group}/v1", "Gizmo"))

    reaching.bundle("web", node("kind", crd), node("gizmo", gizmo, dependsOn=["kind"]))
    reaching.until_ready("web")
