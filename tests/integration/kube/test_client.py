"""The client on a real API server: what the scripted one is believed to do, this one does."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from fleet.kube.discovery import Discovery, UnknownKind
from fleet.kube.errors import (
    AlreadyExists,
    ApplyConflict,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
    Unreachable,
)
from fleet.kube.objects import LiveObject
from fleet.kube.resources import ObjectRef, ResourceType
from fleet.kube.wellknown import CRDS
from fleet.kube.writes import Cause
from tests.harness.waiting import until_async
from tests.integration.kube.conftest import connected
from tests.unit.kube.scripted import CONFIGMAPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fleet.kube.client import ClusterClient
    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import ControlPlanes, View
    from tests.unit.kube.scripted import RecordingLog

CAUSE = Cause(reason="a test")
SERVICES = ResourceType(group="", version="v1", kind="Service", plural="services")
NAMESPACES = ResourceType(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False)
DEPLOYMENTS = ResourceType(group="apps", version="v1", kind="Deployment", plural="deployments")


def configmap(namespace: str, name: str = "a", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def crd(group: str, plural: str = "widgets", kind: str = "Widget") -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [version],
        },
    }


async def test_an_object_is_applied_read_patched_and_deleted(
    client: ClusterClient, namespace: str, log: RecordingLog
) -> None:
    applied = await client.apply(CONFIGMAPS, configmap(namespace, color="red"), cause=CAUSE)
    read = await client.get(CONFIGMAPS, "a", namespace=namespace)
    patched = await client.merge_patch(CONFIGMAPS, read.ref, {"data": {"color": "blue"}}, cause=CAUSE)

    assert (read.version, read.meta.uid) == (applied.version, applied.meta.uid)
    assert patched.version > read.version
    assert patched.body["data"] == {"color": "blue"}
    assert await client.delete(CONFIGMAPS, read.ref, uid=read.meta.uid, cause=CAUSE)
    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "a", namespace=namespace)
    with pytest.raises(NotFound):
        await client.delete(CONFIGMAPS, read.ref, uid=read.meta.uid, cause=CAUSE)
    assert [each for each, _, _ in log.events] == ["intent", "outcome"] * 4
    assert [outcome.error is None for outcome in log.outcomes] == [True, True, True, False]
    assert log.outcomes[1].resource_version == patched.meta.resource_version


async def test_a_conflict_names_the_manager_and_the_field(
    client: ClusterClient, namespace: str, view: Callable[[ControlPlane], View], control_planes: ControlPlanes
) -> None:
    view(control_planes.spoke_1).apply(configmap(namespace, color="red"), field_manager="somebody")

    with pytest.raises(ApplyConflict) as caught:
        await client.apply(CONFIGMAPS, configmap(namespace, color="blue"), cause=CAUSE)

    assert caught.value.conflicts == (("somebody", ".data.color"),)
    forced = await client.apply(CONFIGMAPS, configmap(namespace, color="blue"), cause=CAUSE, force=True)
    assert forced.body["data"] == {"color": "blue"}


async def test_creating_what_exists_and_losing_a_race(client: ClusterClient, namespace: str) -> None:
    first = await client.create(CONFIGMAPS, configmap(namespace), cause=CAUSE)
    with pytest.raises(AlreadyExists):
        await client.create(CONFIGMAPS, configmap(namespace), cause=CAUSE)

    await client.merge_patch(CONFIGMAPS, first.ref, {"data": {"x": "1"}}, cause=CAUSE)
    stale = {"metadata": {"resourceVersion": first.meta.resource_version}, "data": {"x": "2"}}
    with pytest.raises(Conflict):
        await client.merge_patch(CONFIGMAPS, first.ref, stale, cause=CAUSE)


async def test_what_exists_is_not_changed_by_who_wants_something_new(
    client: ClusterClient, namespace: str
) -> None:
    made = await client.apply(CONFIGMAPS, configmap(namespace, key="ours"), cause=CAUSE, only_new=True)
    assert (made.body["data"], len(made.body["metadata"]["managedFields"])) == ({"key": "ours"}, 1)
    for manager, data in itertools.product(("pequod-fleet", "somebody-else"), ({"key": "theirs"}, {"other": "x"})):
        wanted = configmap(namespace, **data)
        with pytest.raises(AlreadyExists, match="it exists already"):
            await client.apply(CONFIGMAPS, wanted, cause=CAUSE, only_new=True, manager=manager)
    live = await client.get(CONFIGMAPS, "a", namespace=namespace)
    assert live.meta.resource_version == made.meta.resource_version


async def test_a_manifest_with_a_uid_is_for_no_namesake(client: ClusterClient, namespace: str) -> None:
    live = await client.apply(CONFIGMAPS, configmap(namespace, key="first"), cause=CAUSE)
    manifest = configmap(namespace, key="second")
    manifest["metadata"]["uid"] = live.meta.uid
    changed = await client.apply(CONFIGMAPS, manifest, cause=CAUSE)
    assert (changed.meta.uid, changed.body["data"]) == (live.meta.uid, {"key": "second"})

    await client.delete(CONFIGMAPS, live.ref, uid=live.meta.uid, cause=CAUSE)
    with pytest.raises(Conflict):
        await client.apply(CONFIGMAPS, manifest, cause=CAUSE, force=True)
    namesake = await client.create(CONFIGMAPS, configmap(namespace, key="theirs"), cause=CAUSE)
    with pytest.raises(Conflict, match="another object than before"):
        await client.apply(CONFIGMAPS, manifest, cause=CAUSE, force=True)
    assert (await client.get(CONFIGMAPS, "a", namespace=namespace)).meta == namesake.meta


async def test_a_namesake_is_no_victim(client: ClusterClient, namespace: str) -> None:
    live = await client.create(CONFIGMAPS, configmap(namespace), cause=CAUSE)

    with pytest.raises(Conflict, match="UID"):
        await client.delete(CONFIGMAPS, live.ref, uid="the uid of its predecessor", cause=CAUSE)

    await client.get(CONFIGMAPS, "a", namespace=namespace)


async def test_what_finalizers_hold_is_not_gone(client: ClusterClient, namespace: str) -> None:
    held = configmap(namespace)
    held["metadata"]["finalizers"] = ["example.com/wait"]
    live = await client.create(CONFIGMAPS, held, cause=CAUSE)

    assert not await client.delete(CONFIGMAPS, live.ref, uid=live.meta.uid, cause=CAUSE)

    assert (await client.get(CONFIGMAPS, "a", namespace=namespace)).deleting
    await client.merge_patch(CONFIGMAPS, live.ref, {"metadata": {"finalizers": []}}, cause=CAUSE)
    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "a", namespace=namespace)


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
async def test_a_deployment_may_leave_later_than_it_is_deleted(
    client: ClusterClient, namespace: str, propagation: str
) -> None:
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]},
            },
        },
    }
    live = await client.apply(DEPLOYMENTS, manifest, cause=CAUSE)

    gone = await client.delete(DEPLOYMENTS, live.ref, uid=live.meta.uid, cause=CAUSE, propagation=propagation)

    assert gone is (propagation == "Background")


async def test_a_service_answers_its_deletion_with_itself(client: ClusterClient, namespace: str) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }
    live = await client.apply(SERVICES, manifest, cause=CAUSE)

    assert await client.delete(SERVICES, live.ref, uid=live.meta.uid, cause=CAUSE)


async def test_a_list_in_pages_is_one_list(client: ClusterClient, namespace: str) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(12):
            manifest = configmap(namespace, f"c{number:02}")
            manifest["metadata"]["labels"] = {"parity": "even" if number % 2 == 0 else "odd"}
            group.create_task(client.create(CONFIGMAPS, manifest, cause=CAUSE))

    names: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await client.list_page(
            CONFIGMAPS, namespace=namespace, selector="parity", limit=5, continue_token=token
        )
        names += [each.meta.name for each in page.objects]
        token, pages = page.continue_token, pages + 1

    assert (names, pages) == ([f"c{number:02}" for number in range(12)], 3)
    even, version = await client.list_all(CONFIGMAPS, namespace=namespace, selector="parity=even")
    assert len(even) == 6
    assert int(version) >= max(each.version for each in even)


async def test_a_continue_token_that_makes_no_sense(client: ClusterClient, namespace: str) -> None:
    with pytest.raises((Invalid, Expired)):
        await client.list_page(CONFIGMAPS, namespace=namespace, continue_token="bm9uc2Vuc2U")


async def test_refusals_name_what_is_wrong(client: ClusterClient, namespace: str) -> None:
    bad = configmap(namespace, "Not A Name")
    with pytest.raises(Invalid, match=r"metadata\.name"):
        await client.create(CONFIGMAPS, bad, cause=CAUSE)
    misspelt = configmap(namespace) | {"dta": {"key": "value"}}
    with pytest.raises(Invalid, match=r"\.dta: field not declared in schema"):
        await client.apply(CONFIGMAPS, misspelt, cause=CAUSE)
    with pytest.raises(NotFound, match="namespaces"):
        await client.apply(CONFIGMAPS, configmap("nowhere-at-all"), cause=CAUSE)
    with pytest.raises(NotFound):
        await client.get(
            ResourceType(group="no.such", version="v1", kind="X", plural="xs"), "a", namespace=namespace
        )


async def test_a_name_from_a_module_cannot_leave_its_namespace(client: ClusterClient, namespace: str) -> None:
    with pytest.raises((NotFound, Invalid)):
        await client.get(CONFIGMAPS, "../../kube-system/configmaps/kube-root-ca.crt", namespace=namespace)


async def test_a_namespace_that_is_being_terminated(client: ClusterClient, namespace: str) -> None:
    held = configmap(namespace)
    held["metadata"]["finalizers"] = ["example.com/wait"]
    live = await client.create(CONFIGMAPS, held, cause=CAUSE)
    around = await client.get(NAMESPACES, namespace)
    await client.delete(NAMESPACES, around.ref, uid=around.meta.uid, cause=CAUSE)
    try:
        with pytest.raises(Forbidden, match="because it is being terminated"):
            await client.apply(CONFIGMAPS, configmap(namespace, "b"), cause=CAUSE)
    finally:
        await client.merge_patch(CONFIGMAPS, live.ref, {"metadata": {"finalizers": []}}, cause=CAUSE)


async def test_a_kind_appears_with_its_crd(client: ClusterClient, namespace: str) -> None:
    group = f"{namespace}.example.com"
    discovery = Discovery(client)
    with pytest.raises(UnknownKind, match=f"serves no Widget in {group}/v1"):
        await discovery.resource_type(f"{group}/v1", "Widget")

    live = await client.apply(CRDS, crd(group), cause=CAUSE)
    try:
        found = await until_async(lambda: served(discovery, f"{group}/v1"))
        assert found is not None
        assert (found.plural, found.namespaced) == ("widgets", True)
        widget = {
            "apiVersion": f"{group}/v1",
            "kind": "Widget",
            "metadata": {"name": "w", "namespace": namespace},
        }

        made = await client.apply(found, widget, cause=CAUSE, only_new=True)
        with pytest.raises(AlreadyExists):
            await client.apply(found, widget, cause=CAUSE, only_new=True)
        told = await client.patch_status(found, made.ref, {"phase": "Ready", "gone": None}, cause=CAUSE)

        assert told.body["status"] == {"phase": "Ready"}
        assert told.meta.generation == made.meta.generation
    finally:
        await client.delete(CRDS, live.ref, uid=live.meta.uid, cause=CAUSE)


async def served(discovery: Discovery, api_version: str) -> ResourceType | None:
    try:
        return await discovery.resource_type(api_version, "Widget")
    except UnknownKind:
        return None


async def test_a_user_with_few_rights(
    control_planes: ControlPlanes,
    namespace: str,
    new_user: Callable[[ControlPlane, Sequence[dict[str, Any]]], Path],
) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    kubeconfig = await asyncio.to_thread(new_user, control_planes.spoke_1, rules)
    async with connected(kubeconfig) as client:
        await until_async(lambda: allowed(client))  # the authorizer learns of a binding a moment later
        with pytest.raises(Forbidden, match='cannot patch resource "configmaps"'):
            await client.apply(CONFIGMAPS, configmap(namespace), cause=CAUSE)
        with pytest.raises(Forbidden):
            async with client.watch(CONFIGMAPS, selector="", resource_version="1", lifetime_s=5, silence_s=5):
                pass


async def allowed(client: ClusterClient) -> bool:
    try:
        await client.list_page(CONFIGMAPS, limit=1)
    except Forbidden:
        return False
    return True


async def test_a_token_that_nobody_knows(control_planes: ControlPlanes, tmp_path: Path) -> None:
    plane = control_planes.spoke_1
    plane.write_kubeconfig(tmp_path / "config", user="nobody", token="nothing")
    async with connected(tmp_path / "config") as client:
        with pytest.raises(Unauthorized):
            await client.version()

        plane.write_kubeconfig(tmp_path / "config", user="admin", token=plane.token)
        client._session._renewed_at = float("-inf")
        assert (await client.version()).startswith("v1.")


async def test_a_server_of_another_authority_is_not_trusted(control_planes: ControlPlanes, tmp_path: Path) -> None:
    text = await asyncio.to_thread(control_planes.spoke_1.kubeconfig.read_text)
    other = await asyncio.to_thread(control_planes.spoke_2.kubeconfig.read_text)
    swapped = "\n".join(
        line if "certificate-authority-data" not in line else authority_of(other, line)
        for line in text.splitlines()
    )
    await asyncio.to_thread((tmp_path / "config").write_text, swapped)
    async with connected(tmp_path / "config") as client:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            await client.version()

        await asyncio.to_thread((tmp_path / "config").write_text, text)
        client._session._renewed_at = float("-inf")
        assert (await client.version()).startswith("v1.")


def authority_of(kubeconfig: str, like: str) -> str:
    found = next(line for line in kubeconfig.splitlines() if "certificate-authority-data" in line)
    return like[: len(like) - len(like.lstrip())] + found.lstrip()


async def test_a_server_that_hangs_and_goes_on(client: ClusterClient, control_planes: ControlPlanes) -> None:
    plane = control_planes.spoke_1
    await client.version()
    await asyncio.to_thread(plane.pause)
    with pytest.raises(Unreachable, match="no answer in time"):
        await client.version()

    await asyncio.to_thread(plane.resume)

    async def answers() -> bool:
        try:
            return bool(await client.version())
        except Unreachable:
            return False

    await until_async(answers)


async def test_many_writes_at_once_share_the_connections_of_their_slots(
    client: ClusterClient, namespace: str
) -> None:
    async with asyncio.TaskGroup() as group:
        made = [
            group.create_task(client.apply(CONFIGMAPS, configmap(namespace, f"c{number}"), cause=CAUSE))
            for number in range(300)
        ]
    assert len({task.result().meta.uid for task in made}) == 300
    assert all(isinstance(task.result(), LiveObject) for task in made)
    refs = {task.result().ref for task in made}
    assert ObjectRef(api_version="v1", kind="ConfigMap", namespace=namespace, name="c7") in refs
