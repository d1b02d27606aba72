"""A client for one cluster: reads that give typed objects, and writes that the write log hears of first.

Every call has a timeout and maps failures to the error tree; none retries. ``in_flight`` bounds what one
cluster is asked for at once, so that a slow API server fills its own queue and nobody else's.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from prometheus_client import Counter

from fleet.errors import FleetError
from fleet.kube.errors import (
    ConnectionConfigError,
    Unauthorized,
    error_of,
    mapped_transport_errors,
    parse_status,
)
from fleet.kube.objects import LiveObject, Page, decode_page
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, Verb, Write, WriteOutcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fleet.ids import ClusterName
    from fleet.kube.resources import ResourceType
    from fleet.kube.session import Session
    from fleet.kube.writes import WriteLog

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
PAGE_SIZE = 500
IN_FLIGHT = 64

FIELD_MANAGER = "pequod-fleet"

requests_total = Counter("fleet_api_requests", "Requests sent to API servers.", ["cluster", "method", "code"])

_encode = msgspec.json.Encoder().encode


class ClusterClient:
    """One cluster's API. Open a session first, and close it after."""

    def __init__(self, name: ClusterName, session: Session, log: WriteLog, *, in_flight: int = IN_FLIGHT) -> None:
        self.name = name
        self._session = session
        self._log = log
        self._slots = asyncio.Semaphore(in_flight)

    # Reads

    async def version(self) -> str:
        """The API server's ``gitVersion``, by a request that always crosses the network."""
        raw = await self._request("GET", "/version", doing="get /version", timeout_s=CONNECT_TIMEOUT_S)
        document: dict[str, str] = msgspec.json.decode(raw)
        return document["gitVersion"]

    async def get(self, resource: ResourceType, name: str, *, namespace: str | None = None) -> LiveObject:
        """One object. Raises NotFound."""
        path = resource.path(namespace, name)
        raw = await self._request("GET", path, doing=f"get {resource.kind} {_named(namespace, name)}")
        return LiveObject.decode(raw, api_version=resource.api_version, kind=resource.kind)

    async def document(self, path: str) -> bytes:
        """Any GET, as bytes: discovery and version documents."""
        return await self._request("GET", path, doing=f"get {path}")

    async def list_page(
        self,
        resource: ResourceType,
        *,
        selector: str = "",
        namespace: str | None = None,
        continue_token: str = "",
        limit: int = PAGE_SIZE,
    ) -> Page:
        """One page of a list. Raises Expired where ``continue_token`` is too old."""
        params = {"limit": str(limit)}
        if selector:
            params["labelSelector"] = selector
        if continue_token:
            params["continue"] = continue_token
        raw = await self._request("GET", resource.path(namespace), doing=f"list {resource.plural}", params=params)
        return decode_page(raw, api_version=resource.api_version, kind=resource.kind)

    async def list_all(
        self, resource: ResourceType, *, selector: str = "", namespace: str | None = None
    ) -> tuple[list[LiveObject], str]:
        """Every object, with the resource version from which a watch can go on."""
        page = await self.list_page(resource, selector=selector, namespace=namespace)
        objects = page.objects
        while page.continue_token:
            page = await self.list_page(
                resource, selector=selector, namespace=namespace, continue_token=page.continue_token
            )
            objects += page.objects
        return objects, page.resource_version

    async def watch_lines(
        self,
        resource: ResourceType,
        *,
        selector: str,
        resource_version: str,
        lifetime_s: int,
        silence_s: float,
    ) -> AsyncIterator[bytes]:
        """The lines of a watch, until the server ends it after ``lifetime_s``.

        Raises Unreachable after ``silence_s`` without a byte: bookmarks come about once a minute, so a longer
        silence means a dead connection. Raises Expired where ``resource_version`` is too old.
        """
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(lifetime_s),
        }
        if selector:
            params["labelSelector"] = selector
        doing = f"watch {resource.plural}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s)
        http, base, arguments = await self._session.request_arguments()
        with mapped_transport_errors(self.name, doing):
            async with http.get(base + resource.path(), params=params, timeout=timeout, **arguments) as response:
                self._count("WATCH", response.status)
                if response.status != 200:  # noqa: PLR2004 - OK
                    await self._refuse(response, doing)
                async for line in response.content:
                    yield line

    # Writes

    async def apply(
        self,
        resource: ResourceType,
        manifest: Mapping[str, Any],
        *,
        cause: Cause,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> LiveObject:
        """Server-side apply. Raises ApplyConflict, with managers and fields, unless ``force``."""
        ref = ObjectRef.of(dict(manifest))
        return await self._write(
            Write(cluster=self.name, verb=Verb.APPLY, ref=ref, cause=cause),
            "PATCH",
            resource.path(ref.namespace or None, ref.name),
            body=_encode(manifest),
            content_type="application/apply-patch+yaml",
            params={"fieldManager": manager, "force": "true" if force else "false"},
        )

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
        operation = await self._log.intend(write)
        started = time.monotonic()
        error: str | None = "cancelled before the answer came"
        version: str | None = None
        try:
            raw = await self._request(
                method,
                path,
                doing=f"{write.verb} {write.ref}",
                body=body,
                content_type=content_type,
                params=params,
            )
            error = None
            answer = LiveObject.decode(raw)
            version = answer.meta.resource_version or None
        except FleetError as exc:
            error = str(exc)
            raise
        finally:
            self._log.conclude(
                operation,
                write,
                WriteOutcome(error=error, resource_version=version, duration_s=time.monotonic() - started),
            )
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
    ) -> bytes:
        async with self._slots:
            try:
                http, base, arguments = await self._session.request_arguments()
            except ConnectionConfigError as exc:
                raise ConnectionConfigError(f"cluster {self.name}: {exc}") from exc
            if body is not None:
                arguments["headers"]["Content-Type"] = content_type
            timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
            with mapped_transport_errors(self.name, doing):
                async with http.request(
                    method, base + path, params=params, data=body, timeout=timeout, **arguments
                ) as response:
                    self._count(method, response.status)
                    if response.status >= 400:  # noqa: PLR2004 - where errors begin
                        await self._refuse(response, doing)
                    return await response.read()

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
        raise error

    def _count(self, method: str, code: int) -> None:
        requests_total.labels(cluster=self.name, method=method, code=str(code)).inc()


def _named(namespace: str | None, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name
