"""Exec plugins, as real programs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleet.kube import execplugin
from fleet.kube.errors import ConnectionConfigError
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Callable

API = "client.authentication.k8s.io/v1"
CLUSTER = {"server": "https://there", "certificate-authority-data": "Q0E=", "something": "else"}


def credential(**status: object) -> str:
    return json.dumps({"apiVersion": API, "kind": "ExecCredential", "status": status})


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Makes a plugin of a shell script."""

    def make(script: str, **more: object) -> dict[str, Any]:
        path = tmp_path / "plugin.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        return {"apiVersion": API, "command": str(path), **more}

    return make


async def run(plugin: dict[str, Any], folder: Path | None = None) -> execplugin.Credential:
    return await execplugin.run(plugin, cluster=CLUSTER, folder=folder)


async def test_a_token_and_its_end(plugin: Callable[..., dict[str, Any]]) -> None:
    printed = credential(token="t", expirationTimestamp="2020-01-01T00:00:00Z")

    given = await run(plugin(f"echo '{printed}'"))

    assert given.token == "t"
    assert given.expires_within(0)


async def test_a_credential_without_an_end_is_good_until_it_is_refused(
    plugin: Callable[..., dict[str, Any]],
) -> None:
    given = await run(plugin(f"echo '{credential(clientCertificateData='c', clientKeyData='k')}'"))

    assert (given.client_certificate_data, given.client_key_data) == ("c", "k")
    assert not given.expires_within(1e9)


async def test_arguments_environment_and_cluster_reach_the_plugin(plugin: Callable[..., dict[str, Any]]) -> None:
    tell = """printf '%s' "$KUBERNETES_EXEC_INFO" > $0.told"""
    print_it = f"""echo '{credential(token="given")}' | sed "s/given/$1-$X/" """
    made = plugin(
        f"{tell}\n{print_it}", args=["one"], env=[{"name": "X", "value": "two"}], provideClusterInfo=True
    )
    told = Path(made["command"] + ".told")

    assert (await run(made)).token == "one-two"
    assert json.loads(content_of(told)) == {
        "apiVersion": API,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://there", "certificate-authority-data": "Q0E="},
        },
    }


async def test_a_relative_command_is_beside_the_kubeconfig(plugin: Callable[..., dict[str, Any]]) -> None:
    made = plugin(f"echo '{credential(token='t')}'")
    path = Path(made["command"])

    assert (await run({**made, "command": f"./{path.name}"}, path.parent)).token == "t"


async def test_what_a_failing_plugin_said_is_in_the_error(plugin: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(
        ConnectionConfigError, match=r"ended with exit code 3: session has expired, run: sso login"
    ):
        await run(plugin("echo 'session has expired, run: sso login' >&2; exit 3"))


async def test_much_output_on_both_sides_does_not_stop_it(plugin: Callable[..., dict[str, Any]]) -> None:
    noise = "yes noise | head -c 300000 >&2"

    assert (await run(plugin(f"{noise}; echo '{credential(token='t')}'"))).token == "t"


async def test_a_missing_plugin_comes_with_its_hint(tmp_path: Path) -> None:
    missing = {"apiVersion": API, "command": str(tmp_path / "nothing"), "installHint": "get it at example.com"}

    with pytest.raises(ConnectionConfigError, match=r"nothing.*; get it at example\.com"):
        await run(missing)


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("hello", "printed no ExecCredential"),
        ("", "printed no ExecCredential"),
        ('{"kind": "ExecCredential"}', "missing required field `status`"),
        (credential(), "no token and no certificate"),
        (credential(clientCertificateData="c"), "no token and no certificate"),
    ],
)
async def test_output_that_is_no_credential(
    plugin: Callable[..., dict[str, Any]], printed: str, message: str
) -> None:
    with pytest.raises(ConnectionConfigError, match=message):
        await run(plugin(f"echo '{printed}'"))


async def test_a_plugin_that_hangs_is_ended_with_all_that_it_started(
    plugin: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execplugin, "TIMEOUT_S", 0.5)
    made = plugin("sleep 300 & echo $! > $0.pid; wait")

    with pytest.raises(ConnectionConfigError, match=r"took more than 0\.5 s"):
        await run(made)

    await until_async(gone(Path(made["command"] + ".pid")))


async def test_a_cancelled_wait_leaves_nothing_running(plugin: Callable[..., dict[str, Any]]) -> None:
    made = plugin("echo $$ > $0.pid; exec sleep 300")
    pid = Path(made["command"] + ".pid")
    waiting = asyncio.create_task(run(made))
    await until_async(written(pid))

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await until_async(gone(pid))


def written(pid: Path) -> Callable[[], Any]:
    async def look() -> bool:
        return bool(await asyncio.to_thread(content_of, pid))

    return look


def gone(pid: Path) -> Callable[[], Any]:
    async def look() -> bool:
        return await asyncio.to_thread(state_of, pid) in ("", "Z")

    return look


def content_of(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def state_of(pid: Path) -> str:
    """The state of a process as its kernel names it; empty where there is none."""
    return content_of(Path("/proc") / content_of(pid) / "stat").rpartition(")")[2].strip()[:1]
