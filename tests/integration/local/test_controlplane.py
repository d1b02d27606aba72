"""A control plane is a real cluster, and comes back as it was."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests

from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import ControlPlanes, View

    Look = Callable[[ControlPlane], View]


def _config_map(name: str, namespace: str, **metadata: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
    }


def test_clusters_are_separate(control_planes: ControlPlanes, view: Look, namespace: str) -> None:
    view(control_planes.spoke_1).apply(_config_map("here", namespace))

    assert view(control_planes.spoke_1).get("v1", "ConfigMap", "here", namespace=namespace) is not None
    assert view(control_planes.spoke_2).get("v1", "ConfigMap", "here", namespace=namespace) is None


def test_owned_objects_are_garbage_collected(control_planes: ControlPlanes, view: Look, namespace: str) -> None:
    hub = view(control_planes.hub)
    owner = hub.apply(_config_map("owner", namespace))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    hub.apply(_config_map("owned", namespace, ownerReferences=[reference]))

    hub.delete("v1", "ConfigMap", "owner", namespace=namespace)

    until(lambda: hub.get("v1", "ConfigMap", "owned", namespace=namespace) is None)


def test_namespaces_are_emptied(fresh_control_plane: ControlPlane, view: Look) -> None:
    cluster = view(fresh_control_plane)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short-lived"}})
    cluster.apply(_config_map("inside", "short-lived"))

    cluster.delete("v1", "Namespace", "short-lived")

    until(lambda: cluster.get("v1", "Namespace", "short-lived") is None)


@pytest.mark.parametrize("way_down", ["stop", "kill"])
def test_a_cluster_comes_back_with_its_data_port_and_credentials(
    fresh_control_plane: ControlPlane, view: Look, way_down: str
) -> None:
    kubeconfig = fresh_control_plane.kubeconfig.read_text()
    view(fresh_control_plane).apply(_config_map("kept", "default"))

    getattr(fresh_control_plane, way_down)()
    with pytest.raises(requests.ConnectionError):
        view(fresh_control_plane).get("v1", "ConfigMap", "kept", namespace="default")
    fresh_control_plane.start()

    assert view(fresh_control_plane).get("v1", "ConfigMap", "kept", namespace="default") is not None
    assert fresh_control_plane.kubeconfig.read_text() == kubeconfig


def test_a_paused_cluster_answers_nothing_until_it_is_resumed(
    fresh_control_plane: ControlPlane, view: Look
) -> None:
    cluster = view(fresh_control_plane)
    fresh_control_plane.pause()
    with pytest.raises(requests.Timeout):
        cluster.api.session.get(f"{cluster.api.url}/version", timeout=0.3)

    fresh_control_plane.resume()

    assert cluster.api.session.get(f"{cluster.api.url}/version", timeout=10).json()["gitVersion"].startswith("v1.")


def test_a_paused_cluster_can_be_stopped_at_once(fresh_control_plane: ControlPlane) -> None:
    fresh_control_plane.pause()
    started = time.monotonic()

    fresh_control_plane.stop(grace_s=20)

    assert time.monotonic() - started < 15
    assert not fresh_control_plane.running


def test_kubeconfigs_are_private(control_planes: ControlPlanes) -> None:
    for plane in control_planes.all:
        assert plane.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert plane.folder.stat().st_mode & 0o777 == 0o700


def test_a_user_has_only_the_rights_that_were_given(
    control_planes: ControlPlanes,
    new_user: Callable[[ControlPlane, Sequence[dict[str, Any]]], Path],
) -> None:
    from tests.harness.clusters import View  # noqa: PLC0415 - typing only elsewhere in this file

    reader = new_user(
        control_planes.spoke_1, [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    )
    with View(reader) as cluster:
        cluster.list("v1", "ConfigMap", namespace="default")
        with pytest.raises(AssertionError, match="403"):
            cluster.apply(_config_map("refused", "default"))
        with pytest.raises(AssertionError, match="403"):
            cluster.list("v1", "Secret")
