"""Informers on a real API server: rights that are withdrawn, clusters that are away, many writers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fleet.kube import stream as streams
from fleet.kube.errors import Forbidden
from fleet.kube.writes import Cause
from fleet.watch.informers import Informers
from tests.harness.waiting import until_async
from tests.integration.kube.conftest import client, connected, log
from tests.integration.kube.test_client import configmap
from tests.unit.kube.scripted import CONFIGMAPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pytest

    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.local.controlplane import ControlPlane
    from fleet.watch.informers import Informer
    from tests.harness.clusters import ControlPlanes, View

__all__ = ("client", "log")

CAUSE = Cause(reason="a test")
READ = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


def ignore(_: LiveObject) -> None:
    return


def labelled(namespace: str, name: str, value: str) -> dict[str, Any]:
    manifest = configmap(namespace, name, x=value)
    manifest["metadata"]["labels"] = {"of": namespace}
    return manifest


async def until_seeing(informer: Informer, *, seeing: bool) -> None:
    async def look() -> bool:
        return informer.seeing is seeing

    await until_async(look, deadline_s=40)


async def test_many_writers_and_the_cache_is_the_cluster(client: ClusterClient, namespace: str) -> None:
    told: list[int] = []
    written: set[int] = set()

    async with Informers(client) as informers:
        informer = informers.start(
            CONFIGMAPS, on_change=lambda seen: told.append(seen.version), selector="of", index_label="of"
        )
        await informer.synced()

        async def live(number: int) -> None:
            for turn in range(5):
                seen = await client.apply(CONFIGMAPS, labelled(namespace, f"c{number}", str(turn)), cause=CAUSE)
                informer.learn(seen)
                written.add(seen.version)
                if turn == 2:
                    await client.delete(CONFIGMAPS, seen.ref, uid=seen.meta.uid, cause=CAUSE)

        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(live(number))

        async def agrees() -> bool:
            listed, _ = await client.list_all(CONFIGMAPS, namespace=namespace, selector="of")
            return {(each.meta.uid, each.version) for each in listed} == {
                (each.meta.uid, each.version) for each in informer.cache.labelled(namespace)
            }

        await until_async(agrees)
        assert len(informer.cache.labelled(namespace)) == 20
        assert len(written) == 20 * 5
        assert written <= set(told), "every state is told, whether it came by the stream or by our own answer"
        assert len(told) == len(set(told)), "and none twice; a deletion may be overtaken by the next creation"


async def test_rights_that_are_withdrawn_are_noticed_and_regained(
    control_planes: ControlPlanes,
    namespace: str,
    client: ClusterClient,
    view: Callable[[ControlPlane], View],
    new_user: Callable[[ControlPlane, Sequence[dict[str, Any]]], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An API server asks for rights when a watch begins, so it shows at its end at the latest."""
    monkeypatch.setattr(streams, "WATCH_LIFETIME_S", (1, 2))
    await client.apply(CONFIGMAPS, labelled(namespace, "a", "1"), cause=CAUSE)
    kubeconfig = await asyncio.to_thread(new_user, control_planes.spoke_1, READ)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": kubeconfig.name},
    }
    admin = view(control_planes.spoke_1)
    async with connected(kubeconfig) as poor, Informers(poor) as informers:
        informer = informers.start(CONFIGMAPS, on_change=ignore, selector="of", index_label="of")
        await until_seeing(informer, seeing=True)
        await asyncio.to_thread(admin.apply, {**role, "rules": []})
        await until_seeing(informer, seeing=False)
        assert isinstance(informer.broken, Forbidden)
        assert len(informer.cache.labelled(namespace)) == 1  # what it cannot see is not gone

        await client.apply(CONFIGMAPS, labelled(namespace, "b", "1"), cause=CAUSE)
        await asyncio.to_thread(admin.apply, {**role, "rules": READ})
        informer.hurry()
        await until_seeing(informer, seeing=True)

        async def both() -> bool:
            return len(informer.cache.labelled(namespace)) == 2

        await until_async(both)


async def test_a_cluster_that_was_away_is_seen_again_at_a_hurry(
    control_planes: ControlPlanes, namespace: str, client: ClusterClient
) -> None:
    await client.apply(CONFIGMAPS, labelled(namespace, "a", "1"), cause=CAUSE)
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=ignore, selector="of", index_label="of")
        await informer.synced()
        await asyncio.to_thread(control_planes.spoke_1.stop)
        await until_seeing(informer, seeing=False)
        await asyncio.to_thread(control_planes.spoke_1.start)
        informers.hurry()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await until_seeing(informer, seeing=True)

        assert loop.time() - began < 5
        assert len(informer.cache.labelled(namespace)) == 1
