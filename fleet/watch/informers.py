"""Informers: one stream and one cache for each resource type that something on a cluster needs.

A cluster's informers run as tasks of one group, which its engagement owns; when the engagement ends, so do they.
Handlers are called in the event loop, must not block, and normally only put an identity on a backlog. One that
fails over an object is logged with it and ends nothing: no single object may blind the hub to all the others.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import structlog

from fleet.kube.errors import Unreachable
from fleet.kube.objects import version_number
from fleet.kube.stream import Broken, Changed, Deleted, Listed, Resumed, follow
from fleet.watch.cache import ObjectCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from fleet.errors import FleetError
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.kube.stream import Event

    OnChange = Callable[[LiveObject], None]

log = structlog.get_logger(__name__)

SYNC_TIMEOUT_S = 30.0


class Informer:
    """A cache that a stream keeps current, for as long as `run` runs.

    ``on_change`` hears of everything that is new, different or gone. ``on_deleted`` hears, before it, only of what
    the stream said was deleted: what is missing from a list may merely not be visible.
    """

    def __init__(
        self,
        client: ClusterClient,
        resource: ResourceType,
        *,
        on_change: OnChange,
        on_deleted: OnChange | None = None,
        selector: str = "",
        index_label: str | None = None,
    ) -> None:
        self.resource = resource
        self.cache = ObjectCache(index_label=index_label)
        self.broken: FleetError | None = None
        self._client = client
        self._selector = selector
        self._on_change = on_change
        self._on_deleted = on_deleted
        self._listed = False
        self._heard = asyncio.Event()
        self._in_a_hurry = asyncio.Event()

    @property
    def listed(self) -> bool:
        """The cache held, at one time at least, everything there was."""
        return self._listed

    @property
    def seeing(self) -> bool:
        """The cache holds everything there is, and the stream is up: absence means gone."""
        return self._listed and self.broken is None

    async def synced(self, *, timeout_s: float = SYNC_TIMEOUT_S) -> None:
        """Wait for the first full list. Raises what keeps it from coming."""
        if self._listed:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._heard.wait()
        except TimeoutError:
            raise Unreachable(f"cluster {self._client.name}: no list of {self.resource} in time") from None
        if self.broken is not None:
            raise self.broken

    def learn(self, seen: LiveObject) -> None:
        """Take the answer to a write of our own, ahead of the stream."""
        if self.cache.learn(seen):
            self._tell(self._on_change, seen)

    def learn_status(self, seen: LiveObject, *, written: Mapping[str, Any]) -> None:
        """Take the answer to a write of our own of a status; whoever wrote it is told of what else it shows."""
        known = self.cache.get(seen.meta.namespace, seen.meta.name)
        news = known is None or not known.meta.same_but_version(seen.meta) or seen.body.get("status") != written
        if self.cache.learn(seen) and news:
            self._tell(self._on_change, seen)

    def hurry(self) -> None:
        """What broke the stream may be over: let it try again now."""
        self._in_a_hurry.set()

    async def run(self) -> None:
        """Follow the stream for ever."""
        stream = follow(self._client, self.resource, selector=self._selector, hurry=self._in_a_hurry)
        async with aclosing(stream) as events:
            async for event in events:
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Changed(seen):
                if self.cache.put(seen):
                    self._tell(self._on_change, seen)
            case Deleted(seen):
                if self._on_deleted is not None:
                    self._tell(self._on_deleted, seen)
                if self.cache.remove(seen):
                    self._tell(self._on_change, seen)
            case Listed(objects, version):
                self.broken = None
                self._listed = True
                for seen in self.cache.replace(objects, version=version_number(version)):
                    self._tell(self._on_change, seen)
            case Resumed():
                self.broken = None
            case Broken(error):
                self._lost_sight(error)
        self._heard.set()

    def _lost_sight(self, error: FleetError) -> None:
        if str(self.broken) != str(error):
            log.info("stream broken", cluster=self._client.name, resource=str(self.resource), error=str(error))
        self.broken = error

    def _tell(self, handler: OnChange, seen: LiveObject) -> None:
        try:
            handler(seen)
        except Exception:
            log.exception("cannot handle a change", cluster=self._client.name, object=str(seen.ref))


@dataclass(frozen=True, slots=True)
class _Running:
    informer: Informer
    task: asyncio.Task[None]


class Informers:
    """The informers of one cluster. Use it as a context: leaving it ends every stream.

    An informer is known by its resource type and label selector, so that those who need everything of a kind and
    those who need only what the fleet made of it do not share one.
    """

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        self._running: dict[tuple[ResourceType, str], _Running] = {}
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for resource, selector in list(self._running):
            self.stop(resource, selector=selector)
        await self._group.__aexit__(kind, error, trace)

    def get(self, resource: ResourceType, *, selector: str = "") -> Informer | None:
        """The running informer, or None where nobody started one."""
        running = self._running.get((resource, selector))
        return running.informer if running else None

    def start(
        self,
        resource: ResourceType,
        *,
        on_change: OnChange,
        on_deleted: OnChange | None = None,
        selector: str = "",
        index_label: str | None = None,
    ) -> Informer:
        """The informer of ``resource`` and ``selector``, started now where none runs."""
        if running := self._running.get((resource, selector)):
            return running.informer
        informer = Informer(
            self._client,
            resource,
            on_change=on_change,
            on_deleted=on_deleted,
            selector=selector,
            index_label=index_label,
        )
        task = self._group.create_task(informer.run(), name=f"{self._client.name}: watch {resource}")
        self._running[(resource, selector)] = _Running(informer, task)
        return informer

    def stop(self, resource: ResourceType, *, selector: str = "") -> None:
        """End a stream and forget what it showed."""
        if running := self._running.pop((resource, selector), None):
            running.task.cancel()

    @property
    def stand_at(self) -> int:
        """The resource version that the furthest stream has come to."""
        return max((running.informer.cache.stands_at for running in self._running.values()), default=0)

    def hurry(self) -> None:
        """The cluster may be back: let every broken stream try again now."""
        for running in self._running.values():
            if running.informer.broken is not None:
                running.informer.hurry()
