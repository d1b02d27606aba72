"""The stream against a scripted server. What it yields is compared in whole: a lost or doubled event shows."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from fleet.kube import stream as streams
from fleet.kube.errors import Expired, Forbidden, NotFound, ServerError, Silent, Throttled, Unreachable
from fleet.kube.stream import Broken, Changed, Deleted, Listed, Resumed, follow
from fleet.retrying import Backoff
from tests.unit.kube.scripted import (
    CONFIGMAPS,
    ScriptedServer,
    added,
    bookmark,
    configmap,
    deleted,
    error_line,
    listing,
    modified,
    refusal,
    text,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from fleet.kube.client import ClusterClient
    from fleet.kube.stream import Event

AT_ONCE = Backoff(initial_s=0.001, maximum_s=0.01, jitter_s=0.0)


@asynccontextmanager
async def following(
    client: ClusterClient, *, backoff: Backoff = AT_ONCE, hurry: asyncio.Event | None = None
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    async with aclosing(follow(client, CONFIGMAPS, backoff=backoff, hurry=hurry)) as stream, asyncio.timeout(20):
        yield stream


async def told(client: ClusterClient, count: int) -> list[object]:
    """The first ``count`` events, in short."""
    async with following(client) as stream:
        return [short(await anext(stream)) for _ in range(count)]


def short(event: Event) -> object:
    match event:
        case Listed(objects, version):
            return ([each.meta.name for each in objects], version)
        case Changed(seen):
            return f"+{seen.meta.name}@{seen.version}"
        case Deleted(seen):
            return f"-{seen.meta.name}@{seen.version}"
        case Resumed():
            return "resumed"
        case Broken(error):
            return type(error)


def versions(server: ScriptedServer) -> list[str | None]:
    """From which version each request went on; None is a list."""
    return [asked.query.get("resourceVersion") for asked in server.requests]


HANG = watching(then="hang")


async def test_a_list_then_a_watch_from_where_it_was(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(
        listing(configmap("a", 5), version=10),
        watching(
            modified(configmap("a", 11)), added(configmap("b", 12)), deleted(configmap("a", 13)), then="hang"
        ),
    )

    assert await told(client, 5) == [(["a"], "10"), "resumed", "+a@11", "+b@12", "-a@13"]
    assert versions(server) == [None, "10"]
    low, high = streams.WATCH_LIFETIME_S
    assert low <= int(server.requests[1].query["timeoutSeconds"]) <= high


async def test_a_watch_that_the_server_ends_goes_on_without_loss_or_doubling(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(
        listing(version=10),
        watching(added(configmap("a", 11)), bookmark(20)),
        watching(added(configmap("b", 21))),
        watching(bookmark(30)),
        HANG,
    )

    assert await told(client, 6) == [([], "10"), "resumed", "+a@11", "resumed", "+b@21", "resumed"]
    await server.asked(4)
    assert versions(server) == [None, "10", "20", "21"]


@pytest.mark.parametrize(
    "too_old",
    [
        watching(error_line(410, "Expired", "too old resource version")),
        refusal(410, "Expired", "too old resource version"),
    ],
)
async def test_a_version_that_is_too_old_brings_a_new_list(
    server: ScriptedServer, client: ClusterClient, too_old: object
) -> None:
    server.will(listing(configmap("a", 5), version=10), too_old, listing(version=50), HANG)  # type: ignore[arg-type]

    events = await told(client, 5 if versions(server) else 4)

    without = [event for event in events if event != "resumed"]
    assert without[:2] == [(["a"], "10"), Expired]
    assert versions(server)[:3] == [None, "10", None]


async def test_a_continue_token_that_expired_brings_a_list_from_the_start(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(
        listing(configmap("a", 5), version=10, continue_token="t"),
        refusal(410, "Expired", "continue token"),
        listing(configmap("a", 5), configmap("b", 20), version=30),
        HANG,
    )

    assert await told(client, 3) == [Expired, (["a", "b"], "30"), "resumed"]
    assert [asked.query.get("continue") for asked in server.requests[:3]] == [None, "t", None]


async def test_a_line_that_is_cut_is_not_lost(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(
        listing(version=10),
        watching(added(configmap("a", 11)), b'{"type": "ADDED", "object": {"data": {"password": "hunter2'),
        watching(added(configmap("b", 12)), then="hang"),
    )

    async with following(client) as stream:
        events = [await anext(stream) for _ in range(6)]

    assert [short(event) for event in events[2:]] == ["+a@11", ServerError, "resumed", "+b@12"]
    assert "hunter2" not in str(events[3])
    assert versions(server) == [None, "10", "11"]


async def test_a_connection_that_is_cut_goes_on_from_the_last_event(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(
        listing(version=10),
        watching(added(configmap("a", 11)), then="abort"),
        watching(added(configmap("b", 12)), then="hang"),
    )

    assert await told(client, 6) == [([], "10"), "resumed", "+a@11", Unreachable, "resumed", "+b@12"]
    assert versions(server) == [None, "10", "11"]


async def test_nothing_is_called_seen_before_the_server_accepts_the_watch(
    server: ScriptedServer, client: ClusterClient
) -> None:
    """After Broken, only an accepted watch may say that what is known is still right."""
    server.will(listing(version=10), watching(bookmark(11), then="abort"), *[refusal(503)] * 3, HANG)

    assert await told(client, 7) == [
        ([], "10"),
        "resumed",
        Unreachable,
        ServerError,
        ServerError,
        ServerError,
        "resumed",
    ]


async def test_a_silent_watch_lists_again(
    server: ScriptedServer, client: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was restored to an older state says nothing until it has come past our version."""
    monkeypatch.setattr(streams, "SILENCE_S", 0.2)
    server.will(listing(configmap("a", 5), version=10), HANG, listing(configmap("a", 3), version=4), HANG)

    assert await told(client, 5) == [(["a"], "10"), "resumed", Silent, (["a"], "4"), "resumed"]
    assert versions(server) == [None, "10", None, "4"]


async def test_a_watch_that_always_ends_at_once_is_not_asked_for_in_a_loop(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(listing(version=10), watching(), watching(), watching())

    assert await told(client, 6) == [([], "10"), "resumed", ServerError, "resumed", ServerError, "resumed"]


async def test_a_login_page_in_place_of_a_watch(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(listing(version=10), text("<html>\nlog in\n</html>"), HANG)

    assert await told(client, 4) == [([], "10"), "resumed", ServerError, "resumed"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "ADDED", "object": []}\n',
        b'{"type": "ADDED"}\n',
        b'{"type": "BOOKMARK", "object": {"metadata": {}}}\n',
        b"\xff\xfe\n",
        b"\n",
    ],
)
async def test_a_line_that_makes_no_sense_breaks_the_stream_and_not_the_hub(
    server: ScriptedServer, client: ClusterClient, line: bytes
) -> None:
    server.will(listing(version=10), watching(line, then="hang"), HANG)

    assert await told(client, 4) == [([], "10"), "resumed", ServerError, "resumed"]


async def test_failures_are_told_each_time_with_their_kind(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(
        refusal(403, "Forbidden", "no"),
        refusal(404, "NotFound", "the server could not find the requested resource"),
        refusal(429, "TooManyRequests", "later"),
        text("<html>", status=502),
        listing(version=10),
        watching(error_line(500, "InternalError", "etcdserver: no leader"), then="hang"),
        HANG,
    )

    assert await told(client, 8) == [
        Forbidden,
        NotFound,
        Throttled,
        ServerError,
        ([], "10"),
        "resumed",
        ServerError,
        "resumed",
    ]


async def test_the_wait_grows_up_to_its_limit_and_is_short_again_after_an_event(
    server: ScriptedServer, client: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def no_wait(delay_s: float, *, hurry: asyncio.Event) -> bool:
        waits.append(delay_s)
        return hurry.is_set()

    monkeypatch.setattr(streams, "_paused", no_wait)
    server.will(
        *[refusal(503)] * 5,
        listing(version=10),
        watching(bookmark(11), then="abort"),
        watching(then="abort"),
        HANG,
    )

    async with following(client, backoff=Backoff(initial_s=1, maximum_s=5, jitter_s=0)) as stream:
        while len(waits) < 7:
            await anext(stream)

    assert waits == [1, 2, 4, 5, 5, 1, 2]


async def test_the_servers_retry_after_is_waited_for(
    server: ScriptedServer, client: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def no_wait(delay_s: float, *, hurry: asyncio.Event) -> bool:
        waits.append(delay_s)
        return hurry.is_set()

    monkeypatch.setattr(streams, "_paused", no_wait)
    server.will(refusal(429, retry_after=42), listing(version=10))

    assert await told(client, 2) == [Throttled, ([], "10")]
    assert waits == [42]


async def test_a_hurry_cuts_the_wait_short(server: ScriptedServer, client: ClusterClient) -> None:
    hurry = asyncio.Event()
    server.will(refusal(503), listing(version=10), HANG)

    async with following(client, backoff=Backoff(initial_s=1000, maximum_s=1000), hurry=hurry) as stream:
        assert short(await anext(stream)) == ServerError
        asyncio.get_running_loop().call_soon(hurry.set)
        assert short(await anext(stream)) == ([], "10")


async def test_leaving_the_stream_closes_its_connection(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(listing(version=10), HANG)
    assert await told(client, 2) == [([], "10"), "resumed"]

    transport = client._session._transport
    assert transport is not None
    assert transport._requests == 0


async def test_ten_thousand_events_in_order(server: ScriptedServer, client: ClusterClient) -> None:
    lines = [added(configmap(f"c{number}", 100 + number)) for number in range(10_000)]
    server.will(listing(version=10), watching(*lines, then="hang"))

    async with following(client) as stream:
        await anext(stream)
        await anext(stream)
        seen = [await anext(stream) for _ in range(10_000)]

    found = [event.object.version for event in seen if isinstance(event, Changed)]
    assert len(found) == 10_000
    assert all(after == before + 1 for before, after in pairwise(found))
