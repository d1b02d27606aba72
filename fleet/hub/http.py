"""What monitoring asks: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fleet.errors import FleetError, Terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class CannotListen(Terminal):
    """The address is not there, or another program has it."""


@asynccontextmanager
async def serve(address: tuple[str, int], *, unready: Callable[[], Awaitable[str]]) -> AsyncIterator[int]:
    """Serve for as long as the block lasts, and give the port. Raises CannotListen.

    ``unready`` says why the hub is not ready yet, or nothing. A cluster that is away does not make the hub
    unready: restarting it would not bring that cluster back.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        try:
            why = await unready()
        except FleetError as exc:
            why = str(exc)
        return web.Response(text=f"{why or 'ok'}\n", status=503 if why else 200)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, *address).start()
        except OSError as exc:
            raise CannotListen(
                f"cannot listen on {address[0]}:{address[1]} ({exc.strerror or exc}): "
                "choose another address with --listen or FLEET_LISTEN"
            ) from exc
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
