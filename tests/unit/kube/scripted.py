"""A scripted API server: a real HTTP server on loopback that gives the answers a test lists, in that order."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fleet.kube.writes import Write, WriteOutcome

from fleet.kube.resources import ResourceType
from fleet.kube.writes import OperationId

Manifest = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONFIGMAPS = ResourceType(group="", version="v1", kind="ConfigMap", plural="configmaps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        return json.loads(self.body)


class ScriptedServer:
    """``will(...)`` adds answers; each request takes the next. Requests beyond the script are refused with 501."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.connections = 0
        self.port = 0
        self._script: deque[Answer] = deque()
        self._seen: set[int] = set()
        self._giving: set[asyncio.Future[web.StreamResponse]] = set()
        self._runner: web.ServerRunner | None = None
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will(self, *answers: Answer) -> None:
        """Answer the next requests like this."""
        self._script.extend(answers)

    @property
    def unanswered(self) -> int:
        """How many answers of the script nobody asked for."""
        return len(self._script)

    async def asked(self, count: int) -> list[Asked]:
        """The first ``count`` requests, once they have come."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= count)
        return self.requests[:count]

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port, and cut every connection."""
        for giving in self._giving:
            giving.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if id(request.transport) not in self._seen:
            self._seen.add(id(request.transport))
            self.connections += 1
        asked = Asked(
            method=request.method,
            path=request.raw_path.partition("?")[0],
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
        )
        async with self._changed:
            self.requests.append(asked)
            self._changed.notify_all()
        if not self._script:
            return web.Response(status=501, text="beyond the script")
        giving = asyncio.ensure_future(self._script.popleft()(request))  # type: ignore[arg-type]
        self._giving.add(giving)
        giving.add_done_callback(self._giving.discard)
        try:
            return await giving
        except asyncio.CancelledError:
            if giving.cancelled() and request.transport is not None:
                request.transport.abort()
            raise


def answer(document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with JSON."""

    async def give(_: web.Request) -> web.StreamResponse:
        return web.json_response(document, status=status, headers=headers)

    return give


def text(body: str, *, status: int = 200, content_type: str = "text/html", **headers: str) -> Answer:
    """Answer as a proxy does."""

    async def give(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status, content_type=content_type, headers=headers)

    return give


def refusal(code: int, reason: str = "", message: str = "", **details: object) -> Answer:
    """Answer with a Status."""
    headers = {"Retry-After": str(details.pop("retry_after"))} if "retry_after" in details else None
    return answer(status_of(code, reason, message, **details), status=code, headers=headers)


def listing(*objects: Manifest, version: int, continue_token: str = "") -> Answer:
    """Answer with one page of a list."""
    metadata: Manifest = {"resourceVersion": str(version)}
    if continue_token:
        metadata["continue"] = continue_token
    return answer({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": list(objects)})


def watching(*events: Manifest | bytes, then: str = "end") -> Answer:
    """Answer a watch: one line an event, bytes as they are. ``then``: end, abort (no last chunk), or hang."""

    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for event in events:
            await response.write(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n")
        if then == "abort":
            assert request.transport is not None
            request.transport.abort()
        if then == "hang":
            await hang(request)
        return response

    return give


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer: until the server is stopped, or the client goes."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def held(release: asyncio.Event, then: Answer) -> Answer:
    """Answer once ``release`` is set."""

    async def give(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return await then(request)

    return give


def configmap(name: str, version: int, *, uid: str = "", namespace: str = "ns", **labels: str) -> Manifest:
    """A ConfigMap at a version."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "labels": labels,
        },
    }


def added(document: Manifest) -> Manifest:
    return {"type": "ADDED", "object": document}


def modified(document: Manifest) -> Manifest:
    return {"type": "MODIFIED", "object": document}


def deleted(document: Manifest) -> Manifest:
    return {"type": "DELETED", "object": document}


def bookmark(version: int) -> Manifest:
    return {"type": "BOOKMARK", "object": {"kind": "ConfigMap", "metadata": {"resourceVersion": str(version)}}}


def error_line(code: int, reason: str, message: str = "") -> Manifest:
    return {"type": "ERROR", "object": status_of(code, reason, message)}


def status_of(code: int, reason: str = "", message: str = "", **details: object) -> Manifest:
    """A ``v1.Status`` that refuses."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


def kubeconfig(path: Path, *, server: str, user: Manifest | None = None, cluster: Manifest | None = None) -> Path:
    """Write a kubeconfig with one context; JSON is YAML."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "it", "user": "me"}}],
        "clusters": [{"name": "it", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "me", "user": {"token": "secret-token"} if user is None else user}],
    }
    path.write_text(json.dumps(document))
    return path


class RecordingLog:
    """A WriteLog in memory. ``broken`` makes it refuse intents."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Write, WriteOutcome | None]] = []
        self.broken: Exception | None = None

    async def intend(self, write: Write) -> OperationId:
        await asyncio.sleep(0)
        if self.broken is not None:
            raise self.broken
        self.events.append(("intent", write, None))
        return OperationId(str(len(self.events)))

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> None:
        assert operation
        self.events.append(("outcome", write, outcome))

    @property
    def outcomes(self) -> list[WriteOutcome]:
        return [outcome for _, _, outcome in self.events if outcome is not None]
