"""The hub process: builds the rooms from settings, runs until it is told to stop, and stops cleanly."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
import uvloop

from fleet.apply.inventory import Inventory
from fleet.audit.log import AuditLog
from fleet.cue.binary import helper_path
from fleet.cue.evaluator import Evaluator
from fleet.cue.remote.cache import ModuleCache
from fleet.cue.remote.fetching import Fetching
from fleet.errors import FleetError, first_of
from fleet.hub import http
from fleet.hub.engagement import Rooms
from fleet.hub.fleet import Fleet, RegisteredSpokes
from fleet.registry.repository import ClusterRepository
from fleet.store import ownership, schema, urls
from fleet.store.database import Database
from fleet.store.errors import SchemaError
from fleet.transforms.catalog import Catalog, active_of
from fleet.transforms.repository import TransformRepository

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run a hub until SIGTERM or SIGINT. Raises FleetError where it cannot start."""
    uvloop.run(_until_told_to_stop(settings))


async def _until_told_to_stop(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    hub = asyncio.create_task(serve(settings))
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({hub, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not hub.done():
        log.info("stopping")
        hub.cancel()
    try:
        await hub
    except asyncio.CancelledError:
        log.info("stopped")
    except BaseExceptionGroup as group:  # rooms with tasks of their own hand on in one what came through them
        if isinstance(error := first_of(group), FleetError):
            raise error from group
        raise


async def serve(settings: Settings, *, open_audit: Callable[[Database], AuditLog] = AuditLog) -> None:
    """Run a hub until cancelled. ``open_audit`` makes the log that hears of every write."""
    address = settings.address
    async with AsyncExitStack() as stack:
        await _prepare_database(settings, stack)
        database = await stack.enter_async_context(Database.open(settings.database))
        audit = await stack.enter_async_context(open_audit(database))
        evaluator = await stack.enter_async_context(Evaluator(size=settings.evaluators))
        transforms = TransformRepository(database)
        spokes = RegisteredSpokes()
        rooms = Rooms(
            audit=audit,
            catalog=await _catalog(transforms),
            clusters=ClusterRepository(database),
            evaluator=evaluator,
            fetching=_fetching(settings),
            inventory=Inventory(database),
            spokes=spokes,
            transforms=transforms,
        )
        fleet = Fleet(settings.clusters, rooms, spokes)

        async def unready() -> str:
            await database.ping()
            return "" if fleet.read_once else "the cluster files are not read yet"

        port = await stack.enter_async_context(http.serve(address, unready=unready))
        log.info("hub is up", database=database.name, clusters=str(settings.clusters), port=port)
        await fleet.run()


async def _prepare_database(settings: Settings, stack: AsyncExitStack) -> None:
    """SQLite is the hub's own file, and brought up to date; a shared PostgreSQL is upgraded by who runs it."""
    url = urls.parse(settings.database)
    if urls.is_sqlite(url):
        settings.data_folder.mkdir(parents=True, exist_ok=True)
        urls.check_folder(url)
        stack.enter_context(ownership.of_sqlite(url))
        await schema.upgrade(settings.database)
        return
    found, needed = await schema.current(settings.database), schema.head()
    if found != needed:
        raise SchemaError(
            f"the database {urls.described(url)} is at schema {found or 'none'}, this version needs {needed}: "
            f"{schema.advice(found)}"
        )


def _fetching(settings: Settings) -> Fetching:
    cache = ModuleCache(settings.data_folder / "modules", limit_bytes=settings.module_cache_mib * 2**20)
    return Fetching(cache, helper=helper_path(), look_every_s=settings.look_every_s)


async def _catalog(transforms: TransformRepository) -> Catalog:
    """The kinds that were in force when the last hub stopped."""
    catalog = Catalog()
    for revision in await transforms.all_latest():
        catalog.put(active_of(revision))
    return catalog
