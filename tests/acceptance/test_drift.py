"""What others change of what a node set: found by watch, and healed, told or left, as the node says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.apply.drift import FIRST_PAUSE_S
from tests.harness.graphs import PLATFORM, config_map, deployment, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.graphs import Bench

GRAPH = "platform.pequod.io/graph"
NODE = "platform.pequod.io/node"
SUSPEND = "platform.pequod.io/suspend"


def edit(bench: Bench, name: str, **data: str) -> None:
    """Change a ConfigMap as ``kubectl edit`` does."""
    metadata = {"name": name, "namespace": bench.namespace}
    bench.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def test_a_field_that_somebody_changed_is_put_right(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")
    edit(bench, "one", key="edited")
    until(lambda: bench.data("one") == {"key": "wanted"})
    bench.until_ready("web")
    (reason,) = bench.sql(
        "SELECT DISTINCT reason FROM audit_log WHERE instance = ? AND reason LIKE 'healing%'",
        f"{bench.namespace}/web",
    )
    assert reason == ("healing drift: .data.key",)


def test_what_the_node_does_not_set_is_nobodys_business(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")), node("app", deployment("app", replicas=1)))
    bench.until_ready("web")
    metadata = {"name": "app", "namespace": bench.namespace, "annotations": {"example.com/note": "mine"}}
    spec = {"revisionHistoryLimit": 3}
    bench.view.merge({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    edit(bench, "one", other="mine")
    edit(bench, "one", key="edited")
    until(lambda: bench.data("one") == {"key": "wanted", "other": "mine"})
    live = bench.find("Deployment", "app") or {}
    assert live["spec"]["revisionHistoryLimit"] == 3
    assert live["metadata"]["annotations"]["example.com/note"] == "mine"
    assert "drift" not in bench.node("web", "app")


def test_the_labels_by_which_an_object_is_known_are_put_right(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")

    def labels() -> dict[str, str]:
        found: dict[str, str] = (bench.find("ConfigMap", "one") or {})["metadata"].get("labels", {})
        return found

    ours = labels()
    for edited in ({NODE: "another"}, dict.fromkeys(ours)):
        metadata = {"name": "one", "namespace": bench.namespace, "labels": edited}
        bench.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        until(labels, lambda found: found == ours)
        bench.until_ready("web")
    edit(bench, "one", key="edited")
    until(lambda: bench.data("one") == {"key": "wanted"})


def test_a_deleted_object_comes_back(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")
    bench.view.delete("v1", "ConfigMap", "one", namespace=bench.namespace)
    until(lambda: bench.data("one") == {"key": "wanted"})


def test_a_deleted_graph_comes_back_with_its_objects(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")
    uid = (bench.graph("web") or {})["metadata"]["uid"]
    bench.view.delete(PLATFORM, "ResourceGraph", "bundle-web", namespace=bench.namespace)
    until(lambda: (bench.graph("web") or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid)
    bench.until_ready("web")
    assert bench.data("one") == {"key": "wanted"}


def test_what_a_graph_is_known_by_is_put_right(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")
    metadata = (bench.graph("web") or {})["metadata"]
    ours = {key: metadata[key] for key in ("uid", "labels", "ownerReferences", "finalizers")}
    for lost in ("labels", "ownerReferences", "finalizers"):
        named = {"name": metadata["name"], "namespace": bench.namespace, lost: None}
        bench.view.merge({"apiVersion": PLATFORM, "kind": "ResourceGraph", "metadata": named})
        until(
            lambda: (bench.graph("web") or {})["metadata"], lambda now: {key: now.get(key) for key in ours} == ours
        )
    edit(bench, "one", key="edited")
    until(lambda: bench.data("one") == {"key": "wanted"})


def test_a_graph_has_what_an_earlier_one_of_its_name_left_behind(bench: Bench) -> None:
    one, two = (node(name, config_map(name, key="wanted")) for name in ("one", "two"))
    bench.bundle("web", one)
    bench.bundle("other", two)
    bench.until_ready("web")
    bench.until_ready("other")
    made, left = bench.find("ConfigMap", "one") or {}, (bench.graph("web") or {})["metadata"]
    bench.bundle("web", one, annotations={SUSPEND: "true"})
    until(lambda: bench.status("web").get("phase"), lambda phase: phase == "Suspended")
    metadata = {"name": "bundle-web", "namespace": bench.namespace, "finalizers": []}
    bench.view.merge({"apiVersion": PLATFORM, "kind": "ResourceGraph", "metadata": metadata})
    bench.view.delete(PLATFORM, "ResourceGraph", "bundle-web", namespace=bench.namespace)
    bench.until_gone("web")

    bench.bundle("web", one, two)
    bench.until_blocked("web", "node two", "belongs to another ResourceGraph")
    live, graph = bench.find("ConfigMap", "one") or {}, (bench.graph("web") or {})["metadata"]
    assert live["metadata"]["uid"] == made["metadata"]["uid"]
    assert live["metadata"]["labels"][GRAPH] == graph["uid"] != left["uid"]
    assert bench.sql("SELECT count(*) FROM inventory WHERE graph_uid = ?", left["uid"]) == [(0,)]


def test_drift_can_be_told_only(bench: Bench) -> None:
    report = {"drift": "Report"}
    bench.bundle("web", node("one", config_map("one", key="wanted", other="same"), applyPolicy=report))
    bench.until_ready("web")
    edit(bench, "one", key="edited")
    (drift,) = until(lambda: bench.node("web", "one").get("drift"))
    first_seen = drift.pop("firstSeen")
    assert drift == {"path": ".data.key", "wanted": '"wanted"', "found": '"edited"', "manager": "pykube-ng"}
    edit(bench, "one", key="edited again")
    (drift,) = until(lambda: bench.node("web", "one").get("drift"), lambda told: "again" in told[0]["found"])
    assert drift["firstSeen"] == first_seen
    assert bench.data("one") == {"key": "edited again", "other": "same"}
    assert bench.status("web")["phase"] == "Ready"

    bench.bundle("web", node("one", config_map("one", key="edited again", other="same"), applyPolicy=report))
    until(lambda: bench.node("web", "one"), lambda told: "drift" not in told)


def test_drift_can_be_ignored(bench: Bench) -> None:
    bench.bundle(
        "web",
        node("ignores", config_map("ignores", key="wanted"), applyPolicy={"drift": "Off"}),
        node("heals", config_map("heals", key="wanted")),
    )
    bench.until_ready("web")
    edit(bench, "ignores", key="edited")
    edit(bench, "heals", key="edited")
    until(lambda: bench.data("heals") == {"key": "wanted"})
    bench.until_ready("web")
    assert bench.data("ignores") == {"key": "edited"}
    assert "drift" not in bench.node("web", "ignores")


def test_whoever_changes_a_field_again_and_again_is_not_fought(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")
    for number in range(3):
        edit(bench, "one", key=str(number))
        until(lambda: bench.data("one") == {"key": "wanted"})
        bench.until_ready("web")
    edit(bench, "one", key="once more")
    told = until(
        lambda: bench.node("web", "one").get("message"), lambda message: message.startswith("changed again")
    )
    assert told == "changed again and again, so left for now: .data.key by pykube-ng"
    edit(bench, "one", key="and once more")
    until(lambda: "and once more" in bench.node("web", "one")["drift"][0]["found"])
    assert bench.data("one") == {"key": "and once more"}
    assert bench.writes("apply", "web") == ["one"] * 4, "made, and healed three times"

    until(lambda: bench.data("one") == {"key": "wanted"}, deadline_s=FIRST_PAUSE_S + 15)  # later, and not never
