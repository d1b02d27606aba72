"""The stream on a real API server that is stopped, paused and changed behind its back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fleet.errors import FleetError
from fleet.kube import stream as streams
from fleet.kube.discovery import Discovery
from fleet.kube.errors import Expired, NotFound, Silent, Unreachable
from fleet.kube.stream import Broken, Changed, Deleted, Listed, Resumed, follow
from fleet.kube.wellknown import CRDS
from fleet.kube.writes import Cause
from fleet.retrying import Backoff
from fleet.watch.cache import ObjectCache
from tests.harness.waiting import until_async
from tests.integration.kube.test_client import configmap, crd
from tests.unit.kube.scripted import CONFIGMAPS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from fleet.kube.client import ClusterClient
    from fleet.kube.resources import ResourceType
    from fleet.kube.stream import Event
    from tests.harness.clusters import ControlPlanes

CAUSE = Cause(reason="a test")
QUICK = Backoff(initial_s=0.05, maximum_s=0.5, jitter_s=0.05)


@asynccontextmanager
async def following(
    client: ClusterClient, namespace: str, resource: ResourceType = CONFIGMAPS
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    stream = follow(client, resource, namespace=namespace, backoff=QUICK)
    async with aclosing(stream) as events, asyncio.timeout(60):
        yield events


async def until_event(events: AsyncGenerator[Event, None], kind: type[Event], name: str = "") -> list[Event]:
    """Everything up to the first event of a kind, about an object where one is named."""
    seen: list[Event] = []
    async for event in events:
        seen.append(event)
        if isinstance(event, kind) and (not name or event.object.meta.name == name):  # type: ignore[union-attr]
            break
    return seen


async def put(client: ClusterClient, namespace: str, name: str, **data: str) -> None:
    await client.apply(CONFIGMAPS, configmap(namespace, name, **data), cause=CAUSE)


async def take(client: ClusterClient, namespace: str, name: str) -> None:
    live = await client.get(CONFIGMAPS, name, namespace=namespace)
    await client.delete(CONFIGMAPS, live.ref, uid=live.meta.uid, cause=CAUSE)


def changes(events: list[Event]) -> list[str]:
    """What happened to the test's own objects."""
    return [
        f"{'+' if isinstance(event, Changed) else '-'}{event.object.meta.name}"
        for event in events
        if isinstance(event, Changed | Deleted) and event.object.meta.name != "kube-root-ca.crt"
    ]


async def test_list_then_every_change_in_order(client: ClusterClient, namespace: str) -> None:
    await put(client, namespace, "before")
    async with following(client, namespace) as events:
        listed = await anext(events)
        assert isinstance(listed, Listed)
        assert "before" in {each.meta.name for each in listed.objects}
        assert isinstance(await anext(events), Resumed)

        await put(client, namespace, "a")
        await put(client, namespace, "a", x="1")
        await put(client, namespace, "b")
        await take(client, namespace, "a")

        assert changes(await until_event(events, Deleted, "a")) == ["+a", "+a", "+b", "-a"]


async def test_watches_that_end_lose_and_double_nothing(
    client: ClusterClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "WATCH_LIFETIME_S", (1, 1))
    async with following(client, namespace) as events, asyncio.TaskGroup() as group:
        await until_event(events, Resumed)

        async def write() -> None:
            for number in range(100):
                await put(client, namespace, f"c{number}")
                await asyncio.sleep(0.03)

        group.create_task(write())
        seen = await until_event(events, Changed, "c99")

    assert changes(seen) == [f"+c{number}" for number in range(100)]
    assert sum(isinstance(event, Resumed) for event in seen) >= 2
    assert not any(isinstance(event, Listed) for event in seen)


async def test_a_version_from_before_the_server_started_is_too_old(
    client: ClusterClient, namespace: str, control_planes: ControlPlanes
) -> None:
    await asyncio.to_thread(control_planes.spoke_1.stop)
    await asyncio.to_thread(control_planes.spoke_1.start)
    watch = client.watch(
        CONFIGMAPS, namespace=namespace, selector="", resource_version="1", lifetime_s=10, silence_s=10
    )
    with pytest.raises(Expired):  # some servers refuse at once, some by the first line
        async with watch as lines:
            streams._event_of(await anext(lines), client, CONFIGMAPS)


async def test_a_server_that_stops_and_starts_is_followed_through(
    client: ClusterClient, namespace: str, control_planes: ControlPlanes
) -> None:
    await put(client, namespace, "gone")
    async with following(client, namespace) as events:
        await until_event(events, Resumed)
        await asyncio.to_thread(control_planes.spoke_1.stop)
        broken = await until_event(events, Broken)
        assert isinstance(broken[-1], Broken)
        assert isinstance(broken[-1].error, Unreachable)

        starting = asyncio.create_task(asyncio.to_thread(control_planes.spoke_1.start))
        await until_event(events, Resumed)
        await starting
        await take(client, namespace, "gone")
        await put(client, namespace, "new")

        shown = ObjectCache()
        while shown.get(namespace, "new") is None or shown.get(namespace, "gone") is not None:
            show(await anext(events), shown)


def show(event: Event, shown: ObjectCache) -> None:
    match event:
        case Listed(objects, version):
            shown.replace(objects, version=int(version))
        case Changed(seen):
            shown.put(seen)
        case Deleted(seen):
            shown.remove(seen)


async def test_a_server_that_hangs_is_noticed_and_listed_again(
    client: ClusterClient, namespace: str, control_planes: ControlPlanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SILENCE_S", 1.5)
    await put(client, namespace, "a")
    async with following(client, namespace) as events:
        await until_event(events, Resumed)
        await asyncio.to_thread(control_planes.spoke_1.pause)
        (broken,) = [event for event in await until_event(events, Broken) if isinstance(event, Broken)]
        assert isinstance(broken.error, Silent)
        await asyncio.to_thread(control_planes.spoke_1.resume)

        seen = await until_event(events, Listed)
        listed = seen[-1]
        assert isinstance(listed, Listed)
        assert "a" in {each.meta.name for each in listed.objects}


async def test_a_kind_that_goes_and_comes_back(client: ClusterClient, namespace: str) -> None:
    group = f"{namespace}.example.com"
    manifest = crd(group)
    resource = await installed(client, manifest)
    try:
        async with following(client, namespace, resource) as events:
            await until_event(events, Resumed)
            live = await client.get(CRDS, manifest["metadata"]["name"])
            await client.delete(CRDS, live.ref, uid=live.meta.uid, cause=CAUSE)
            while not isinstance((broken := (await until_event(events, Broken))[-1]).error, NotFound):  # type: ignore[union-attr]
                pass
            assert isinstance(broken, Broken)

            await installed(client, manifest)
            await client.apply(
                resource,
                {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}},
                cause=CAUSE,
            )
            await until_async(lambda: shows(events, "w"))
    finally:
        live = await client.get(CRDS, manifest["metadata"]["name"])
        await client.delete(CRDS, live.ref, uid=live.meta.uid, cause=CAUSE)


async def shows(events: AsyncGenerator[Event, None], name: str) -> bool:
    match await anext(events):
        case Listed(objects):
            return name in {each.meta.name for each in objects}
        case Changed(seen):
            return seen.meta.name == name
        case _:
            return False


async def installed(client: ClusterClient, manifest: dict[str, Any]) -> ResourceType:
    async def established() -> ResourceType | None:
        try:
            await client.apply(CRDS, manifest, cause=CAUSE)
            found = await Discovery(client).resource_type(f"{manifest['spec']['group']}/v1", "Widget")
            await client.list_page(found, limit=1)
        except FleetError:
            return None
        return found

    found = await until_async(established)
    assert found is not None
    return found
