"""What a node may do to objects: those that are there already, and those that others work on, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import config_map, deployment, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench

GRAPH = "platform.pequod.io/graph"


def by_somebody_else(bench: Bench, manifest: Manifest, **labels: str) -> Manifest:
    """Apply an object as another team does."""
    metadata = {**manifest["metadata"], "namespace": bench.namespace} | ({"labels": labels} if labels else {})
    return bench.view.apply({**manifest, "metadata": metadata}, field_manager="another-team")


def is_the_graphs(bench: Bench, name: str) -> bool:
    live = bench.find("ConfigMap", name)
    assert live is not None
    return GRAPH in live["metadata"].get("labels", {})


def test_an_object_that_is_there_already_is_left_alone(bench: Bench) -> None:
    by_somebody_else(bench, config_map("theirs", key="theirs"))
    bench.bundle("web", node("one", config_map("theirs", other="ours")))
    bench.until_blocked(
        "web", "ConfigMap theirs", "exists already", "applyPolicy.adopt", "adoptable-by=bundle-web"
    )
    assert bench.data("theirs") == {"key": "theirs"}

    bench.delete("web")
    bench.until_gone("web")
    assert bench.data("theirs") == {"key": "theirs"}


def test_its_owner_can_hand_it_over_by_a_label(bench: Bench) -> None:
    by_somebody_else(bench, config_map("theirs", key="theirs"))
    bench.bundle("web", node("one", config_map("theirs", other="ours"), retryPolicy={"maxDelaySeconds": 1}))
    bench.until_blocked("web", "exists already")
    by_somebody_else(
        bench, config_map("theirs", key="theirs"), **{"platform.pequod.io/adoptable-by": "bundle-web"}
    )
    bench.until_ready("web")
    assert bench.data("theirs") == {"key": "theirs", "other": "ours"}


def test_a_node_can_adopt(bench: Bench) -> None:
    by_somebody_else(bench, config_map("theirs", key="theirs"))
    bench.bundle("web", node("one", config_map("theirs", other="ours"), applyPolicy={"mode": "Adopt"}))
    bench.until_ready("web")
    assert bench.node("web", "one")["phase"] == "Adopted"
    assert bench.data("theirs") == {"key": "theirs", "other": "ours"}


@pytest.mark.parametrize("mode", ["Apply", "Adopt"])
def test_whether_a_node_adopts_is_said_in_so_many_words(bench: Bench, mode: str) -> None:
    by_somebody_else(bench, config_map("always", key="theirs"))
    by_somebody_else(bench, config_map("never", key="theirs"))
    bench.bundle(
        "web",
        node("always", config_map("always", other="ours"), applyPolicy={"mode": mode, "adopt": "Always"}),
        node("never", config_map("never", other="ours"), applyPolicy={"mode": mode, "adopt": "Never"}),
    )
    bench.until_blocked("web", "node never", "exists already")
    until(lambda: bench.data("always") == {"key": "theirs", "other": "ours"})
    assert is_the_graphs(bench, "always")
    assert bench.data("never") == {"key": "theirs"}

    bench.delete("web")
    bench.until_gone("web")
    assert bench.data("always") is None, "what was taken over is the graph's, to the end"
    assert bench.data("never") == {"key": "theirs"}


def test_adopting_if_there_is_no_difference(bench: Bench) -> None:
    by_somebody_else(bench, config_map("same", key="value"))
    by_somebody_else(bench, config_map("different", key="another value"))
    policy = {"adopt": "IfNoDiff", "conflictPolicy": "Force"}
    bench.bundle(
        "web",
        node("same", config_map("same", key="value"), applyPolicy=policy),
        node("different", config_map("different", key="value"), applyPolicy=policy),
    )
    bench.until_blocked("web", "node different", "differs from the node", "IfNoDiff")
    until(lambda: bench.node("web", "same").get("phase") == "Ready")
    assert is_the_graphs(bench, "same")
    assert not is_the_graphs(bench, "different")
    assert bench.data("different") == {"key": "another value"}


def test_two_graphs_do_not_fight_over_an_object(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("shared", key="web")))
    bench.until_ready("web")
    bench.bundle("shop", node("one", config_map("shared", key="shop"), applyPolicy={"mode": "Adopt"}))
    bench.until_blocked("shop", "belongs to another ResourceGraph")
    assert bench.data("shared") == {"key": "web"}


@pytest.mark.parametrize("policy", ["Error", "Force"])
def test_a_field_that_another_manager_owns(bench: Bench, policy: str) -> None:
    by_somebody_else(bench, config_map("theirs", key="theirs"))
    apply_policy = {"mode": "Adopt", "conflictPolicy": policy}
    bench.bundle("web", node("one", config_map("theirs", key="ours"), applyPolicy=apply_policy))
    if policy == "Force":
        bench.until_ready("web")
        assert bench.data("theirs") == {"key": "ours"}
    else:
        bench.until_blocked("web", "node one", ".data.key is owned by", "another-team")
        assert bench.data("theirs") == {"key": "theirs"}


def test_create_makes_an_object_and_never_touches_it_again(bench: Bench) -> None:
    create = {"mode": "Create"}
    bench.bundle("web", node("one", config_map("seed", key="first"), applyPolicy=create))
    bench.until_ready("web")
    by_somebody_else(bench, config_map("seed", key="edited"))
    bench.bundle("web", node("one", config_map("seed", key="second"), applyPolicy=create))
    bench.until_ready("web")
    assert bench.data("seed") == {"key": "edited"}
    assert "drift" not in bench.node("web", "one")
    assert bench.writes("apply", "web") == ["one"]

    bench.view.delete("v1", "ConfigMap", "seed", namespace=bench.namespace)
    until(lambda: bench.data("seed") == {"key": "second"})


def test_a_field_that_does_not_exist_is_told_and_not_tried_in_a_hurry(bench: Bench) -> None:
    misspelt = config_map("one") | {"dta": {"key": "value"}}
    bench.bundle("web", node("one", misspelt, retryPolicy={"initialDelaySeconds": 0.01, "maxDelaySeconds": 0.02}))
    bench.until_blocked("web", "node one", ".dta: field not declared in schema")
    assert bench.status("web")["phase"] == "Failed"
    assert bench.writes("apply", "web") == ["one"], "the same again would come to the same"
    bench.bundle("web", node("one", config_map("one")))
    bench.until_ready("web")


def test_a_field_that_cannot_be_changed_is_told(bench: Bench) -> None:
    bench.bundle("web", node("app", deployment("app")))
    bench.until_ready("web")
    uid = (bench.find("Deployment", "app") or {})["metadata"]["uid"]
    bench.bundle("web", node("app", relabelled(deployment("app"))))
    bench.until_blocked("web", "node app", "spec.selector", "field is immutable", "applyPolicy.replace: Allowed")
    assert (bench.find("Deployment", "app") or {})["metadata"]["uid"] == uid

    bench.bundle("web", node("app", relabelled(deployment("app")), applyPolicy={"replace": "Allowed"}))
    bench.until_ready("web")
    live = bench.find("Deployment", "app") or {}
    assert live["metadata"]["uid"] != uid
    assert live["spec"]["selector"] == {"matchLabels": {"app": "another"}}


def relabelled(manifest: Manifest) -> Manifest:
    """The same Deployment with another selector."""
    labels = {"app": "another"}
    template = {**manifest["spec"]["template"], "metadata": {"labels": labels}}
    return {**manifest, "spec": {**manifest["spec"], "selector": {"matchLabels": labels}, "template": template}}


def test_replicas_belong_to_whoever_scales(bench: Bench) -> None:
    bench.bundle("web", node("app", deployment("app", replicas=1)))
    bench.until_ready("web")
    # What a HorizontalPodAutoscaler does, and kubectl scale.
    metadata = {"name": "app", "namespace": bench.namespace}
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 3}}
    bench.view.merge(scaled, subresource="scale")
    bench.bundle("web", node("app", deployment("app", replicas=1, terminationGracePeriodSeconds=7)))
    live = until(lambda: bench.find("Deployment", "app"), lambda live: live["metadata"]["generation"] >= 3)
    bench.until_ready("web")
    assert live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 7
    assert (bench.find("Deployment", "app") or {})["spec"]["replicas"] == 3
    assert "drift" not in bench.node("web", "app")
