from __future__ import annotations

from typing import Any

import msgspec

from fleet.cue.contract import Rendered, Violation, Waiting
from fleet.cue.module import Module
from fleet.ids import NodeId, TransformName
from fleet.kube.objects import LiveObject
from fleet.kube.resources import ResourceType
from fleet.registry.selection import LabelSelector
from fleet.render import manifest as manifests
from fleet.transforms.catalog import Active

NODE = {"id": "one", "object": {"kind": "ConfigMap"}}


def live(manifest: dict[str, Any]) -> LiveObject:
    return LiveObject.decode(msgspec.json.encode(manifest))


def active(revision: int = 1) -> Active:
    return Active(
        transform=TransformName("web"),
        revision=revision,
        module=Module.of({}),
        crd={},
        resource=ResourceType(group="example.com", version="v1", kind="Web", plural="webs"),
        selector=LabelSelector(),
    )


def rendered(**fields: Any) -> Rendered:  # noqa: ANN401 - fields of every type
    return Rendered(**{"metadata": {}, **fields})


def instance(name: str = "shop") -> LiveObject:
    metadata = {"name": name, "namespace": "ns", "uid": "u-1"}
    return live({"apiVersion": "example.com/v1", "kind": "Web", "metadata": metadata})


def test_the_graph_is_the_instances_and_held_by_the_hub() -> None:
    graph = manifests.build(instance(), active(3), rendered(nodes=(NODE,)))

    metadata = graph["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("web-shop", "ns")
    assert metadata["finalizers"] == ["platform.pequod.io/teardown"]
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Web", "u-1", True)
    assert graph["spec"]["sourceRef"]["uid"] == "u-1"
    assert graph["spec"]["revision"] == {"transform": "web", "number": 3}
    assert graph["spec"]["nodes"] == [NODE]


def test_the_hash_is_of_all_that_was_rendered_and_of_nothing_else() -> None:
    def digest(came_out: Rendered, revision: int = 1) -> str:
        found: str = manifests.build(instance(), active(revision), came_out)["spec"]["renderHash"]
        return found

    same = digest(rendered(nodes=(NODE,)))
    assert digest(rendered(nodes=(dict(reversed(NODE.items())),)), revision=2) == same
    waiting = (Waiting(node=NodeId("two"), paths=("observed.one.data",)),)
    assert digest(rendered(nodes=(NODE,), waiting=waiting)) != same
    assert digest(rendered(nodes=(NODE,), violations=(Violation(message="no"),))) != same


def test_the_module_can_label_and_annotate_the_graph() -> None:
    said = {"labels": {"team": "a", "platform.pequod.io/instance": "forged"}, "annotations": {"note": "b"}}
    graph = manifests.build(instance(), active(), rendered(metadata={**said, "name": "ignored"}, nodes=()))

    assert graph["metadata"]["name"] == "web-shop"
    assert graph["metadata"]["labels"]["team"] == "a"
    assert graph["metadata"]["labels"]["platform.pequod.io/instance"] == "u-1", "what the fleet knows it by"
    assert graph["metadata"]["annotations"] == {"note": "b"}
    assert not manifests.same(live(graph), manifests.build(instance(), active(), rendered(nodes=())))


def test_a_graph_is_the_same_until_its_render_its_revision_or_what_it_is_known_by_differs() -> None:
    manifest = manifests.build(instance(), active(), rendered(nodes=(NODE,)))

    assert manifests.same(live(manifest), manifest)
    assert not manifests.same(live(manifest), manifests.build(instance(), active(), rendered(nodes=())))
    assert not manifests.same(live(manifest), manifests.build(instance(), active(2), rendered(nodes=(NODE,))))
    edited = {**manifest, "spec": {**manifest["spec"], "nodes": []}}  # the hash is as it was
    assert not manifests.same(live(edited), manifest)
    for lost in ("finalizers", "ownerReferences", "labels"):
        metadata = {key: value for key, value in manifest["metadata"].items() if key != lost}
        assert not manifests.same(live({**manifest, "metadata": metadata}), manifest), lost
    more = {**manifest["metadata"], "labels": {**manifest["metadata"]["labels"], "team": "a"}}
    assert manifests.same(live({**manifest, "metadata": more}), manifest), "others may add to it"


def test_a_graph_is_an_instances_by_its_owner_or_by_its_label() -> None:
    manifest = manifests.build(instance(), active(), rendered(nodes=()))

    for kept in ("ownerReferences", "labels"):
        metadata = {"name": "web-shop", "namespace": "ns", kept: manifest["metadata"][kept]}
        assert manifests.is_of(live({**manifest, "metadata": metadata}), instance()), kept
    assert not manifests.is_of(live({**manifest, "metadata": {"name": "web-shop"}}), instance())


def test_names_are_of_kind_and_instance_and_never_too_long() -> None:
    assert manifests.graph_name("WebService", "shop") == "webservice-shop"
    first, second = (manifests.graph_name("WebService", "x" * 250 + end) for end in "ab")
    assert len(first) == len(second) == 253
    assert first != second
