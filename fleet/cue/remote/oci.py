"""Modules in OCI registries, as ``cue mod publish`` pushes them, with their dependencies from the same registry.

CUE's own Go packages do it, in a process that lives for one request: unlike the evaluators it has the network, and
unlike them it evaluates no module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fleet.cue.errors import ModuleError
from fleet.cue.remote import content, dockerconfig, ociref, oneshot, subprocesses
from fleet.cue.remote.origin import Location, SourceUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.cue.module import Module
    from fleet.cue.remote.ociref import OciRef
    from fleet.cue.remote.origin import PullSecret

LOOK_TIMEOUT_S = 30.0
FETCH_TIMEOUT_S = 120.0

_MEMORY_MIB = 256


class _Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    op: str
    host: str
    repository: str
    tag: str = ""
    digest: str = ""
    plain_http: bool = False
    username: str = ""
    password: str = ""
    token: str = ""
    ca: str = ""
    max_bytes: int


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    digest: str = ""
    module: str = ""
    files: dict[str, bytes] = {}
    error: oneshot.Failure | None = None


_answer = msgspec.json.Decoder(_Answer)


class OciSource:
    """``type: oci``. ``helper`` is the binary of the CUE helper."""

    def __init__(self, helper: Path) -> None:
        self._helper = helper

    def locate(self, ref: str, *, path: str) -> Location:
        """Read ``cueRef.ref`` and ``cueRef.path``. Raises ModuleError."""
        if path:
            raise ModuleError(f"cueRef.path: a module of a registry is whole, and has no path {path!r}")
        parsed = ociref.parse(ref)
        return Location(ref=ref, host=parsed.host, repository=parsed.name, pinned=parsed.digest)

    async def look(self, location: Location, secret: PullSecret) -> str:
        """The digest of the manifest that the tag is at, by a HEAD request."""
        ref = ociref.parse(location.ref)
        request = _request("resolve", ref, secret)
        return (await self._ask(ref, request, timeout_s=LOOK_TIMEOUT_S)).digest

    async def fetch(self, location: Location, revision: str, secret: PullSecret) -> Module:
        """The module of a manifest, and what it depends on."""
        ref = ociref.parse(location.ref)
        request = msgspec.structs.replace(_request("fetch", ref, secret), digest=revision)
        answer = await self._ask(ref, request, timeout_s=FETCH_TIMEOUT_S)
        return content.module_of(answer.files, where=f"cueRef.ref: {location.described(revision)}")

    async def _ask(self, ref: OciRef, request: _Request, *, timeout_s: float) -> _Answer:
        try:
            answer = await oneshot.ask(
                [self._helper, f"-memory-mib={_MEMORY_MIB}", "fetch"],
                request,
                _answer,
                environment=subprocesses.network_environment(),
                timeout_s=timeout_s,
            )
        except TimeoutError:
            raise SourceUnavailable(f"registry {ref.host} did not answer within {timeout_s:g} s") from None
        if answer.error is not None:
            raise _error(ref, answer.error)
        return answer


def _request(op: str, ref: OciRef, secret: PullSecret) -> _Request:
    found = dockerconfig.credentials(ref, secret)
    if ref.plain_http and not ref.on_loopback and (found.password or found.token):
        raise ModuleError(
            f"cueRef.pullSecretRef: {ref.host} gets no credentials without TLS; leave out +insecure, or the Secret"
        )
    try:
        authority = secret.get("ca.crt", b"").decode("ascii")
    except UnicodeDecodeError:
        raise ModuleError("cueRef.pullSecretRef: ca.crt of the Secret is not a PEM certificate") from None
    return _Request(
        op=op,
        host=ref.host,
        repository=ref.repository,
        tag=ref.tag,
        digest=ref.digest,
        plain_http=ref.plain_http,
        username=found.username,
        password=found.password,
        token=found.token,
        ca=authority,
        max_bytes=oneshot.MOST_FILE_BYTES,
    )


def _error(ref: OciRef, failure: oneshot.Failure) -> Exception:
    match failure.code:
        case "denied":
            return ModuleError(
                f"cueRef.pullSecretRef: {ref.name} refuses access; "
                f"name a Secret whose credentials may read it ({failure.message})"
            )
        case "missing":
            wanted = f"@{ref.digest}" if ref.digest else f":{ref.tag}"
            return ModuleError(
                f"cueRef.ref: {ref.name}{wanted} is not complete in its registry: {failure.message}"
            )
        case "module" | "request":
            return ModuleError(f"cueRef.ref: {failure.message}")
        case _:
            return SourceUnavailable(f"registry {ref.host}: {failure.message}")
