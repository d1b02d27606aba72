"""What is taken away, in which order, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import PLATFORM, config_map, deployment, node, service
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from fleet.local.controlplane import ControlPlane
    from fleet.local.localfleet import LocalFleet
    from tests.harness.clusters import Manifest, View
    from tests.harness.graphs import Bench

HOLD = "example.com/hold"
NODE = "platform.pequod.io/node"


def chain(*names: str) -> list[Manifest]:
    """ConfigMaps that need each other, the later the earlier."""
    before: list[str] = []
    nodes = []
    for name in names:
        nodes.append(node(name, config_map(name), dependsOn=list(before)))
        before = [name]
    return nodes


def hold(bench: Bench, name: str, *finalizers: str) -> None:
    metadata = {"name": name, "namespace": bench.namespace, "finalizers": list(finalizers)}
    bench.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def blocked(bench: Bench, name: str) -> str:
    """What the graph says it is blocked by."""
    told: str = (bench.graph(name) or {}).get("status", {}).get("blockedBy", "")
    return told


def test_what_the_graph_has_no_longer_goes_in_reverse_order(bench: Bench) -> None:
    bench.bundle("web", *chain("a", "b", "c", "d"), *chain("x", "y"))
    bench.until_ready("web")
    bench.bundle("web", *chain("a"), *chain("x", "y"))
    until(lambda: bench.data("b") is None)
    bench.until_ready("web")
    assert bench.writes("delete", "web") == ["d", "c", "b"]
    assert bench.data("a") is not None
    recorded = bench.sql("SELECT name FROM inventory WHERE namespace = ? ORDER BY name", bench.namespace)
    assert recorded == [("a",), ("x",), ("y",)]


def test_an_object_that_is_renamed_is_pruned_when_its_successor_is_ready(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("old")), *chain("x", "y"))
    bench.until_ready("web")
    not_yet = {"type": "Expression", "expression": "self.data.done == 'yes'"}
    bench.bundle("web", node("one", config_map("new"), readyWhen=[not_yet]), *chain("x", "y"))
    bench.until_blocked("web", "node one (ConfigMap new)")
    assert bench.data("old") is not None
    bench.bundle("web", node("one", config_map("new", done="yes"), readyWhen=[not_yet]), *chain("x", "y"))
    until(lambda: bench.data("old") is None)
    bench.until_ready("web")


def test_an_orphan_stays_and_is_nobodys(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("keep", key="value"), deletionPolicy="Orphan"), *chain("x"))
    bench.until_ready("web")
    bench.delete("web")
    bench.until_gone("web")
    kept = bench.find("ConfigMap", "keep")
    assert kept is not None
    assert kept["data"] == {"key": "value"}
    assert not kept["metadata"].get("labels")
    assert bench.data("x") is None


def test_more_than_max_prune_waits_for_a_word(bench: Bench) -> None:
    bench.bundle("web", *chain("a", "b", "c", "d"))
    bench.until_ready("web")
    bench.bundle("web", *chain("a"))
    told = bench.until_blocked("web", "pruning is held: it would take 3 of 4 objects, and maxPrune allows 2")
    assert bench.data("d") is not None

    graph = bench.graph("web") or {}
    generation = graph["metadata"]["generation"]
    assert f"platform.pequod.io/confirm-prune={generation}" in told, "the command to confirm with"
    for said, expected in ((str(generation - 1), True), (str(generation), False)):
        metadata = {"name": "bundle-web", "namespace": bench.namespace}
        annotations = {"platform.pequod.io/confirm-prune": said}
        patch = {
            "apiVersion": PLATFORM,
            "kind": "ResourceGraph",
            "metadata": metadata | {"annotations": annotations},
        }
        bench.view.merge(patch)
        if not expected:
            until(lambda: bench.data("d") is None)
    bench.until_ready("web")
    assert bench.writes("delete", "web") == ["d", "c", "b"]


@pytest.mark.parametrize("max_prune", [1, "33%"])
def test_how_much_may_be_pruned_is_the_transforms_to_say(bench: Bench, max_prune: int | str) -> None:
    module = COUNTED.replace("Counted", "CountedPrune")
    bench.transform("counted-prune", module, maxPrune=max_prune)
    bench.apply("web", kind="CountedPrune", count=3)
    bench.until_ready("web", kind="CountedPrune")
    bench.apply("web", kind="CountedPrune", count=1)
    until(
        lambda: bench.status("web", kind="CountedPrune").get("blockedBy"),
        lambda told: "2 of 3 objects, and maxPrune allows 1" in told,
    )
    assert [bench.data(f"web-{number}") is None for number in range(3)] == [False] * 3, "all of it waits"
    bench.apply("web", kind="CountedPrune", count=2)
    bench.until_ready("web", kind="CountedPrune")
    assert bench.data("web-2") is None
    bench.delete("web", kind="CountedPrune")
    bench.until_gone("web", kind="CountedPrune")


# Fails to render a count of 0, and calls one above 9 a violation.
COUNTED = """
#Meta: kind: "Counted"
#Input: count: int
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	output: {
		nodes: [for i in [0, 1, 2] if i < input.spec.count {
			id: "n\\(i)"
			object: {
				apiVersion: "v1"
				kind:       "ConfigMap"
				metadata: name: "\\(input.metadata.name)-\\(i)"
				data: share: "\\(div(12, input.spec.count))"
			}
		}]
		if input.spec.count > 9 {violations: [{path: "spec.count", message: "too many"}]}
	}
}
"""


def test_a_render_that_fails_prunes_nothing(bench: Bench) -> None:
    bench.transform(
        "counted",
        COUNTED.replace("if i < input.spec.count {", "if i < input.spec.count || input.spec.count == 0 {"),
    )
    bench.apply("web", kind="Counted", count=2)
    bench.until_ready("web", kind="Counted")
    for count, complaint in ((0, "division by zero"), (10, "too many")):
        bench.apply("web", kind="Counted", count=count)
        until(
            lambda: bench.status("web", kind="Counted"),
            lambda status, complaint=complaint: complaint in status.get("blockedBy", ""),  # type: ignore[misc]
        )
        assert bench.status("web", kind="Counted")["phase"] == "Failed"
    assert bench.data("web-0") == {"share": "6"}
    assert bench.data("web-1") == {"share": "6"}
    assert bench.writes("delete", "web") == []


def test_a_finalizer_that_holds_an_object_is_named(bench: Bench) -> None:
    bench.bundle("web", *chain("a", "b"))
    bench.until_ready("web")
    hold(bench, "b", HOLD)
    bench.delete("web")
    told = until(lambda: blocked(bench, "web"), lambda told: HOLD in told)
    assert f"ConfigMap b in namespace {bench.namespace} is being deleted since" in told
    assert bench.data("a") is not None, "what others depend on goes after them"
    hold(bench, "b")
    bench.until_gone("web")
    assert bench.data("a") is None


def test_what_is_to_stay_stays_whatever_it_was_before(bench: Bench) -> None:
    never = [{"type": "Expression", "expression": "self.data.key == 'never'"}]
    last = node("last", config_map("last", key="value"), readyWhen=never)
    bench.bundle("web", node("one", config_map("one", key="value")), node("two", config_map("two", key="value")))
    bench.until_ready("web")
    stays = {"deletionPolicy": "Orphan"}
    # Something is never ready, so that nothing is pruned and the node that was there before is still known.
    bench.bundle("web", node("new", config_map("one", key="value"), **stays), last, *chain("x"))
    until(lambda: bench.find("ConfigMap", "one"), lambda live: live["metadata"]["labels"][NODE] == "new")
    bench.until_blocked("web", "node last")
    bench.delete("web")
    bench.until_gone("web")
    assert bench.data("one") == {"key": "value"}
    assert (bench.find("ConfigMap", "one") or {})["metadata"].get("labels") is None
    assert bench.data("two") is None
    assert bench.sql("SELECT count(*) FROM inventory WHERE namespace = ?", bench.namespace) == [(0,)]


def test_pods_are_gone_before_what_they_use_goes(bench: Bench) -> None:
    bench.bundle(
        "web",
        node("settings", config_map("settings")),
        node("app", deployment("app", replicas=1), dependsOn=["settings"]),
        node("front", service("app"), dependsOn=["app"]),
    )
    bench.until_ready("web")
    (pod,) = bench.view.list("v1", "Pod", namespace=bench.namespace)
    metadata = {"name": pod["metadata"]["name"], "namespace": bench.namespace}
    held = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | {"finalizers": [HOLD]}}
    bench.view.merge(held)
    bench.delete("web")
    until(lambda: bench.find("Service", "app") is None)
    until(lambda: blocked(bench, "web"), lambda told: "Deployment app" in told and "dependents" in told)
    assert bench.data("settings") is not None, "the pod may still need it"

    bench.view.merge(held | {"metadata": metadata | {"finalizers": []}})
    bench.until_gone("web")
    assert bench.data("settings") is None


def test_what_holds_up_the_instances_of_a_namespace_that_goes_is_named(bench: Bench) -> None:
    bench.bundle("web", *chain("a", "b"))
    bench.until_ready("web")
    hold(bench, "b", HOLD)
    bench.view.delete("v1", "Namespace", bench.namespace)
    told = until(lambda: blocked(bench, "web"), lambda told: HOLD in told)
    assert f"ConfigMap b in namespace {bench.namespace} is being deleted since" in told
    hold(bench, "b")
    until(lambda: bench.view.get("v1", "Namespace", bench.namespace) is None, deadline_s=60)


def test_an_object_that_somebody_deletes_and_a_finalizer_holds_is_named(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="first")))
    bench.until_ready("web")
    hold(bench, "one", HOLD)
    bench.view.delete("v1", "ConfigMap", "one", namespace=bench.namespace)
    bench.until_blocked("web", "node one", "ConfigMap one", "is being deleted since", HOLD)
    bench.bundle("web", node("one", config_map("one", key="second")))
    bench.until_blocked("web", "node one", "ConfigMap one", "is being deleted since", HOLD)
    hold(bench, "one")
    until(lambda: bench.data("one") == {"key": "second"})


def test_a_namespace_that_goes_takes_its_instances_with_it(bench: Bench) -> None:
    bench.bundle("web", *chain("a", "b"))
    bench.until_ready("web")
    bench.view.delete("v1", "Namespace", bench.namespace)
    until(lambda: bench.view.get("v1", "Namespace", bench.namespace) is None, deadline_s=60)
    assert bench.sql("SELECT count(*) FROM inventory WHERE namespace = ?", bench.namespace) == [(0,)]


def test_what_is_not_allowed_is_told(
    bench: Bench,
    local_fleet: LocalFleet,
    view: Callable[[ControlPlane], View],
    new_user: Callable[[ControlPlane, Sequence[dict[str, Any]]], Path],
) -> None:
    plane = local_fleet["spoke-2"]
    there = view(plane)
    ours = ["platform.pequod.io", "graphs.example.com", "apiextensions.k8s.io"]
    may = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ours, "resources": ["*"], "verbs": ["*"]},
    ]

    def may_also(*verbs: str) -> Path:
        return new_user(plane, [*may, {"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)}])

    file = bench.hub.register("limited", new_user(plane, may))
    there.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bench.namespace}})
    away = bench.on(there)
    until(lambda: there.serves("graphs.example.com/v1alpha1", "Bundle"))
    away.bundle("web", *chain("a"))
    away.until_blocked("web", "node a", "ConfigMap a", 'cannot patch resource "configmaps"')
    bench.hub.register("limited", may_also("create", "patch"))
    away.until_ready("web")
    away.delete("web")
    told = until(lambda: blocked(away, "web"), lambda told: "forbidden" in told)
    assert 'cannot delete resource "configmaps"' in told
    assert "delete ConfigMap" in told

    bench.hub.register("limited", may_also("delete"))
    away.until_gone("web")
    file.unlink()
    there.delete("v1", "Namespace", bench.namespace)
    there.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "bundles.graphs.example.com")
