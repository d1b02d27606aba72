"""What a Transform's kind is called, and whose its CRD is, while instances live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.acceptance.conftest import CRD, PLATFORM, condition
from tests.acceptance.test_transforms import NARROW, inline
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Platform
    from tests.harness.clusters import Manifest

OWNER = "platform.pequod.io/transform"


def widget(platform: Platform, size: int) -> Manifest:
    return {
        "apiVersion": platform.kind[0],
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": platform.namespace},
        "spec": {"size": size},
    }


def until_size(platform: Platform, size: int) -> None:
    """Wait until the first spoke has what a Widget of this size is made of."""
    view = platform.views[0]
    until(
        lambda: view.get("v1", "ConfigMap", "w", namespace=platform.namespace),
        lambda live: live["data"] == {"size": str(size)},
    )


def other_transform(platform: Platform, **spec: object) -> str:
    """Apply a second Transform; gives its name."""
    manifest = platform.transform_manifest(**spec)
    name = f"{platform.transform}-other"
    platform.hub_view.apply({**manifest, "metadata": {"name": name}})
    return name


def until_told(platform: Platform, transform: str, kind: str, *words: str) -> None:
    """Wait until a condition of a Transform is False, with these words."""

    def told() -> bool:
        live = platform.hub_view.get(PLATFORM, "Transform", transform) or {}
        found = condition(live.get("status", {}), kind)
        assert found.get("status") == "False", found
        assert [each for each in words if each not in found["message"]] == [], found["message"]
        return True

    until(told)


def until_in_force(platform: Platform, transform: str) -> None:
    """Wait until a Transform is Ready as it now is."""

    def ready() -> bool:
        live: dict[str, Any] = platform.hub_view.get(PLATFORM, "Transform", transform) or {}
        status = live.get("status", {})
        assert status.get("observedGeneration") == live["metadata"]["generation"], status
        assert status.get("phase") == "Ready", status
        return True

    until(ready)


def test_a_transform_keeps_its_kind_and_its_instances_do_not_notice(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform(cueRef=inline(NARROW))
    view.apply(widget(platform, 1))
    until_size(platform, 1)

    changes: list[tuple[dict[str, Any], str]] = [
        ({"cueRef": inline(NARROW.replace("Widget", "Gadget"))}, "change kind and plural back"),
        ({"cueRef": inline(NARROW), "version": "v1beta1"}, "change version back"),
    ]
    for number, (change, advice) in enumerate(changes, start=2):
        platform.hub_view.apply(platform.transform_manifest(**change))
        until_told(platform, platform.transform, "CRDGenerated", "keeps its kind", "Revision 1 stays", advice)
        view.apply(widget(platform, number))
        until_size(platform, number)

    platform.apply_transform(cueRef=inline(NARROW))
    assert platform.transform_status()["revision"]["number"] == 1


def test_who_waits_for_a_crd_gets_its_turn_and_takes_over_what_is_left(platform: Platform) -> None:
    platform.apply_transform(cueRef=inline(NARROW))
    platform.views[0].apply(widget(platform, 1))
    until_size(platform, 1)
    other = other_transform(platform, cueRef=inline(NARROW))
    until_told(platform, other, "CRDGenerated", f"by the Transform {platform.transform} already")

    platform.hub_view.delete(PLATFORM, "Transform", platform.transform)
    crd = f"widgets.{platform.group}"
    command = f"kubectl label --overwrite crd {crd} {OWNER}={other}"
    until_told(platform, other, "CRDRolledOut", f"belongs to the Transform {platform.transform}", command)
    platform.views[0].apply(widget(platform, 2))
    for view in platform.views:
        view.merge({"apiVersion": CRD[0], "kind": CRD[1], "metadata": {"name": crd, "labels": {OWNER: other}}})
    until_in_force(platform, other)
    until_size(platform, 2)


def test_a_short_name_that_another_kind_has_is_told_and_waited_for(platform: Platform) -> None:
    platform.apply_transform(cueRef=inline(NARROW), shortNames=["wid"])
    other = other_transform(
        platform, cueRef=inline(NARROW.replace("Widget", "Gadget")), shortNames=["wid"], group=platform.group
    )
    until_told(platform, other, "CRDRolledOut", "does not accept all names", '"wid" is already in use')

    platform.apply_transform(cueRef=inline(NARROW), shortNames=["wdg"])
    until_in_force(platform, other)


def test_a_crd_that_lost_its_label_says_how_it_gets_it_back(platform: Platform) -> None:
    view, crd = platform.views[0], f"widgets.{platform.group}"
    platform.apply_transform(cueRef=inline(NARROW))

    def label(value: str | None) -> None:
        view.merge({"apiVersion": CRD[0], "kind": CRD[1], "metadata": {"name": crd, "labels": {OWNER: value}}})

    label(None)
    command = f"kubectl label --overwrite crd {crd} {OWNER}={platform.transform}"
    until_told(platform, platform.transform, "CRDRolledOut", f"has lost the label {OWNER}", command)
    label(platform.transform)
    until_in_force(platform, platform.transform)
    view.apply(widget(platform, 1))
    until_size(platform, 1)
