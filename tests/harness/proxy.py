"""A proxy in front of a real API server, which refuses, delays or changes what a test chooses, and counts all.

Whatever no rule is about goes through unchanged. It runs in a thread with an event loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web

from fleet.local import credentials
from tests.harness import certificates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane

    Which = Callable[["Exchange"], bool]

_PASSED_ON = ("Authorization", "Accept", "Content-Type", "User-Agent")
_PASSED_BACK = ("Content-Type", "Retry-After")
_NOTHING_SENT_S = 3600


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer; times are monotonic, and 0 where there is no answer yet."""

    method: str
    path: str
    query: dict[str, str]
    asked_at: float
    answered_at: float = 0.0
    status: int = 0
    retry_after: float | None = None

    @property
    def is_watch(self) -> bool:
        """Whether it asks for a stream."""
        return "watch" in self.query


@dataclass(slots=True, kw_only=True)
class _Rule:
    """What to do about the next ``times`` exchanges that are meant."""

    which: Which
    times: float
    delay_s: float = 0.0
    gate: asyncio.Event | None = None
    status: int = 0
    reason: str = ""
    retry_after: int | None = None
    query: dict[str, str] = field(default_factory=dict)
    met: int = 0


class Held:
    """Requests that wait in the proxy until they are let go."""

    def __init__(self, rule: _Rule, loop: asyncio.AbstractEventLoop) -> None:
        self._rule = rule
        self._loop = loop

    @property
    def count(self) -> int:
        """How many have come."""
        return self._rule.met

    def let_go(self) -> None:
        """Send them on, and hold no others."""
        self._rule.times = 0
        if self._rule.gate is not None:
            self._loop.call_soon_threadsafe(self._rule.gate.set)


class Proxy:
    """The proxy of one cluster. `kubeconfig` leads through it."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._plane = plane
        self._certificate = certificates.self_signed(folder)
        self.folder = folder
        self._rules: list[_Rule] = []
        self._exchanges: list[Exchange] = []
        self._streams: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {plane.name}")
        self._open = contextlib.AsyncExitStack()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        for rule in self._rules:
            Held(rule, self._loop).let_go()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # What a test asks for

    def kubeconfig(self, token: str) -> Path:
        """A kubeconfig through the proxy, for the user whose token is given."""
        text = credentials.kubeconfig(
            cluster=self._plane.name,
            user="through-the-proxy",
            server=f"https://127.0.0.1:{self.port}",
            ca=self._certificate.certificate.read_text(),
            token=token,
        )
        path = self.folder / "kubeconfig"
        credentials.write_private(path, text)
        return path

    def refuse(
        self, which: Which, *, status: int, reason: str = "", retry_after: int | None = None, times: float = 1
    ) -> None:
        """Answer these with an error, as an API server that is not well does."""
        self._rules.append(_Rule(which=which, times=times, status=status, reason=reason, retry_after=retry_after))

    def slow_down(self, which: Which, *, delay_s: float) -> None:
        """Let these wait before they are sent on."""
        self._rules.append(_Rule(which=which, times=float("inf"), delay_s=delay_s))

    def hold(self, which: Which, *, times: float = 1) -> Held:
        """Keep these until they are let go."""
        rule = _Rule(which=which, times=times, gate=asyncio.Event())
        self._rules.append(rule)
        return Held(rule, self._loop)

    def change_query(self, which: Which, *, times: float = 1, **query: str) -> None:
        """Send these on with other parameters."""
        self._rules.append(_Rule(which=which, times=times, query=query))

    def cut_streams(self) -> None:
        """Cut every watch that is open."""
        for stream in list(self._streams):
            self._loop.call_soon_threadsafe(stream.cancel)

    def be_well(self) -> None:
        """Forget every rule."""
        rules, self._rules = self._rules, []
        for rule in rules:
            Held(rule, self._loop).let_go()

    def saw(self, which: Which) -> list[Exchange]:
        """The exchanges so far, in the order in which they were asked."""
        return [each for each in list(self._exchanges) if which(each)]

    # The wire

    async def _start(self) -> None:
        upstream = ssl.create_default_context(cadata=self._plane.ca)
        self._http = await self._open.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=upstream))
        )
        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._open.push_async_callback(runner.cleanup)
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        served.load_cert_chain(self._certificate.certificate, self._certificate.key)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served)
        await site.start()
        self.port = runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._open.aclose()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # the handlers of streams, mostly
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        exchange = Exchange(
            method=request.method, path=request.path, query=dict(request.query), asked_at=time.monotonic()
        )
        body = await request.read()
        self._exchanges.append(exchange)
        for rule in [each for each in self._rules if each.times > 0 and each.which(exchange)]:
            rule.times -= 1
            rule.met += 1
            await asyncio.sleep(rule.delay_s)
            if rule.gate is not None:
                await rule.gate.wait()
            exchange.query.update(rule.query)
            if rule.status:
                return _refusal(exchange, rule)
        try:
            return await self._pass_on(exchange, request, body)
        except aiohttp.ClientConnectionError as exc:
            return web.Response(status=502, text=str(exc))

    async def _pass_on(self, exchange: Exchange, request: web.Request, body: bytes) -> web.StreamResponse:
        async with self._sent_on(exchange, request, body) as answer:
            exchange.status = answer.status
            exchange.retry_after = _number(answer.headers.get("Retry-After"))
            headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
            if exchange.is_watch:
                return await self._stream(request, answer, headers)
            content = await answer.read()
        exchange.answered_at = time.monotonic()
        return web.Response(status=answer.status, body=content, headers=headers)

    @contextlib.asynccontextmanager
    async def _sent_on(
        self, exchange: Exchange, request: web.Request, body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._http.request(
            exchange.method,
            self._plane.server + request.raw_path.partition("?")[0],
            params=exchange.query,
            data=body or None,
            headers={name: request.headers[name] for name in _PASSED_ON if name in request.headers},
            timeout=aiohttp.ClientTimeout(total=_NOTHING_SENT_S),
        ) as answer:
            yield answer

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)

        async def pass_on() -> None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # either side went away
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)

        stream = asyncio.create_task(pass_on())
        self._streams.add(stream)
        try:
            await asyncio.wait([stream])
        finally:
            stream.cancel()
            self._streams.discard(stream)
        return response


def most_at_once(exchanges: Iterable[Exchange]) -> int:
    """How many were under way at the same time, at most. An answer counts as given before the next is asked."""
    moments = [(each.asked_at, 1) for each in exchanges]
    moments += [(each.answered_at, -1) for each in exchanges if each.answered_at]
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def _refusal(exchange: Exchange, rule: _Rule) -> web.Response:
    exchange.status, exchange.retry_after = rule.status, rule.retry_after
    exchange.answered_at = time.monotonic()
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"the proxy says {rule.status}",
        "reason": rule.reason,
        "code": rule.status,
    }
    headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
    return web.Response(
        status=rule.status, text=json.dumps(status), content_type="application/json", headers=headers
    )


def _number(text: str | None) -> float | None:
    return float(text) if text else None
