"""The design's example, step by step, on real clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from fleet.shipped import shipped
from tests.acceptance.conftest import CRD, Platform, clean, condition, start
from tests.harness.clusters import ControlPlanes, View
from tests.harness.hub import HubProcess
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.local.localfleet import LocalFleet

GROUP = "apps.mycompany.com"


@pytest.fixture(scope="module")
def shared(local_fleet: LocalFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One hub for the tests of this file, with the sample Transform exactly as it ships."""
    folder = tmp_path_factory.mktemp("hub")
    hub, spoke_1, spoke_2 = (local_fleet[name] for name in ("hub", "spoke-1", "spoke-2"))
    with View(hub.kubeconfig) as hub_view, View(spoke_1.kubeconfig) as one, View(spoke_2.kubeconfig) as two:
        shared = Platform(
            hub=HubProcess(folder, database_url=f"sqlite:///{folder / 'fleet.db'}"),
            planes=ControlPlanes(hub=hub, spoke_1=spoke_1, spoke_2=spoke_2),
            hub_view=hub_view,
            views=(one, two),
            namespace="default",
            transform="webservice",
            group=GROUP,
        )
        start(shared)
        sample = (shipped("config") / "samples" / "webservice-transform.yaml").read_text()
        shared.hub_view.apply(yaml.safe_load(sample))
        until(shared.transform_status, lambda status: status.get("phase") == "Ready", deadline_s=30)
        yield shared
        clean(shared)


@pytest.fixture
def example(shared: Platform, namespace: str) -> Platform:
    """The shared hub, and a namespace of the test's own."""
    return replace(shared, namespace=namespace)


def allow_pods(view: View, *, allowed: bool) -> None:
    """Cordon the cluster's node, or let pods onto it again."""
    view.merge(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "loopback"},
            "spec": {"unschedulable": not allowed},
        }
    )


def test_the_transform_becomes_a_crd_on_every_spoke(example: Platform) -> None:
    status = example.transform_status()
    assert status["generatedCRD"] == {
        "apiVersion": "apps.mycompany.com/v1alpha1",
        "kind": "WebService",
        "name": "webservices.apps.mycompany.com",
        "plural": "webservices",
    }
    assert status["revision"]["number"] == 1
    assert status["revision"]["moduleDigest"].startswith("sha256:")
    assert status["clusters"] == {"selected": 2, "ready": 2, "failed": 0, "summary": "2/2"}
    for each in ("ModuleLoaded", "SchemaExtracted", "CRDGenerated", "CRDRolledOut", "Ready"):
        assert condition(status, each)["status"] == "True"
    for view in example.views:
        crd = view.get(*CRD, "webservices.apps.mycompany.com")
        assert crd is not None
        names = crd["spec"]["names"]
        assert (names["kind"], names["shortNames"], names["categories"]) == ("WebService", ["ws"], ["platform"])
        spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        assert sorted(spec["required"]) == ["image", "port"]
        assert spec["properties"]["port"]["maximum"] == 65535
        assert any(each["manager"] == "pequod-fleet" for each in crd["metadata"]["managedFields"])


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"image": "nginx"}, "spec.port: Required value"),
        ({"port": 8080}, "spec.image: Required value"),
        ({"image": "", "port": 8080}, "spec.image"),
        ({"image": "nginx", "port": 70000}, "spec.port"),
        ({"image": "nginx", "port": 80, "replicas": -1}, "spec.replicas"),
    ],
)
def test_what_the_module_refuses_the_api_server_refuses(
    example: Platform, spec: dict[str, object], complaint: str
) -> None:
    manifest = {**example.instance("wrong"), "spec": spec}
    with pytest.raises(AssertionError, match=complaint):
        example.views[0].apply(manifest)


def test_an_instance_becomes_a_deployment_and_then_a_service(example: Platform) -> None:
    view = example.views[0]
    allow_pods(view, allowed=False)
    view.apply(example.instance("hello", replicas=2, env={"GREETING": "hi"}))

    deployment = until(lambda: example.child(view, "Deployment", "hello"))
    assert deployment["spec"]["replicas"] == 2
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "GREETING", "value": "hi"}]
    blocked = until(lambda: example.status_of(view, "hello").get("blockedBy"))
    assert "node deployment (Deployment hello)" in blocked
    assert "behind it: service" in blocked
    assert example.child(view, "Service", "hello") is None, "the Service must wait for the Deployment"

    allow_pods(view, allowed=True)
    service = until(lambda: example.child(view, "Service", "hello"))
    assert service["spec"]["ports"][0]["port"] == 8080
    example.until_ready(view, "hello")
    status = example.status_of(view, "hello")
    assert status["phase"] == "Ready"
    assert status["graph"] == "webservice-hello"
    assert "blockedBy" not in status

    graph = example.graph(view, "hello")
    assert graph is not None
    owner = graph["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("WebService", "hello", True)
    assert graph["metadata"]["finalizers"] == ["platform.pequod.io/teardown"]
    assert graph["status"]["phase"] == "Completed"
    assert {node: each["phase"] for node, each in graph["status"]["nodes"].items()} == {
        "deployment": "Ready",
        "service": "Ready",
    }
    assert "ownerReferences" not in service["metadata"], "a dead hub must delete nothing"


def test_a_change_of_the_spec_reaches_the_objects(example: Platform) -> None:
    view = example.views[0]
    view.apply(example.instance("hello"))
    example.until_ready(view, "hello")
    view.apply(example.instance("hello", image="nginx:1.28", port=9090))

    def image_and_port() -> tuple[str, int]:
        deployment, service = (example.child(view, kind, "hello") for kind in ("Deployment", "Service"))
        assert deployment is not None
        assert service is not None
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        return container["image"], service["spec"]["ports"][0]["port"]

    until(image_and_port, lambda seen: seen == ("nginx:1.28", 9090))
    until(lambda: example.status_of(view, "hello"), lambda status: status.get("observedGeneration") == 2)
    example.until_ready(view, "hello")


def test_deleting_an_instance_takes_its_objects_down_in_reverse(example: Platform) -> None:
    view = example.views[0]
    view.apply(example.instance("hello"))
    example.until_ready(view, "hello")
    view.delete(*example.kind, "hello", namespace=example.namespace)

    until(lambda: example.graph(view, "hello") is None)
    assert example.child(view, "Deployment", "hello") is None
    assert example.child(view, "Service", "hello") is None
    instance = f"{example.namespace}/hello"
    deleted = example.audit(
        "SELECT node FROM audit_log "
        "WHERE tag = 'object:delete:intent' AND instance = ? AND node IS NOT NULL ORDER BY id",
        instance,
    )
    assert [node for (node,) in deleted] == ["service", "deployment"]
    assert example.audit("SELECT count(*) FROM inventory WHERE namespace = ?", example.namespace) == [(0,)]


def test_both_spokes_at_once(example: Platform) -> None:
    for view in example.views:
        for number in range(5):
            view.apply(example.instance(f"hello-{number}"))
    for view in example.views:
        example.until_ready(view, *(f"hello-{number}" for number in range(5)))
        for number in range(5):
            assert example.child(view, "Service", f"hello-{number}") is not None


def test_every_write_has_an_intent_and_an_outcome(example: Platform) -> None:
    view = example.views[0]
    view.apply(example.instance("hello"))
    example.until_ready(view, "hello")
    instance = f"{example.namespace}/hello"

    def unfinished() -> list[tuple[str, ...]]:
        return example.audit(
            "SELECT operation, tag, name FROM audit_log WHERE instance = ? AND tag LIKE '%:intent' "
            "AND operation NOT IN (SELECT operation FROM audit_log WHERE tag LIKE '%:outcome')",
            instance,
        )

    until(unfinished, lambda rows: rows == [])
    rows = example.audit(
        "SELECT cluster, transform, revision, instance_kind, node, kind, name, error FROM audit_log "
        "WHERE tag = 'object:apply:outcome' AND instance = ? AND node IS NOT NULL ORDER BY id",
        instance,
    )
    assert rows == [
        ("spoke-1", "webservice", 1, "WebService", "deployment", "Deployment", "hello", None),
        ("spoke-1", "webservice", 1, "WebService", "service", "Service", "hello", None),
    ]


def test_health_and_metrics(example: Platform) -> None:
    assert example.hub.ask("/healthz") == (200, "ok\n")
    assert example.hub.ask("/readyz") == (200, "ok\n")
    _, metrics = example.hub.ask("/metrics")
    assert 'fleet_cluster_reachable{cluster="spoke-1"} 1.0' in metrics
    assert "fleet_api_requests_total" in metrics


def test_a_hub_that_is_told_to_stop_stops_cleanly(example: Platform) -> None:
    view = example.views[0]
    view.apply(example.instance("hello"))
    example.until_ready(view, "hello")
    assert example.hub.stop() == 0
    assert "Traceback" not in example.hub.log.read_text()
    example.hub.start()
    view.apply(example.instance("hello", port=9090))
    until(lambda: example.child(view, "Service", "hello"), lambda live: live["spec"]["ports"][0]["port"] == 9090)
