"""What the hub must be allowed to do is read from the roles that ship with the fleet."""

from __future__ import annotations

from fleet.cli import permissions
from fleet.cli.permissions import Permission
from fleet.registry.clusters import Role

CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")


def test_a_spoke_needs_graphs_and_crds() -> None:
    needed = permissions.needed([Role.SPOKE])
    assert Permission(group="platform.pequod.io", resource="resourcegraphs", verb="patch") in needed
    assert Permission(group="platform.pequod.io", resource="resourcegraphs/status", verb="patch") in needed
    assert Permission(group=CRDS[0], resource=CRDS[1], verb="delete") in needed
    assert not any(each.resource.startswith("transforms") for each in needed)


def test_a_hub_needs_transforms_and_only_its_own_crd() -> None:
    needed = permissions.needed([Role.HUB])
    assert Permission(group="platform.pequod.io", resource="transforms", verb="watch") in needed
    crds = [each for each in needed if each.resource == CRDS[1]]
    assert crds
    assert {each.name for each in crds} == {"transforms.platform.pequod.io"}


def test_both_roles_need_both_and_each_permission_is_asked_once() -> None:
    both = permissions.needed([Role.HUB, Role.SPOKE])
    assert set(both) == set(permissions.needed([Role.HUB])) | set(permissions.needed([Role.SPOKE]))
    assert len(both) == len(set(both))
    assert not any("*" in each.resource for each in both), "nobody has a resource called *"


def test_a_permission_in_words() -> None:
    named = Permission(group=CRDS[0], resource=CRDS[1], verb="get", name="a.example.com")
    assert str(named) == "get customresourcedefinitions.apiextensions.k8s.io a.example.com"
    assert str(Permission(group="", resource="secrets", verb="get")) == "get secrets"
