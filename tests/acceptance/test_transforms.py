"""Transforms as platform engineers use them: placed, changed, broken, in conflict, deleted."""

from __future__ import annotations

from tests.acceptance.conftest import CRD, PLATFORM, Platform, condition
from tests.harness.waiting import until

NARROW = """
#Meta: kind: "Widget"
#Input: size: int & >0
#Render: {
	input: {metadata: {name: string, namespace: string, ...}, spec: #Input, ...}
	output: nodes: [{
		id: "config"
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: input.metadata.name
			data: size: "\\(input.spec.size)"
		}
	}]
}
"""
WIDER = NARROW.replace("size: int & >0", 'size: int & >0\n#Input: colour: *"red" | string')


def inline(source: str) -> dict[str, str]:
    return {"type": "inline", "ref": source}


def test_placement_selects_spokes_and_follows_its_changes(platform: Platform) -> None:
    eu, us = platform.views
    platform.apply_transform(placement={"clusterSelector": {"matchLabels": {"region": "eu"}}})
    assert platform.transform_status()["clusters"]["summary"] == "1/1"
    assert eu.get(*CRD, platform.crd_name) is not None
    assert us.get(*CRD, platform.crd_name) is None

    everywhere = {"clusterSelector": {"matchExpressions": [{"key": "region", "operator": "Exists"}]}}
    platform.apply_transform(placement=everywhere)
    until(lambda: us.get(*CRD, platform.crd_name))
    us.apply(platform.instance("hello"))
    platform.until_ready(us, "hello")

    platform.apply_transform(placement={"clusterSelector": {"matchLabels": {"region": "eu"}}})
    until(lambda: platform.transform_status()["clusters"], lambda counts: counts["summary"] == "1/1")
    us.apply(platform.instance("hello", port=9090))
    eu.apply(platform.instance("hello"))
    platform.until_ready(eu, "hello")
    service = platform.child(us, "Service", "hello")
    assert service is not None, "what a spoke has is left alone when it is no longer selected"
    assert service["spec"]["ports"][0]["port"] == 8080, "and is not worked on any more"


def test_a_changed_module_is_a_new_revision_and_renders_every_instance_again(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform(cueRef=inline(NARROW))
    widget = {
        "apiVersion": platform.kind[0],
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": platform.namespace},
        "spec": {"size": 3},
    }
    view.apply(widget)
    until(lambda: view.get("v1", "ConfigMap", "w", namespace=platform.namespace))

    changed = WIDER.replace(
        'data: size: "\\(input.spec.size)"', 'data: {size: "\\(input.spec.size)", colour: input.spec.colour}'
    )
    platform.apply_transform(cueRef=inline(changed))
    assert platform.transform_status()["revision"]["number"] == 2
    live = until(
        lambda: view.get("v1", "ConfigMap", "w", namespace=platform.namespace), lambda live: len(live["data"]) == 2
    )
    assert live["data"] == {"size": "3", "colour": "red"}


def test_a_broken_module_is_told_and_the_last_good_revision_stays_in_force(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform(cueRef=inline(NARROW))
    platform.hub_view.apply(platform.transform_manifest(cueRef=inline(NARROW.replace("int & >0", "int & >"))))
    status = until(platform.transform_status, lambda status: status.get("phase") == "Failed")
    told = condition(status, "ModuleLoaded")
    assert told["status"] == "False"
    assert "inline.cue:4:8" in told["message"], "the file and line of the mistake"
    assert status["revision"]["number"] == 1

    view.apply(
        {
            "apiVersion": platform.kind[0],
            "kind": "Widget",
            "metadata": {"name": "w", "namespace": platform.namespace},
            "spec": {"size": 3},
        }
    )
    until(lambda: view.get("v1", "ConfigMap", "w", namespace=platform.namespace))


def test_a_crd_that_the_fleet_did_not_make_is_never_overwritten(platform: Platform) -> None:
    view = platform.views[0]
    foreign = {
        "apiVersion": CRD[0],
        "kind": CRD[1],
        "metadata": {"name": platform.crd_name},
        "spec": {
            "group": platform.group,
            "scope": "Cluster",
            "names": {"plural": "webservices", "singular": "webservice", "kind": "WebService"},
            "versions": [
                {
                    "name": "v7",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                    },
                }
            ],
        },
    }
    before = view.apply(foreign, field_manager="somebody-else")
    platform.hub_view.apply(platform.transform_manifest())
    status = until(platform.transform_status, lambda status: status.get("clusters", {}).get("failed") == 1)
    assert "was not made by the fleet" in condition(status, "CRDRolledOut")["message"]
    live = view.get(*CRD, platform.crd_name)
    assert live is not None
    assert live["spec"] == before["spec"]
    until(platform.transform_status, lambda status: status["clusters"]["ready"] == 1)

    view.delete(*CRD, platform.crd_name)
    until(platform.transform_status, lambda status: status["clusters"]["ready"] == 2)


def test_an_edited_or_deleted_crd_is_put_right(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform()
    view.merge(
        {
            "apiVersion": CRD[0],
            "kind": CRD[1],
            "metadata": {"name": platform.crd_name},
            "spec": {"names": {"kind": "WebService", "plural": "webservices", "shortNames": ["oops"]}},
        }
    )
    until(
        lambda: view.get(*CRD, platform.crd_name), lambda crd: crd["spec"]["names"].get("shortNames") != ["oops"]
    )
    view.delete(*CRD, platform.crd_name)
    until(lambda: view.get(*CRD, platform.crd_name), lambda crd: "deletionTimestamp" not in crd["metadata"])
    until(lambda: view.serves(*platform.kind))
    view.apply(platform.instance("hello"))
    platform.until_ready(view, "hello")


def test_a_deleted_transform_retains_the_crd_and_everything_on_the_spokes(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform()
    view.apply(platform.instance("hello"))
    platform.until_ready(view, "hello")
    platform.hub_view.delete(PLATFORM, "Transform", platform.transform)
    until(lambda: platform.hub_view.get(PLATFORM, "Transform", platform.transform) is None)
    for each in platform.views:
        assert each.get(*CRD, platform.crd_name) is not None
    assert platform.child(view, "Service", "hello") is not None

    view.delete(*platform.kind, "hello", namespace=platform.namespace)
    until(lambda: platform.graph(view, "hello") is None, deadline_s=60)
    assert platform.child(view, "Service", "hello") is None, "teardown does not need the Transform"


def test_deletion_policy_delete_refuses_while_instances_live(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform(deletionPolicy="Delete")
    view.apply(platform.instance("hello"))
    platform.until_ready(view, "hello")
    platform.hub_view.delete(PLATFORM, "Transform", platform.transform)
    message = until(
        lambda: condition(platform.transform_status(), "CRDRolledOut").get("message"),
        lambda message: "still live" in message,
    )
    assert f"{platform.namespace}/hello" in message
    assert view.get(*CRD, platform.crd_name) is not None
    assert platform.child(view, "Service", "hello") is not None
    until(lambda: platform.views[1].get(*CRD, platform.crd_name) is None)

    view.delete(*platform.kind, "hello", namespace=platform.namespace)
    until(lambda: view.get(*CRD, platform.crd_name) is None, deadline_s=60)
    until(lambda: platform.hub_view.get(PLATFORM, "Transform", platform.transform) is None)
