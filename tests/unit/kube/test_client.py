"""The client against a scripted server: exact requests and refusals, and a write log that hears of every write."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from fleet.errors import Transient
from fleet.kube import client as clients
from fleet.kube.errors import (
    AlreadyExists,
    ApplyConflict,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    Silent,
    Throttled,
    Unreachable,
)
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, Verb
from tests.unit.kube.conftest import client_of
from tests.unit.kube.scripted import (
    CONFIGMAPS,
    ScriptedServer,
    added,
    answer,
    configmap,
    hang,
    held,
    kubeconfig,
    listing,
    refusal,
    status_of,
    text,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from fleet.kube.client import ClusterClient
    from fleet.kube.writes import OperationId, Write
    from tests.unit.kube.scripted import RecordingLog

CAUSE = Cause(reason="a test")
REF = ObjectRef(api_version="v1", kind="ConfigMap", namespace="ns", name="a")


async def version_of(client: ClusterClient) -> object:
    return await client.version()


async def get_of(client: ClusterClient) -> object:
    return await client.get(CONFIGMAPS, "a", namespace="ns")


async def list_of(client: ClusterClient) -> object:
    return await client.list_all(CONFIGMAPS)


async def apply_of(client: ClusterClient) -> object:
    return await client.apply(CONFIGMAPS, configmap("a", 1), cause=CAUSE)


async def create_of(client: ClusterClient) -> object:
    return await client.create(CONFIGMAPS, configmap("a", 1), cause=CAUSE)


async def patch_of(client: ClusterClient) -> object:
    return await client.merge_patch(CONFIGMAPS, REF, {"metadata": {"resourceVersion": "1"}}, cause=CAUSE)


async def status_patch_of(client: ClusterClient) -> object:
    return await client.patch_status(CONFIGMAPS, REF, {"phase": "Ready", "old": None}, cause=CAUSE)


async def delete_of(client: ClusterClient) -> object:
    return await client.delete(CONFIGMAPS, REF, uid="u", cause=CAUSE)


READS = [version_of, get_of, list_of]
WRITES = [apply_of, create_of, patch_of, status_patch_of, delete_of]


# --- reads ------------------------------------------------------------------------------------------------------


async def test_get_gives_the_object_with_its_type(server: ScriptedServer, client: ClusterClient) -> None:
    bare = configmap("a", 5, app="x")
    del bare["apiVersion"], bare["kind"]
    server.will(answer(bare))

    seen = await client.get(CONFIGMAPS, "a", namespace="ns")

    assert (seen.ref, seen.version, seen.meta.labels) == (REF, 5, {"app": "x"})
    assert (seen.body["kind"], seen.body["apiVersion"]) == ("ConfigMap", "v1")
    assert server.requests[0].path == "/api/v1/namespaces/ns/configmaps/a"


async def test_a_list_is_read_page_by_page(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(
        listing(configmap("a", 1), version=10, continue_token="next page/="),
        listing(configmap("b", 2), version=10),
    )

    objects, version = await client.list_all(CONFIGMAPS, selector="app=x", namespace="ns")

    assert ([each.meta.name for each in objects], version) == (["a", "b"], "10")
    assert all(each.kind == "ConfigMap" for each in objects)
    assert [dict(asked.query) for asked in server.requests] == [
        {"limit": "500", "labelSelector": "app=x"},
        {"limit": "500", "labelSelector": "app=x", "continue": "next page/="},
    ]


async def test_an_empty_list_may_have_null_items(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(answer({"metadata": {"resourceVersion": "3"}, "items": None}))

    assert await client.list_all(CONFIGMAPS) == ([], "3")


async def test_an_expired_continue_token(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(listing(version=1, continue_token="t"), refusal(410, "Expired", "too old"))

    with pytest.raises(Expired, match="cluster blue: list configmaps: too old"):
        await client.list_all(CONFIGMAPS)


async def test_a_compressed_answer(server: ScriptedServer, client: ClusterClient) -> None:
    async def give(_: web.Request) -> web.StreamResponse:
        body = gzip.compress(json.dumps(configmap("a", 5)).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"}, content_type="application/json")

    server.will(give)

    assert (await client.get(CONFIGMAPS, "a", namespace="ns")).meta.name == "a"


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("body", ["<html>please log in</html>", "[]", '{"metadata"', '{"metadata": 7}', ""])
async def test_a_login_page_with_200_is_no_answer(
    server: ScriptedServer, client: ClusterClient, read: Callable[..., Awaitable[object]], body: str
) -> None:
    server.will(text(body))

    with pytest.raises(ServerError, match=r"^cluster blue: (get|list) .*: this is no answer of an API server"):
        await read(client)


@pytest.mark.parametrize("call", READS + WRITES)
async def test_a_redirect_is_not_followed(
    server: ScriptedServer, client: ClusterClient, call: Callable[..., Awaitable[object]]
) -> None:
    server.will(text("", status=302, Location=f"{server.url}/login"))

    with pytest.raises(ServerError, match="HTTP 302"):
        await call(client)

    assert len(server.requests) == 1


async def test_retry_after_is_passed_on(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(refusal(429, "TooManyRequests", "slow down", retry_after=7))

    with pytest.raises(Throttled) as caught:
        await client.version()

    assert caught.value.retry_after == 7


async def test_nobody_listens(tmp_path: Path) -> None:
    async with client_of(kubeconfig(tmp_path / "config", server="http://127.0.0.1:1")) as client:
        with pytest.raises(Unreachable, match=r"cluster blue: get /version: .*127\.0\.0\.1"):
            await client.version()


async def test_a_server_that_never_answers(
    server: ScriptedServer, client: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CONNECT_TIMEOUT_S", 0.2)
    server.will(hang)

    with pytest.raises(Unreachable, match="no answer in time"):
        await client.version()


async def test_a_server_that_stops_in_the_middle_of_its_answer(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(watching(b'{"metadata": {', then="abort"))

    with pytest.raises(Unreachable, match="cluster blue: get ConfigMap ns/a: "):
        await client.get(CONFIGMAPS, "a", namespace="ns")


async def test_no_more_than_so_many_requests_at_once(server: ScriptedServer, tmp_path: Path) -> None:
    release = asyncio.Event()
    server.will(*[held(release, answer({}))] * 3, answer({"gitVersion": "v1"}), *[answer({})] * 7)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url), in_flight=3) as client:
        calls = [asyncio.create_task(client.document("/apis")) for _ in range(10)]
        await server.asked(3)
        await asyncio.sleep(0.05)  # nothing to wait for: the point is that nothing comes
        assert len(server.requests) == 3
        assert await client.version() == "v1", "whether the server is there can be asked all the same"
        release.set()
        assert await asyncio.gather(*calls) == [b"{}"] * 10


async def test_a_watch_takes_no_slot(server: ScriptedServer, tmp_path: Path) -> None:
    server.will(watching(added(configmap("a", 1)), then="hang"), answer({"gitVersion": "v1"}))
    async with client_of(kubeconfig(tmp_path / "config", server=server.url), in_flight=1) as client:
        watch = client.watch(CONFIGMAPS, selector="", resource_version="1", lifetime_s=9, silence_s=9)
        async with watch as lines:
            await anext(lines)
            assert await client.version() == "v1"


# --- watches ----------------------------------------------------------------------------------------------------


async def test_a_watch_gives_whole_lines_however_they_arrive(
    server: ScriptedServer, client: ClusterClient
) -> None:
    big = b"x" * 3_000_000
    server.will(watching(b"one\ntw", b"o\n", big, big, b"\n\nlast", b" without end"))
    watch = client.watch(CONFIGMAPS, selector="a=b", resource_version="7", lifetime_s=300, silence_s=5)

    async with watch as lines:
        got = [line async for line in lines]

    assert got == [b"one", b"two", big + big, b"", b"last without end"]
    assert dict(server.requests[0].query) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "300",
        "labelSelector": "a=b",
    }


async def test_a_silent_watch(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(watching(b"one\n", then="hang"))
    watch = client.watch(CONFIGMAPS, selector="", resource_version="7", lifetime_s=300, silence_s=0.2)

    async with watch as lines:
        assert await anext(lines) == b"one"
        with pytest.raises(Silent, match=r"cluster blue: watch configmaps: nothing heard for 0\.2 s"):
            await anext(lines)


async def test_a_refused_watch(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(refusal(403, "Forbidden", "you may not"))

    with pytest.raises(Forbidden, match="cluster blue: watch configmaps: you may not"):
        async with client.watch(CONFIGMAPS, selector="", resource_version="7", lifetime_s=300, silence_s=5):
            pass


# --- writes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "method", "path", "query", "content_type", "body"),
    [
        (
            apply_of,
            "PATCH",
            "/api/v1/namespaces/ns/configmaps/a",
            {"fieldManager": "pequod-fleet", "force": "false", "fieldValidation": "Ignore"},
            "application/apply-patch+yaml",
            configmap("a", 1),
        ),
        (
            create_of,
            "POST",
            "/api/v1/namespaces/ns/configmaps",
            {"fieldManager": "pequod-fleet"},
            "application/json",
            configmap("a", 1),
        ),
        (
            patch_of,
            "PATCH",
            "/api/v1/namespaces/ns/configmaps/a",
            {"fieldManager": "pequod-fleet"},
            "application/merge-patch+json",
            {"metadata": {"resourceVersion": "1"}},
        ),
        (
            status_patch_of,
            "PATCH",
            "/api/v1/namespaces/ns/configmaps/a/status",
            {"fieldManager": "pequod-fleet"},
            "application/merge-patch+json",
            {"status": {"phase": "Ready", "old": None}},
        ),
        (
            delete_of,
            "DELETE",
            "/api/v1/namespaces/ns/configmaps/a",
            {},
            "application/json",
            {"propagationPolicy": "Background", "preconditions": {"uid": "u"}},
        ),
    ],
)
async def test_what_a_write_sends(
    server: ScriptedServer,
    client: ClusterClient,
    write: Callable[..., Awaitable[object]],
    method: str,
    path: str,
    query: dict[str, str],
    content_type: str,
    body: dict[str, Any],
) -> None:
    server.will(answer(configmap("a", 2)))

    await write(client)

    asked = server.requests[0]
    assert (asked.method, asked.path, dict(asked.query), asked.json) == (method, path, query, body)
    assert asked.headers["Content-Type"] == content_type


async def test_what_is_to_be_new_is_sent_with_a_version_that_no_object_has(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(answer(configmap("a", 2)), refusal(409, "Conflict"))

    await client.apply(CONFIGMAPS, configmap("a", 1), cause=CAUSE, only_new=True)
    assert server.requests[0].json["metadata"]["resourceVersion"] == str(2**64 - 1)
    with pytest.raises(AlreadyExists):
        await client.apply(CONFIGMAPS, configmap("a", 1), cause=CAUSE, only_new=True)


async def test_another_manager_by_force(server: ScriptedServer, client: ClusterClient) -> None:
    server.will(answer(configmap("a", 2)))

    await client.apply(CONFIGMAPS, configmap("a", 1), cause=CAUSE, force=True, manager="other")

    assert dict(server.requests[0].query) == {
        "fieldManager": "other",
        "force": "true",
        "fieldValidation": "Ignore",
    }


@pytest.mark.parametrize("write", WRITES)
async def test_every_write_has_an_intent_before_and_an_outcome_after(
    server: ScriptedServer,
    client: ClusterClient,
    log: RecordingLog,
    write: Callable[..., Awaitable[object]],
) -> None:
    requests_at_intent = []
    intend = log.intend

    async def watched_intend(write: Write) -> OperationId:
        requests_at_intent.append(len(server.requests))
        return await intend(write)

    log.intend = watched_intend  # type: ignore[method-assign]
    server.will(answer(configmap("a", 2)))

    await write(client)

    (first, intent, _), (second, concluded, outcome) = log.events
    assert (first, second, requests_at_intent) == ("intent", "outcome", [0])
    assert intent == concluded
    assert (intent.cluster, intent.ref, intent.cause) == ("blue", REF, CAUSE)
    assert outcome is not None
    assert (outcome.error, outcome.resource_version) == (None, "2")
    assert outcome.duration_s > 0


@pytest.mark.parametrize("write", WRITES)
async def test_a_refused_write_has_its_refusal_as_outcome(
    server: ScriptedServer,
    client: ClusterClient,
    log: RecordingLog,
    write: Callable[..., Awaitable[object]],
) -> None:
    server.will(refusal(422, "Invalid", "spec.port: must be a number"))

    with pytest.raises(Invalid):
        await write(client)

    assert [outcome.error for outcome in log.outcomes] == [
        f"cluster blue: {log.events[0][1].verb} ConfigMap a in namespace ns: spec.port: must be a number"
    ]


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_whose_answer_cannot_be_read_is_not_concluded_as_done(
    server: ScriptedServer,
    client: ClusterClient,
    log: RecordingLog,
    write: Callable[..., Awaitable[object]],
) -> None:
    server.will(text("<html>"))

    with pytest.raises(ServerError):
        await write(client)

    assert [outcome.error is not None for outcome in log.outcomes] == [True]


async def test_a_cancelled_write_is_concluded(
    server: ScriptedServer, client: ClusterClient, log: RecordingLog
) -> None:
    server.will(hang)
    writing = asyncio.create_task(apply_of(client))
    await server.asked(1)

    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert [outcome.error for outcome in log.outcomes] == [
        "cancelled before the answer came: it may have been done or not"
    ]


@pytest.mark.parametrize("write", WRITES)
async def test_what_cannot_be_recorded_is_not_sent(
    server: ScriptedServer,
    client: ClusterClient,
    log: RecordingLog,
    write: Callable[..., Awaitable[object]],
) -> None:
    log.broken = Transient("the audit log is not there")

    with pytest.raises(Transient, match="audit log"):
        await write(client)

    assert server.requests == []
    assert log.outcomes == []


async def test_an_object_that_cannot_be_written_as_json_never_has_an_intent(
    client: ClusterClient, log: RecordingLog
) -> None:
    with pytest.raises(TypeError):
        await client.apply(CONFIGMAPS, {**configmap("a", 1), "spec": object()}, cause=CAUSE)

    assert log.events == []


async def test_conflicts_of_each_kind(server: ScriptedServer, client: ClusterClient) -> None:
    owned = [{"reason": "FieldManagerConflict", "message": 'conflict with "hpa"', "field": ".spec.replicas"}]
    server.will(
        refusal(409, "Conflict", "Apply failed with 1 conflict", causes=owned),
        refusal(409, "AlreadyExists", "it is there"),
        refusal(409, "Conflict", "the object has been modified"),
        refusal(409, "Conflict", "Precondition failed: UID in precondition: u, UID in object meta: v"),
    )

    with pytest.raises(ApplyConflict) as caught:
        await apply_of(client)
    assert caught.value.conflicts == (("hpa", ".spec.replicas"),)
    with pytest.raises(AlreadyExists):
        await create_of(client)
    with pytest.raises(Conflict):
        await patch_of(client)
    with pytest.raises(Conflict):
        await delete_of(client)


HELD = {**configmap("a", 2)["metadata"], "deletionTimestamp": "2026-05-01T12:00:00Z", "finalizers": ["x"]}


@pytest.mark.parametrize(
    ("document", "gone"),
    [
        ({**status_of(200), "status": "Success"}, True),
        (configmap("a", 2), True),  # a Service answers with what it was
        ({**configmap("a", 2), "metadata": HELD}, False),
    ],
)
async def test_whether_a_deletion_is_complete(
    server: ScriptedServer, client: ClusterClient, document: dict[str, Any], gone: bool
) -> None:
    server.will(answer(document))

    assert await delete_of(client) is gone


async def test_deleting_what_is_gone(server: ScriptedServer, client: ClusterClient, log: RecordingLog) -> None:
    server.will(refusal(404, "NotFound", 'configmaps "a" not found'))

    with pytest.raises(NotFound):
        await delete_of(client)

    assert log.events[0][1].verb is Verb.DELETE


@pytest.mark.parametrize("name", ["", "..", "."])
async def test_a_name_that_leads_elsewhere_is_neither_recorded_nor_sent(
    server: ScriptedServer, client: ClusterClient, log: RecordingLog, name: str
) -> None:
    with pytest.raises(Invalid, match="no name"):
        await client.apply(CONFIGMAPS, configmap(name, 1), cause=CAUSE)

    assert (server.requests, log.events) == ([], [])


async def test_a_name_with_slashes_stays_below_its_namespace(
    server: ScriptedServer, client: ClusterClient
) -> None:
    server.will(refusal(404))

    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "../../../secrets/x?y#z", namespace="ns")

    assert server.requests[0].path == "/api/v1/namespaces/ns/configmaps/..%2F..%2F..%2Fsecrets%2Fx%3Fy%23z"
