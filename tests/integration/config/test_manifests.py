"""What ``config/`` has is accepted by an API server, and its pods by the namespace's security level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.waiting import until
from tests.integration.config import kustomize
from tests.integration.config.conftest import NAMESPACE, apply_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import Manifest, View

AVAILABLE = ("Available", "True")


@pytest.fixture
def cluster(fresh_control_plane: ControlPlane, view: Callable[[ControlPlane], View]) -> View:
    """An empty cluster."""
    return view(fresh_control_plane)


def test_everything_is_accepted_and_the_deployment_comes_up(cluster: View, config: Path) -> None:
    for folder in ("crd", "default", "spoke"):
        apply_all(cluster, kustomize.build(config / folder))
    apply_all(cluster, kustomize.load(config / "samples" / "webservice-rbac.yaml"))
    until(lambda: cluster.serves("platform.pequod.io/v1alpha1", "Transform"))
    apply_all(cluster, kustomize.load(config / "samples" / "webservice-transform.yaml"))

    def conditions() -> set[tuple[str, str]]:
        deployment = cluster.get("apps/v1", "Deployment", "pequod-fleet", namespace=NAMESPACE)
        assert deployment is not None
        return {(each["type"], each["status"]) for each in deployment.get("status", {}).get("conditions", ())}

    until(conditions, lambda seen: AVAILABLE in seen, deadline_s=30)


def test_the_roles_of_transforms_add_up_to_the_role_of_the_spoke(cluster: View, config: Path) -> None:
    apply_all(cluster, kustomize.build(config / "spoke"))
    apply_all(cluster, kustomize.load(config / "samples" / "webservice-rbac.yaml"))
    rbac = ("rbac.authorization.k8s.io/v1", "ClusterRole")

    def granted() -> list[Manifest]:
        role = cluster.get(*rbac, "pequod-fleet-spoke")
        assert role is not None
        rules: list[Manifest] = role.get("rules") or []
        return rules

    rules = until(granted, lambda seen: any("webservices" in rule["resources"] for rule in seen))
    assert any("resourcegraphs" in rule["resources"] for rule in rules)
    assert not any("*" in rule["verbs"] or "*" in rule["apiGroups"] for rule in rules)
    edit = cluster.get(*rbac, "edit")
    assert edit is not None
    until(lambda: any("webservices" in rule["resources"] for rule in (cluster.get(*rbac, "edit") or {})["rules"]))
