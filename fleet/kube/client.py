"""A client for one cluster: reads that give typed objects, and writes that the write log hears of first.

Every call has a timeout and maps failures to the error tree; none retries. ``in_flight`` bounds what one
cluster is asked for at once, so that a slow API server fills its own queue and nobody else's.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from prometheus_client import Counter

from fleet.errors import FleetError
from fleet.kube.errors import (
    AlreadyExists,
    Conflict,
    ConnectionConfigError,
    Invalid,
    Silent,
    TooLarge,
    Unauthorized,
    Unreachable,
    error_of,
    mapped_decode_errors,
    mapped_transport_errors,
    parse_status,
)
from fleet.kube.objects import LiveObject, Page, decode_page
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, Verb, Write, WriteOutcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from fleet.ids import ClusterName
    from fleet.kube.resources import ResourceType
    from fleet.kube.session import Session
    from fleet.kube.writes import WriteLog

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
PAGE_SIZE = 500

MAX_OBJECT_BYTES = 1_572_864
"""etcd's ``--max-request-bytes``; a larger object would be refused by it, in words that help nobody."""

NO_VERSION = str(2**64 - 1)
"""A resource version that no object has."""

_APPLYING = {"fieldValidation": "Ignore"}
"""Server-side apply refuses unknown fields by itself; looking for them twice costs a sixth of a request."""

_ANOTHER_UID = "metadata.uid: Invalid value"
"""How a uid is refused for an object that has another (ValidateObjectMetaUpdate in k8s.io/apimachinery)."""

IN_FLIGHT = 64

FIELD_MANAGER = "pequod-fleet"

_requests_total = Counter("fleet_api_requests", "Requests sent to API servers.", ["cluster", "method", "code"])
_requests_of = cache(_requests_total.labels)  # finding a metric by its labels costs more than counting

_encode = msgspec.json.Encoder().encode


class _Version(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    git_version: str


_version = msgspec.json.Decoder(_Version)


class ClusterClient:
    """One cluster's API. Open a session first, and close it after."""

    def __init__(self, name: ClusterName, session: Session, log: WriteLog, *, in_flight: int = IN_FLIGHT) -> None:
        self.name = name
        self._session = session
        self._log = log
        self._slots = asyncio.Semaphore(in_flight)

    # Reads

    async def version(self) -> str:
        """The API server's ``gitVersion``, by a request that crosses the network and waits for no other."""
        raw = await self._request(
            "GET", "/version", doing="get /version", timeout_s=CONNECT_TIMEOUT_S, in_turn=False
        )
        with mapped_decode_errors(self.name, "get /version"):
            return _version.decode(raw).git_version

    async def get(self, resource: ResourceType, name: str, *, namespace: str | None = None) -> LiveObject:
        """One object. Raises NotFound."""
        doing = f"get {resource.kind} {_named(namespace, name)}"
        raw = await self._request("GET", resource.path(namespace, name), doing=doing)
        with mapped_decode_errors(self.name, doing):
            return LiveObject.decode(raw, api_version=resource.api_version, kind=resource.kind)

    async def document(self, path: str) -> bytes:
        """Any GET, as bytes: discovery and version documents."""
        return await self._request("GET", path, doing=f"get {path}")

    async def list_page(
        self,
        resource: ResourceType,
        *,
        selector: str = "",
        field_selector: str = "",
        namespace: str | None = None,
        continue_token: str = "",
        limit: int = PAGE_SIZE,
    ) -> Page:
        """One page of a list. Raises Expired where ``continue_token`` is too old."""
        params = {"limit": str(limit)}
        if selector:
            params["labelSelector"] = selector
        if field_selector:
            params["fieldSelector"] = field_selector
        if continue_token:
            params["continue"] = continue_token
        doing = f"list {resource.plural}"
        raw = await self._request("GET", resource.path(namespace), doing=doing, params=params)
        with mapped_decode_errors(self.name, doing):
            return decode_page(raw, api_version=resource.api_version, kind=resource.kind)

    async def list_all(
        self,
        resource: ResourceType,
        *,
        selector: str = "",
        field_selector: str = "",
        namespace: str | None = None,
    ) -> tuple[list[LiveObject], str]:
        """Every object, with the resource version from which a watch can go on."""
        page = await self.list_page(
            resource, selector=selector, field_selector=field_selector, namespace=namespace
        )
        objects = page.objects
        while page.continue_token:
            page = await self.list_page(
                resource,
                selector=selector,
                field_selector=field_selector,
                namespace=namespace,
                continue_token=page.continue_token,
            )
            objects += page.objects
        return objects, page.resource_version

    @asynccontextmanager
    async def watch(
        self,
        resource: ResourceType,
        *,
        selector: str,
        field_selector: str = "",
        namespace: str | None = None,
        resource_version: str,
        lifetime_s: int,
        silence_s: float,
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The lines of a watch, once the server has accepted it, until it ends it after ``lifetime_s``.

        Raises Silent after ``silence_s`` without a byte: bookmarks come about once a minute, so a longer silence
        means a dead connection. Raises Expired where ``resource_version`` is too old.
        """
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(lifetime_s),
        }
        if selector:
            params["labelSelector"] = selector
        if field_selector:
            params["fieldSelector"] = field_selector
        doing = f"watch {resource.plural}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s)
        path = resource.path(namespace)
        async with self._answer("GET", path, doing=doing, params=params, timeout=timeout) as response:
            yield self._lines(response.content, doing=doing, silence_s=silence_s)

    async def _lines(
        self, content: aiohttp.StreamReader, *, doing: str, silence_s: float
    ) -> AsyncGenerator[bytes, None]:
        """Lines without their ends; chunks are cut here, for readline costs more than decoding what it reads."""
        begun: list[bytes] = []
        try:
            async for chunk in content.iter_any():
                first, *rest = chunk.split(b"\n")
                begun.append(first)
                if rest:
                    yield b"".join(begun)
                    for line in rest[:-1]:
                        yield line
                    begun = [rest[-1]]
        except aiohttp.SocketTimeoutError as exc:
            raise Silent(f"cluster {self.name}: {doing}: nothing heard for {silence_s:g} s") from exc
        if cut := b"".join(begun):
            yield cut

    async def preview(
        self, resource: ResourceType, manifest: Mapping[str, Any], *, manager: str = FIELD_MANAGER
    ) -> LiveObject:
        """What a forced server-side apply would make of the object. Nothing is changed, so nothing is recorded."""
        ref = ObjectRef.of(dict(manifest))
        doing = f"preview {ref}"
        raw = await self._request(
            "PATCH",
            resource.path(ref.namespace or None, ref.name),
            doing=doing,
            body=_encode(manifest),
            content_type="application/apply-patch+yaml",
            params={"fieldManager": manager, "force": "true", "dryRun": "All"},
        )
        with mapped_decode_errors(self.name, doing):
            return LiveObject.decode(raw, api_version=resource.api_version, kind=resource.kind)

    # Writes

    async def apply(
        self,
        resource: ResourceType,
        manifest: Mapping[str, Any],
        *,
        cause: Cause,
        force: bool = False,
        only_new: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> LiveObject:
        """Server-side apply. Raises ApplyConflict, with managers and fields, unless ``force``.

        With ``only_new`` nothing that exists is changed, whoever made it and when: raises AlreadyExists. A uid in
        the manifest stands for one object, a resource version for one state of it: raises Conflict for any other.
        """
        ref = ObjectRef.of(dict(manifest))
        if only_new:  # a server makes the object, or finds that what is there has another version
            manifest = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": NO_VERSION}}
            force = True  # or it would find conflicts of fields before that
        try:
            return await self._write(
                Write(cluster=self.name, verb=Verb.APPLY, ref=ref, cause=cause),
                "PATCH",
                resource.path(ref.namespace or None, ref.name),
                body=_encode(manifest),
                content_type="application/apply-patch+yaml",
                params={"fieldManager": manager, "force": "true" if force else "false", **_APPLYING},
            )
        except Conflict as exc:
            if not only_new:
                raise
            raise AlreadyExists(f"cluster {self.name}: apply {ref}: it exists already") from exc
        except Invalid as exc:
            if _ANOTHER_UID not in str(exc):
                raise
            raise Conflict(f"cluster {self.name}: apply {ref}: it is another object than before") from exc

    async def create(
        self,
        resource: ResourceType,
        manifest: Mapping[str, Any],
        *,
        cause: Cause,
        manager: str = FIELD_MANAGER,
    ) -> LiveObject:
        """Create. Raises AlreadyExists."""
        ref = ObjectRef.of(dict(manifest))
        return await self._write(
            Write(cluster=self.name, verb=Verb.CREATE, ref=ref, cause=cause),
            "POST",
            resource.path(ref.namespace or None),
            body=_encode(manifest),
            params={"fieldManager": manager},
        )

    async def merge_patch(
        self, resource: ResourceType, ref: ObjectRef, patch: Mapping[str, Any], *, cause: Cause
    ) -> LiveObject:
        """JSON merge patch. Put ``metadata.resourceVersion`` in it to raise Conflict on a lost race."""
        return await self._write(
            Write(cluster=self.name, verb=Verb.PATCH, ref=ref, cause=cause),
            "PATCH",
            resource.path(ref.namespace or None, ref.name),
            body=_encode(patch),
            content_type="application/merge-patch+json",
            params={"fieldManager": FIELD_MANAGER},
        )

    async def patch_status(
        self, resource: ResourceType, ref: ObjectRef, status: Mapping[str, Any], *, cause: Cause
    ) -> LiveObject:
        """JSON merge patch of the ``status`` subresource: null removes a field, a list is replaced whole."""
        return await self._write(
            Write(cluster=self.name, verb=Verb.STATUS, ref=ref, cause=cause),
            "PATCH",
            resource.path(ref.namespace or None, ref.name, "status"),
            body=_encode({"status": status}),
            content_type="application/merge-patch+json",
            params={"fieldManager": FIELD_MANAGER},
        )

    async def delete(
        self, resource: ResourceType, ref: ObjectRef, *, uid: str, cause: Cause, propagation: str = "Background"
    ) -> bool:
        """Delete exactly the object that has ``uid``: a namesake created since is a Conflict, not a victim.

        True where it is gone at once, False where finalizers hold it. Raises NotFound where it was gone before.
        ``propagation``: Background, Foreground or Orphan.
        """
        answer = await self._write(
            Write(cluster=self.name, verb=Verb.DELETE, ref=ref, cause=cause),
            "DELETE",
            resource.path(ref.namespace or None, ref.name),
            body=_encode({"propagationPolicy": propagation, "preconditions": {"uid": uid}}),
        )
        # Most types answer with a Status, Services with what they were; only a held object has a deletion time.
        return answer.kind == "Status" or not answer.deleting

    # The wire

    async def _write(
        self,
        write: Write,
        method: str,
        path: str,
        *,
        body: bytes,
        content_type: str = "application/json",
        params: dict[str, str] | None = None,
    ) -> LiveObject:
        if len(body) > MAX_OBJECT_BYTES:
            raise TooLarge(
                f"cluster {self.name}: {write.verb} {write.ref}: it has {len(body):,} bytes, and etcd takes "
                f"{MAX_OBJECT_BYTES:,}; split it, or leave data out"
            )
        operation = await self._log.intend(write)
        started = time.monotonic()
        error: str | None = None
        version: str | None = None
        doing = f"{write.verb} {write.ref}"
        try:
            raw = await self._request(
                method, path, doing=doing, body=body, content_type=content_type, params=params
            )
            with mapped_decode_errors(self.name, doing):
                answer = LiveObject.decode(raw)
            version = answer.meta.resource_version or None
        except FleetError as exc:
            error = str(exc)
            raise
        except asyncio.CancelledError:
            error = "cancelled before the answer came: it may have been done or not"
            raise
        except BaseException as exc:
            error = repr(exc)
            raise
        finally:
            outcome = WriteOutcome(error=error, resource_version=version, duration_s=time.monotonic() - started)
            self._log.conclude(operation, write, outcome)
        return answer

    async def _request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        params: dict[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        timeout_s: float = REQUEST_TIMEOUT_S,
        in_turn: bool = True,
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        headers = {"Content-Type": content_type} if body is not None else {}
        async with (
            self._slots if in_turn else nullcontext(),
            self._answer(
                method, path, doing=doing, params=params, body=body, headers=headers, timeout=timeout
            ) as response,
        ):
            return await response.read()

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's, which tells phases apart
        params: dict[str, str] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to an accepted request, for as long as the block lasts; a refusal is raised."""
        try:
            with mapped_transport_errors(self.name, doing):
                async with self._session.request(
                    method, path, params=params, body=body, headers=headers, timeout=timeout
                ) as response:
                    self._count("WATCH" if params and "watch" in params else method, response.status)
                    if response.status >= 300:  # noqa: PLR2004 - a redirect comes from a proxy that wants a login
                        await self._refuse(response, doing)
                    yield response
        except Unreachable:
            self._session.lost()
            raise
        except ConnectionConfigError as exc:
            raise ConnectionConfigError(f"cluster {self.name}: {exc}") from exc

    async def _refuse(self, response: aiohttp.ClientResponse, doing: str) -> None:
        status = parse_status(await response.read(), response.status)
        error = error_of(
            status,
            response.status,
            doing=f"cluster {self.name}: {doing}",
            retry_after=response.headers.get("Retry-After"),
        )
        if isinstance(error, Unauthorized):
            self._session.refused()
            if self._session.trouble is not None:
                error = Unauthorized(f"{error} ({self._session.trouble})")
        raise error

    def _count(self, method: str, code: int) -> None:
        _requests_of(self.name, method, code).inc()


def _named(namespace: str | None, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name
