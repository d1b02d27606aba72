"""List, then watch, for ever: what a cluster holds of one resource type, as a stream.

A stream never ends by itself. It resumes from the last resource version after every clean end and every broken
connection, and lists again only where the server says that the version is too old, and after a silence: an API
server whose storage was restored from an older state says nothing until it has come past our version. What it
yields is a state and not a history: after `Listed`, anything not in it is gone; between two lists, every change is
told.

Failures are told too (`Broken`), since "nothing changed" and "nothing can be seen" must never look the same.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fleet.errors import FleetError
from fleet.kube.errors import Expired, ServerError, Silent, error_of, mapped_decode_errors, parse_status
from fleet.kube.objects import LiveObject
from fleet.retrying import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fleet.kube.client import ClusterClient
    from fleet.kube.resources import ResourceType

WATCH_LIFETIME_S = (240, 480)
"""How long one watch request lives: spread, so that a thousand streams do not come back together."""

SILENCE_S = 130.0
"""Two bookmark intervals and a little: a longer silence means that the connection is dead."""

SHORT_WATCH_S = 1.0

RECONNECT = Backoff(initial_s=0.2, maximum_s=30.0, jitter_s=0.5)


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything there is, now. What was known and is not among ``objects`` is gone."""

    objects: list[LiveObject]
    version: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was added or modified."""

    object: LiveObject


@dataclass(frozen=True, slots=True)
class Deleted:
    """One object is gone; this is its last state."""

    object: LiveObject


@dataclass(frozen=True, slots=True)
class Resumed:
    """The server has accepted the watch, from where the last one was: everything known is still right."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing can be seen at the moment, and why. The stream goes on by itself."""

    error: FleetError


Event = Listed | Changed | Deleted | Resumed | Broken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What part of a resource type a stream shows."""

    selector: str
    field_selector: str
    namespace: str | None


class _WatchLine(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _BookmarkMeta


class _BookmarkMeta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    resource_version: str


_line = msgspec.json.Decoder(_WatchLine)
_bookmark = msgspec.json.Decoder(_Bookmark)


async def follow(
    client: ClusterClient,
    resource: ResourceType,
    *,
    selector: str = "",
    field_selector: str = "",
    namespace: str | None = None,
    backoff: Backoff = RECONNECT,
    hurry: asyncio.Event | None = None,
) -> AsyncGenerator[Event, None]:
    """Stream what the cluster holds of ``resource``, limited to selectors and a namespace where they are given.

    Whoever sets ``hurry`` cuts short the wait after a failure. Close the stream where you leave it (``aclosing``).
    """
    hurry = hurry or asyncio.Event()
    scope = _Scope(selector=selector, field_selector=field_selector, namespace=namespace)
    version: str | None = None
    failures = 0
    while True:
        hurry.clear()
        try:
            if version is None:
                objects, version = await client.list_all(
                    resource,
                    selector=scope.selector,
                    field_selector=scope.field_selector,
                    namespace=scope.namespace,
                )
                yield Listed(objects, version)
            async with aclosing(_watch(client, resource, scope=scope, version=version)) as events:
                async for event, reached in events:
                    if reached is not None:
                        failures, version = 0, reached
                    if event is not None:
                        yield event
        except FleetError as exc:
            failures += 1
            if isinstance(exc, Expired | Silent):
                version = None
            yield Broken(exc)
            if await _paused(backoff.delay_s(failures, exc), hurry=hurry):
                failures = 0


async def _watch(
    client: ClusterClient, resource: ResourceType, *, scope: _Scope, version: str
) -> AsyncGenerator[tuple[Changed | Deleted | Resumed | None, str | None], None]:
    """One watch request, from ``version``: each event with the version that it brings the watcher to.

    Raises ServerError where it is over before it could have shown anything: a proxy may cut every watch short, and
    asking again at once would never end.
    """
    opened = time.monotonic()
    heard = False
    watch = client.watch(
        resource,
        selector=scope.selector,
        field_selector=scope.field_selector,
        namespace=scope.namespace,
        resource_version=version,
        lifetime_s=random.randint(*WATCH_LIFETIME_S),  # noqa: S311 - spreads load, guards nothing
        silence_s=SILENCE_S,
    )
    async with watch as lines, aclosing(lines):
        yield Resumed(), None
        async for line in lines:
            heard = True
            yield _event_of(line, client, resource)
    if not heard and time.monotonic() - opened < SHORT_WATCH_S:
        raise ServerError(f"cluster {client.name}: watch {resource.plural}: it ended as soon as it began")


def _event_of(line: bytes, client: ClusterClient, resource: ResourceType) -> tuple[Changed | Deleted | None, str]:
    doing = f"watch {resource.plural}"
    with mapped_decode_errors(client.name, doing):
        event = _line.decode(line)
        if event.type == "BOOKMARK":
            return None, _bookmark.decode(event.object).metadata.resource_version
        if event.type != "ERROR":
            seen = LiveObject.decode(event.object, api_version=resource.api_version, kind=resource.kind)
            return (Deleted(seen) if event.type == "DELETED" else Changed(seen)), seen.meta.resource_version
    status = parse_status(bytes(event.object), 500)
    raise error_of(status, status.code or 500, doing=f"cluster {client.name}: {doing}")


async def _paused(delay_s: float, *, hurry: asyncio.Event) -> bool:
    """Wait; True where somebody was in a hurry."""
    try:
        async with asyncio.timeout(delay_s):
            return await hurry.wait()
    except TimeoutError:
        return False
