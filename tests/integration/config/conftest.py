"""A hub that may do on its clusters what ``config/`` grants it, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.shipped import shipped
from tests.harness.hub import HubProcess
from tests.harness.waiting import until
from tests.integration.config import kustomize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import Manifest, View

NAMESPACE = "pequod-system"
ACCOUNT = "pequod-fleet"


@pytest.fixture(scope="session")
def config() -> Path:
    """The folder ``config``."""
    return shipped("config")


def apply_all(view: View, objects: list[Manifest]) -> None:
    """Apply objects in their order."""
    for each in objects:
        view.apply(each)


def account_kubeconfig(plane: ControlPlane, view: View, into: Path) -> Path:
    """A kubeconfig for the fleet's service account on a cluster that ``config/`` was applied to."""
    answer = view.post(
        f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}},
    )
    plane.write_kubeconfig(into, user=ACCOUNT, token=answer["status"]["token"])
    return into


@pytest.fixture
def hub_view(
    start_control_plane: Callable[[], ControlPlane],
    view: Callable[[ControlPlane], View],
    config: Path,
    tmp_path: Path,
) -> View:
    """An empty cluster with ``config/default``; ``hub.kubeconfig`` is for the account of the hub there."""
    plane = start_control_plane()
    seen = view(plane)
    apply_all(seen, kustomize.build(config / "default"))
    account_kubeconfig(plane, seen, tmp_path / "hub.kubeconfig")
    return seen


@pytest.fixture
def spoke_roles(request: pytest.FixtureRequest, config: Path) -> list[Manifest]:
    """The roles of the hub on a spoke: as ``config/spoke`` has them, or as a test's parameter says."""
    if hasattr(request, "param"):
        said: list[Manifest] = request.param(config)
        return said
    return kustomize.build(config / "rbac" / "spoke")


@pytest.fixture
def spoke_view(
    start_control_plane: Callable[[], ControlPlane],
    view: Callable[[ControlPlane], View],
    hub_view: View,
    spoke_roles: list[Manifest],
    config: Path,
    tmp_path: Path,
) -> View:
    """An empty cluster with ``config/spoke``, whose kubeconfig is in the Secret ``spoke`` on the hub cluster."""
    plane = start_control_plane()
    seen = view(plane)
    apply_all(seen, kustomize.load(config / "spoke" / "account.yaml") + spoke_roles)
    kubeconfig = account_kubeconfig(plane, seen, tmp_path / "spoke.kubeconfig")
    hub_view.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "spoke", "namespace": NAMESPACE},
            "stringData": {"kubeconfig": kubeconfig.read_text()},
        }
    )
    return seen


@pytest.fixture
def hub(hub_view: View, spoke_view: View, tmp_path: Path, sqlite_url: str) -> Iterator[HubProcess]:
    """A running hub: its own cluster by kubeconfig, the spoke by a Secret on it."""
    del spoke_view
    process = HubProcess(tmp_path, database_url=sqlite_url)
    process.register("hub", tmp_path / "hub.kubeconfig", roles=["hub"])
    (process.clusters / "spoke.yaml").write_text(
        f"name: spoke\nconnection: {{secret: {{namespace: {NAMESPACE}, name: spoke}}}}\n"
    )
    process.start()
    until(lambda: hub_view.serves("platform.pequod.io/v1alpha1", "Transform"), deadline_s=30)
    yield process
    if process.running:
        process.kill()
