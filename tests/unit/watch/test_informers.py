"""Informers against a scripted server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from fleet.kube import stream as streams
from fleet.kube.errors import Forbidden, Unreachable
from fleet.kube.objects import LiveObject
from fleet.retrying import Backoff
from fleet.watch.informers import Informers
from tests.harness.waiting import until_async
from tests.unit.kube.scripted import (
    CONFIGMAPS,
    added,
    bookmark,
    configmap,
    deleted,
    error_line,
    hang,
    held,
    listing,
    refusal,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.kube.client import ClusterClient
    from fleet.watch.informers import Informer
    from tests.unit.kube.scripted import ScriptedServer

HANG = watching(then="hang")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RECONNECT", Backoff(initial_s=0.001, maximum_s=0.01, jitter_s=0.0))
    monkeypatch.setattr(streams.follow, "__kwdefaults__", {**(streams.follow.__kwdefaults__ or {})})
    assert streams.follow.__kwdefaults__ is not None
    streams.follow.__kwdefaults__["backoff"] = streams.RECONNECT


class Heard:
    """A handler that remembers, and may be told to fail."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.fails_on = ""

    def __call__(self, seen: LiveObject) -> None:
        self.names.append(f"{seen.meta.name}@{seen.version}")
        if seen.meta.name == self.fails_on:
            raise KeyError("sourceRef")

    async def until(self, *names: str) -> None:
        async def look() -> bool:
            return self.names == list(names)

        await until_async(look, pause_s=0.005)


async def becomes(observe: Callable[[], object]) -> None:
    async def look() -> bool:
        return bool(observe())

    await until_async(look, pause_s=0.005)


def obj(name: str, version: int, *, status: object = None, **labels: str) -> LiveObject:
    shown = configmap(name, version, **labels) | ({"status": status} if status else {})
    return LiveObject.decode(json.dumps(shown).encode())


@pytest.fixture
def heard() -> Heard:
    return Heard()


async def test_the_handler_hears_of_each_change_once(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(
        listing(configmap("a", 5), version=10),
        watching(added(configmap("b", 11)), deleted(configmap("a", 12)), then="hang"),
    )
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        await informer.synced()
        await heard.until("a@5", "b@11", "a@12")

        assert [each.meta.name for each in informer.cache] == ["b"]
        assert informer.seeing


async def test_the_answer_to_a_write_is_told_ahead_of_the_stream_and_not_again(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    release = asyncio.Event()
    server.will(
        listing(version=10),
        held(release, watching(added(configmap("a", 11)), added(configmap("b", 12)), then="hang")),
    )
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        await informer.synced()
        informer.learn(obj("a", 11))
        assert heard.names == ["a@11"]
        release.set()
        await heard.until("a@11", "b@12")


async def test_the_answer_to_the_write_of_a_status_is_only_told_where_it_shows_something_else(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(listing(configmap("a", 5), version=10), HANG)
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        await heard.until("a@5")
        told = {"phase": "Ready"}

        informer.learn_status(obj("a", 11, status=told), written=told)
        assert heard.names == ["a@5"]
        assert informer.cache.get("ns", "a").body["status"] == told  # type: ignore[union-attr]
        informer.learn_status(obj("a", 12, status=told | {"by": "others"}), written=told)
        informer.learn_status(obj("a", 13, status=told, new="label"), written=told)
        assert heard.names == ["a@5", "a@12", "a@13"]


async def test_a_relist_tells_what_went_while_nobody_looked(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(
        listing(configmap("a", 5), configmap("b", 6), version=10),
        refusal(410, "Expired"),
        listing(configmap("b", 6), configmap("c", 20), version=30),
        HANG,
    )
    async with Informers(client) as informers:
        informers.start(CONFIGMAPS, on_change=heard)
        await heard.until("a@5", "b@6", "a@5", "c@20")


async def test_waiting_for_the_first_list_ends_with_what_keeps_it_from_coming(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    release = asyncio.Event()
    server.will(refusal(403, "Forbidden", "you may not"), held(release, listing(version=10)), HANG)
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        with pytest.raises(Forbidden, match="you may not"):
            await informer.synced()
        assert not informer.seeing
        release.set()
        await becomes(lambda: informer.seeing)
        await informer.synced()


async def test_a_list_that_does_not_come(server: ScriptedServer, client: ClusterClient, heard: Heard) -> None:
    server.will(hang)
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        with pytest.raises(Unreachable, match="no list of configmaps/v1 in time"):
            await informer.synced(timeout_s=0.1)


async def test_nothing_is_seen_from_the_break_until_the_server_accepts_a_watch(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    """The cache keeps what it had, but what it has not means nothing: never delete while blind."""
    release = asyncio.Event()
    server.will(listing(configmap("a", 5), version=10), watching(bookmark(11), then="abort"), held(release, HANG))
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        await server.asked(3)

        assert not informer.seeing
        assert isinstance(informer.broken, Unreachable)
        assert len(informer.cache) == 1
        release.set()
        await becomes(lambda: informer.seeing)
    assert heard.names == ["a@5"]


async def test_a_handler_that_fails_over_one_object_blinds_nobody(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    heard.fails_on = "bad"
    server.will(
        listing(configmap("bad", 5), configmap("a", 6), version=10),
        watching(added(configmap("b", 11)), then="hang"),
    )
    with capture_logs() as logs:
        async with Informers(client) as informers:
            informer = informers.start(CONFIGMAPS, on_change=heard)
            await heard.until("bad@5", "a@6", "b@11")
            assert len(informer.cache) == 3

    assert [(each["cluster"], each["object"], each["exc_info"]) for each in logs] == [
        ("blue", "ConfigMap bad in namespace ns", True)
    ]


async def test_the_same_trouble_is_logged_once(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(
        *[refusal(403, "Forbidden", "no")] * 4, refusal(503, message="starting"), listing(version=10), HANG
    )
    with capture_logs() as logs:
        async with Informers(client) as informers:
            informer = informers.start(CONFIGMAPS, on_change=heard)
            await becomes(lambda: informer.seeing)

    assert [each["error"] for each in logs] == [
        "cluster blue: list configmaps: no",
        "cluster blue: list configmaps: starting",
    ]


async def test_one_stream_for_each_type_and_selector(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(listing(version=10), HANG)
    async with Informers(client) as informers:
        first = informers.start(CONFIGMAPS, on_change=heard)
        assert informers.start(CONFIGMAPS, on_change=heard) is first
        assert informers.get(CONFIGMAPS) is first
        assert informers.get(CONFIGMAPS, selector="app") is None
        await server.asked(2)
        server.will(listing(version=10), HANG)
        labelled = informers.start(CONFIGMAPS, on_change=heard, selector="app", index_label="app")
        await labelled.synced()
        assert informers.get(CONFIGMAPS, selector="app") is labelled
        assert (await server.asked(3))[2].query["labelSelector"] == "app"


async def test_a_stopped_stream_is_forgotten_and_can_be_started_anew(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(listing(configmap("a", 5), version=10), HANG, listing(configmap("b", 15), version=20), HANG)
    async with Informers(client) as informers:
        first = informers.start(CONFIGMAPS, on_change=heard)
        await first.synced()
        await server.asked(2)
        informers.stop(CONFIGMAPS)
        informers.stop(CONFIGMAPS)
        assert informers.get(CONFIGMAPS) is None

        second = informers.start(CONFIGMAPS, on_change=heard)
        await second.synced()

        assert second is not first
        assert [each.meta.name for each in second.cache] == ["b"]


async def test_leaving_ends_every_stream_and_connection(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(listing(version=10), HANG)
    before = asyncio.all_tasks()
    async with Informers(client) as informers:
        await informers.start(CONFIGMAPS, on_change=heard).synced()
        await server.asked(2)
        mine = {task for task in asyncio.all_tasks() - before if "watch" in task.get_name()}
        assert len(mine) == 1

    assert all(task.done() for task in mine)
    transport = client._session._transport
    assert transport is not None
    assert transport._requests == 0


async def test_an_error_in_the_block_ends_every_stream_too(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    server.will(listing(version=10), HANG)
    started: list[Informer] = []

    async def block() -> None:
        async with Informers(client) as informers:
            started.append(informers.start(CONFIGMAPS, on_change=heard))
            await started[0].synced()
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        await block()

    assert caught.group_contains(ZeroDivisionError)


async def test_a_hurry_wakes_the_streams_that_are_broken(
    server: ScriptedServer, client: ClusterClient, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = streams.follow.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "backoff", Backoff(initial_s=1000, maximum_s=1000))
    server.will(
        refusal(404, "NotFound", "the server could not find the requested resource"), listing(version=9), HANG
    )
    async with Informers(client) as informers:
        informer = informers.start(CONFIGMAPS, on_change=heard)
        await becomes(lambda: informer.broken)
        informers.hurry()
        await becomes(lambda: informer.seeing)


async def test_a_deletion_that_the_stream_tells_is_more_than_an_absence(
    server: ScriptedServer, client: ClusterClient, heard: Heard
) -> None:
    gone = Heard()
    gone.fails_on = "a"  # and a handler that fails over it ends nothing
    server.will(
        listing(configmap("a", 5), configmap("b", 6), version=10),
        watching(deleted(configmap("a", 11)), error_line(410, "Expired")),
        listing(version=20),
        HANG,
    )
    with capture_logs():
        async with Informers(client) as informers:
            informers.start(CONFIGMAPS, on_change=heard, on_deleted=gone)
            await heard.until("a@5", "b@6", "a@11", "b@6")

    assert gone.names == ["a@11"]
