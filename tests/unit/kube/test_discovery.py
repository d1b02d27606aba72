from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.kube.discovery import Discovery, UnknownKind
from fleet.kube.errors import ServerError
from tests.unit.kube.scripted import answer, refusal, text

if TYPE_CHECKING:
    from fleet.kube.client import ClusterClient
    from tests.unit.kube.scripted import ScriptedServer

APPS = answer(
    {
        "resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": True, "singularName": "deployment"},
            {"name": "deployments/status", "kind": "Deployment", "namespaced": True},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": True, "group": "autoscaling"},
        ]
    }
)
NODES = answer({"resources": [{"name": "nodes", "kind": "Node", "namespaced": False}]})


@pytest.fixture
def discovery(client: ClusterClient) -> Discovery:
    return Discovery(client)


async def test_a_kind_is_asked_for_once(server: ScriptedServer, discovery: Discovery) -> None:
    server.will(APPS)

    found = await discovery.resource_type("apps/v1", "Deployment")

    assert found == await discovery.resource_type("apps/v1", "Deployment")
    assert (found.path("ns"), found.namespaced) == ("/apis/apps/v1/namespaces/ns/deployments", True)
    assert [asked.path for asked in server.requests] == ["/apis/apps/v1"]


async def test_the_core_group_and_cluster_scope(server: ScriptedServer, discovery: Discovery) -> None:
    server.will(NODES)

    found = await discovery.resource_type("v1", "Node")

    assert (found.path(), found.namespaced) == ("/api/v1/nodes", False)
    assert server.requests[0].path == "/api/v1"


async def test_a_subresource_is_no_kind(server: ScriptedServer, discovery: Discovery) -> None:
    server.will(APPS)

    with pytest.raises(UnknownKind, match="cluster blue serves no Scale in apps/v1"):
        await discovery.resource_type("apps/v1", "Scale")


@pytest.mark.parametrize("missing", [refusal(404), answer({"resources": []})])
async def test_a_kind_that_is_missing_is_asked_for_again(
    server: ScriptedServer, discovery: Discovery, missing: object
) -> None:
    server.will(missing, APPS)  # type: ignore[arg-type]

    with pytest.raises(UnknownKind) as caught:
        await discovery.resource_type("apps/v1", "Deployment")

    assert caught.value.retry_after
    assert (await discovery.resource_type("apps/v1", "Deployment")).plural == "deployments"


async def test_a_kind_that_is_forgotten_is_asked_for_again(server: ScriptedServer, discovery: Discovery) -> None:
    server.will(APPS, APPS)

    await discovery.resource_type("apps/v1", "Deployment")
    discovery.forget("apps/v1", "Deployment")
    await discovery.resource_type("apps/v1", "Deployment")
    discovery.forget("apps/v1", "Nothing")

    assert len(server.requests) == 2


async def test_a_failure_is_not_a_missing_kind(server: ScriptedServer, discovery: Discovery) -> None:
    server.will(refusal(503, message="etcd is away"), text("<html>"))

    with pytest.raises(ServerError, match="etcd is away"):
        await discovery.resource_type("apps/v1", "Deployment")
    with pytest.raises(ServerError, match="no answer of an API server"):
        await discovery.resource_type("apps/v1", "Deployment")


async def test_a_version_that_leads_elsewhere_stays_below_apis(
    server: ScriptedServer, discovery: Discovery
) -> None:
    server.will(refusal(404))

    with pytest.raises(UnknownKind):
        await discovery.resource_type("../api/v1", "Secret")

    assert server.requests[0].path == "/apis/..%2Fapi/v1"
