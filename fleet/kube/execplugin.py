"""Running the exec plugin of a kubeconfig: a program that prints a credential.

``kubernetes.aio`` runs them too, but waits for ever, leaves the program behind when it is cancelled, and only logs
what went wrong. The protocol is client-go's (client.authentication.k8s.io, ``ExecCredential``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.kube.errors import ConnectionConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT_S = 30.0
MAX_WORDS = 500
"""How much of what a failing plugin printed goes into the error."""


class Credential(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``status`` of an ExecCredential: a token, or a client certificate and its key in PEM."""

    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None

    def expires_within(self, seconds: float) -> bool:
        """Whether it will have expired then; one that does not say when is good until it is refused."""
        expiry = self.expiration_timestamp
        return expiry is not None and (expiry - datetime.now(UTC)).total_seconds() < seconds


class _ExecCredential(msgspec.Struct, frozen=True, kw_only=True):
    status: Credential


_decode = msgspec.json.Decoder(_ExecCredential).decode


async def run(plugin: Mapping[str, Any], *, cluster: Mapping[str, Any], folder: Path | None) -> Credential:
    """Run a user's ``exec`` and give the credential. ``folder`` is where the kubeconfig is.

    Raises ConnectionConfigError, with what the plugin said. Nothing of it is left running.
    """
    command = str(plugin["command"])
    if folder is not None and os.sep in command:
        command = str(folder / command)  # an absolute path stays what it is
    try:
        async with asyncio.timeout(TIMEOUT_S):
            code, printed, complaint = await _output_of(
                [command, *(plugin.get("args") or ())], environment=_environment(plugin, cluster)
            )
    except TimeoutError:
        raise ConnectionConfigError(f"the exec plugin {command} took more than {TIMEOUT_S:g} s") from None
    except OSError as exc:
        hint = plugin.get("installHint")
        raise ConnectionConfigError(f"the exec plugin {command}: {exc}" + (f"; {hint}" if hint else "")) from exc
    if code != 0:
        words = complaint.decode(errors="replace").strip()[-MAX_WORDS:]
        raise ConnectionConfigError(f"the exec plugin {command} ended with exit code {code}: {words}")
    return _parsed(printed, command)


async def _output_of(argv: list[str], *, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # so that what it started ends with it
    )
    try:
        printed, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, printed, complaint


def _environment(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        told = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
        spec["cluster"] = {key: cluster[key] for key in told if key in cluster}
    info = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
    own = {each["name"]: each["value"] for each in plugin.get("env") or ()}
    return {**os.environ, **own, "KUBERNETES_EXEC_INFO": msgspec.json.encode(info).decode()}


def _parsed(printed: bytes, command: str) -> Credential:
    try:
        credential = _decode(printed).status
    except ValueError as exc:  # msgspec's errors are; none of them repeats what was printed
        raise ConnectionConfigError(f"the exec plugin {command} printed no ExecCredential: {exc}") from exc
    if not credential.token and not (credential.client_certificate_data and credential.client_key_data):
        raise ConnectionConfigError(f"the exec plugin {command} gave no token and no certificate with its key")
    return credential
