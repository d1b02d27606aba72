"""Instances of one name, of kinds of one name: in two API groups, or one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.graphs import BUNDLE, PLATFORM, config_map, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench

OTHER = "other.example.com/v1alpha1"


def other(bench: Bench, name: str, *nodes: Manifest) -> Manifest:
    """Apply a Bundle of the other group."""
    metadata = {"name": name, "namespace": bench.namespace}
    spec = {"nodes": list(nodes)}
    return bench.view.apply({"apiVersion": OTHER, "kind": "Bundle", "metadata": metadata, "spec": spec})


def status_of_other(bench: Bench, name: str) -> Manifest:
    live = bench.view.get(OTHER, "Bundle", name, namespace=bench.namespace) or {}
    status: Manifest = live.get("status", {})
    return status


def test_a_namesake_in_another_group_is_told_whose_the_graph_is_and_gets_its_turn(bench: Bench) -> None:
    bench.transform("bundle-of-others", BUNDLE, group=OTHER.partition("/")[0])
    bench.bundle("web", node("one", config_map("one", key="first")))
    bench.until_ready("web")
    other(bench, "web", node("two", config_map("two", key="second")))

    def told() -> bool:
        status = status_of_other(bench, "web")
        assert status.get("phase") == "Failed", status
        assert "ResourceGraph bundle-web" in status["blockedBy"]
        assert "graphs.example.com" in status["blockedBy"]
        return True

    until(told)
    assert bench.data("one") == {"key": "first"}
    assert bench.data("two") is None

    bench.delete("web")
    until(lambda: status_of_other(bench, "web").get("phase") == "Ready")
    assert bench.data("one") is None
    assert bench.data("two") == {"key": "second"}
    bench.view.delete(OTHER, "Bundle", "web", namespace=bench.namespace)
    bench.until_gone("web")


def test_a_graph_that_somebody_made_by_hand_is_not_taken_over(bench: Bench) -> None:
    spec = {
        "sourceRef": {"apiVersion": "v1", "kind": "Nobody", "name": "x", "namespace": bench.namespace, "uid": "x"},
        "revision": {"transform": "bundle", "number": 1},
        "renderHash": "none",
        "nodes": [],
    }
    metadata = {"name": "bundle-web", "namespace": bench.namespace}
    made = bench.view.apply({"apiVersion": PLATFORM, "kind": "ResourceGraph", "metadata": metadata, "spec": spec})
    bench.bundle("web", node("one", config_map("one", key="value")))
    bench.until_blocked("web", "ResourceGraph bundle-web", "Nobody x")
    live = bench.graph("web")
    assert live is not None
    assert live["metadata"]["uid"] == made["metadata"]["uid"]
    assert live["spec"] == made["spec"]

    bench.view.delete(PLATFORM, "ResourceGraph", "bundle-web", namespace=bench.namespace)
    bench.until_ready("web")
