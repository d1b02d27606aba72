"""Sessions against a scripted server: how credentials come, change and end."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fleet.errors import Transient
from fleet.ids import ClusterName
from fleet.kube import session as sessions
from fleet.kube.client import ClusterClient
from fleet.kube.connection import InCluster, KubeconfigRef, SecretRef
from fleet.kube.errors import ConnectionConfigError, Unauthorized, Unreachable
from fleet.kube.session import open_session
from tests.unit.kube.conftest import client_of, no_secrets
from tests.unit.kube.scripted import (
    CONFIGMAPS,
    RecordingLog,
    ScriptedServer,
    added,
    answer,
    bookmark,
    configmap,
    held,
    kubeconfig,
    listing,
    refusal,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

VERSION = answer({"gitVersion": "v1.37.0"})
UNAUTHORIZED = refusal(401, "Unauthorized", "Unauthorized")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RENEWAL_PAUSE_S", 0.0)
    monkeypatch.setattr(sessions, "LOST_PAUSE_S", 0.0)


def authorizations(server: ScriptedServer) -> list[str | None]:
    return [asked.headers.get("Authorization") for asked in server.requests]


def plugin_of(tmp_path: Path, **status: object) -> dict[str, Any]:
    """A user with an exec plugin that gives token-1, token-2 and so on."""
    api = "client.authentication.k8s.io/v1"
    printed = json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": {"token": "token-N", **status}})
    script = tmp_path / "plugin"
    script.write_text(
        f"#!/bin/sh\nn=$(cat $0.n 2>/dev/null || echo 0); n=$((n+1)); echo $n > $0.n\n"
        f"echo '{printed}' | sed \"s/token-N/token-$n/\"\n"
    )
    script.chmod(0o700)
    return {"exec": {"apiVersion": api, "command": "./plugin"}}


def runs(tmp_path: Path) -> int:
    return int((tmp_path / "plugin.n").read_text())


# --- how credentials come ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"username": "me", "password": "pw"}, "Basic " + base64.b64encode(b"me:pw").decode()),
        ({}, None),
    ],
)
async def test_users_of_a_kubeconfig(
    server: ScriptedServer, tmp_path: Path, user: dict[str, str], header: str | None
) -> None:
    server.will(VERSION)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url, user=user)) as client:
        assert await client.version() == "v1.37.0"

    assert authorizations(server) == [header]


async def test_a_token_file_is_relative_to_the_kubeconfig_and_may_end_with_a_newline(
    server: ScriptedServer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("abc\n")
    server.will(VERSION)
    async with client_of(
        kubeconfig(tmp_path / "config", server=server.url, user={"tokenFile": "token"})
    ) as client:
        await client.version()

    assert authorizations(server) == ["Bearer abc"]


async def test_the_base_path_of_a_server_behind_a_gateway_is_kept(server: ScriptedServer, tmp_path: Path) -> None:
    server.will(VERSION)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url + "/k8s/clusters/c-1")) as client:
        await client.version()

    assert server.requests[0].path == "/k8s/clusters/c-1/version"


async def test_an_ipv6_server(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    server = ScriptedServer()
    try:
        await server.start(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")
    server.will(VERSION)
    try:
        async with client_of(kubeconfig(tmp_path / "config", server=f"http://[::1]:{server.port}")) as client:
            assert await client.version() == "v1.37.0"
    finally:
        await server.stop()


async def test_in_cluster(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("of-the-pod")
    (tmp_path / "ca.crt").write_text(Path(__file__).with_name("ca.pem").read_text())
    loader = "kubernetes.aio.config.incluster_config"
    monkeypatch.setattr(f"{loader}.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(f"{loader}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))

    async with open_session(InCluster(), read_secret=no_secrets) as session:
        assert session._credentials is not None
        assert session._credentials.configuration.host == f"https://127.0.0.1:{server.port}"
        assert await session._credentials.authorization() == "bearer of-the-pod"


async def test_in_cluster_outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(ConnectionConfigError, match="the pod's service account: Service host/port is not set"):
        async with open_session(InCluster(), read_secret=no_secrets):
            pass


async def test_a_kubeconfig_in_a_secret(server: ScriptedServer, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", server=server.url)

    async def read(ref: SecretRef) -> bytes:
        assert ref == SecretRef(namespace="fleet", name="blue")
        return path.read_bytes()

    server.will(VERSION)
    async with open_session(SecretRef(namespace="fleet", name="blue"), read_secret=read) as session:
        await ClusterClient(ClusterName("blue"), session, RecordingLog()).version()

    assert authorizations(server) == ["Bearer secret-token"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("a: 1\nnot: [yaml", "line 2: this is not YAML: expected"),
        ("\xff", "this is not UTF-8 text"),
        ("just text", "it is no kubeconfig"),
        ("{}", "current-context"),
        ({"contexts": []}, "only"),
        ({"clusters": None}, "clusters"),
        ({"users": [{"name": "me", "user": {"tokenFile": "nowhere"}}]}, "nowhere"),
        ({"users": [{"name": "me", "user": {"exec": {"command": "true"}}}]}, "apiVersion"),
        ({"clusters": [{"name": "it", "cluster": {}}]}, "no server"),
        ({"clusters": [{"name": "it", "cluster": {"server": "https://x", "certificate-authority": "no"}}]}, "no"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_named(
    tmp_path: Path, document: str | dict[str, Any], message: str
) -> None:
    path = kubeconfig(tmp_path / "config", server="https://x")
    good = yaml.safe_load(path.read_text())
    text = document if isinstance(document, str) else yaml.safe_dump({**good, **document})
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(ConnectionConfigError) as caught:
        async with client_of(path):
            pass

    assert str(caught.value).startswith(f"kubeconfig {path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_missing_file_and_a_missing_context(tmp_path: Path) -> None:
    with pytest.raises(ConnectionConfigError, match="there is no such file"):
        async with client_of(tmp_path / "nowhere"):
            pass
    path = kubeconfig(tmp_path / "config", server="https://x")
    with pytest.raises(ConnectionConfigError, match=r"context other: .*other"):
        async with open_session(KubeconfigRef(path=path, context="other"), read_secret=no_secrets):
            pass


async def test_a_certificate_authority_that_is_none(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path / "config",
        server="https://x",
        cluster={"certificate-authority-data": base64.b64encode(b"no").decode()},
    )

    with pytest.raises(ConnectionConfigError, match="the certificates of https://x cannot be used"):
        async with client_of(path):
            pass


# --- how they change --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_impatient")
async def test_after_a_401_a_rotated_token_is_read(server: ScriptedServer, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", server=server.url)
    server.will(UNAUTHORIZED, VERSION)
    async with client_of(path) as client:
        kubeconfig(path, server=server.url, user={"token": "rotated"})
        with pytest.raises(Unauthorized, match="cluster blue: get /version: Unauthorized"):
            await client.version()
        await client.version()

    assert authorizations(server) == ["Bearer secret-token", "Bearer rotated"]
    assert server.connections == 1  # a new token needs no new connection


@pytest.mark.usefixtures("_impatient")
async def test_a_connection_that_cannot_be_read_again_leaves_the_old_credential_and_says_so(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path / "config", server=server.url)
    server.will(UNAUTHORIZED, UNAUTHORIZED, VERSION)
    async with client_of(path) as client:
        path.unlink()
        with pytest.raises(Unauthorized):
            await client.version()
        with pytest.raises(Unauthorized, match=r"Unauthorized \(kubeconfig .*there is no such file\)"):
            await client.version()
        assert await client.version() == "v1.37.0"


async def test_a_refused_credential_is_not_read_again_in_a_loop(server: ScriptedServer, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", server=server.url, user=plugin_of(tmp_path))
    server.will(UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED)
    async with client_of(path) as client:
        for _ in range(3):
            with pytest.raises(Unauthorized):
                await client.version()

    assert runs(tmp_path) == 1


async def test_many_requests_after_a_401_renew_once(server: ScriptedServer, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", server=server.url, user=plugin_of(tmp_path))
    server.will(UNAUTHORIZED, *[VERSION] * 20)
    async with client_of(path) as client:
        with pytest.raises(Unauthorized):
            await client.version()
        client._session._renewed_at -= 2 * sessions.RENEWAL_PAUSE_S
        await asyncio.gather(*[client.version() for _ in range(20)])

    assert runs(tmp_path) == 2
    assert set(authorizations(server)[1:]) == {"Bearer token-2"}


@pytest.mark.usefixtures("_impatient")
async def test_an_exec_credential_is_replaced_before_it_expires(server: ScriptedServer, tmp_path: Path) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=sessions.EXPIRY_MARGIN_S - 1)
    user = plugin_of(tmp_path, expirationTimestamp=soon.isoformat())
    server.will(VERSION, VERSION)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url, user=user)) as client:
        await client.version()
        await client.version()

    assert authorizations(server) == ["Bearer token-2", "Bearer token-3"]


@pytest.mark.usefixtures("_impatient")
async def test_an_exec_credential_is_kept_while_it_is_good(server: ScriptedServer, tmp_path: Path) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    user = plugin_of(tmp_path, expirationTimestamp=later.isoformat())
    server.will(VERSION, VERSION)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url, user=user)) as client:
        await client.version()
        client._session.lost()
        await client.version()

    assert runs(tmp_path) == 1


@pytest.mark.usefixtures("_impatient")
async def test_a_server_that_moved_is_found_again(server: ScriptedServer, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", server="http://127.0.0.1:1")
    server.will(VERSION)
    async with client_of(path) as client:
        with pytest.raises(Unreachable):
            await client.version()
        kubeconfig(path, server=server.url)
        assert await client.version() == "v1.37.0"


@pytest.mark.usefixtures("_impatient")
async def test_what_is_under_way_ends_on_the_connections_it_began_with(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """Closing an aiohttp session never wakes who reads from it: such a watch would be deaf for ever."""
    path = kubeconfig(tmp_path / "config", server=server.url)
    release = asyncio.Event()
    server.will(
        watching(added(configmap("a", 11)), bookmark(12), then="hang"),
        UNAUTHORIZED,
        VERSION,
        held(release, VERSION),
    )
    async with client_of(path) as client:
        watch = client.watch(CONFIGMAPS, selector="", resource_version="10", lifetime_s=300, silence_s=0.5)
        async with watch as lines:
            await anext(lines)
            with pytest.raises(Unauthorized):
                await client.version()
            kubeconfig(path, server=server.url, cluster={"insecure-skip-tls-verify": True})  # another TLS context
            await client.version()
            assert server.connections == 3
            assert b"BOOKMARK" in await anext(lines)
            with pytest.raises(Unreachable, match="nothing heard"):
                await anext(lines)


async def test_closing_leaves_no_connection_behind(server: ScriptedServer, tmp_path: Path) -> None:
    server.will(VERSION)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url)) as client:
        await client.version()
        transport = client._session._transport
        assert transport is not None
    assert transport._http.closed


# --- where they cannot be had -----------------------------------------------------------------------------------


async def test_a_secret_on_a_hub_that_is_away_can_be_tried_again() -> None:
    async def away(_: SecretRef) -> bytes:
        raise Transient("the hub cluster is not connected")

    with pytest.raises(Transient, match="not connected"):
        async with open_session(SecretRef(namespace="fleet", name="blue"), read_secret=away):
            pass


async def test_many_requests_share_few_connections(server: ScriptedServer, tmp_path: Path) -> None:
    server.will(*[VERSION] * 50)
    async with client_of(kubeconfig(tmp_path / "config", server=server.url)) as client:
        for _ in range(50):
            await client.version()

    assert server.connections == 1


async def lines_until_end(lines: AsyncGenerator[bytes, None]) -> list[bytes]:
    return [line async for line in lines]


async def test_a_list_and_a_watch_of_the_same_session(server: ScriptedServer, tmp_path: Path) -> None:
    server.will(listing(version=10), watching(bookmark(11)))
    async with client_of(kubeconfig(tmp_path / "config", server=server.url)) as client:
        _, version = await client.list_all(CONFIGMAPS)
        watch = client.watch(CONFIGMAPS, selector="", resource_version=version, lifetime_s=300, silence_s=5)
        async with watch as lines:
            assert len(await lines_until_end(lines)) == 1
